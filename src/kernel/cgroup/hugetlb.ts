/** The hugetlb controller: hugetlb.SIZE.max for each size of huge pages that the machine has. */
import type { HugetlbLimits, LimitWrite, ReadFile } from "./limits.ts";
import { amountIn } from "./text.ts";

/** Some kernels write no limit as the largest number that is whole pages of the size. */
const UNLIMITED = 2n ** 62n;

const MAX_FILE = /^hugetlb\.([0-9]{1,9}[KMG]B)\.max$/;

/** The sizes of huge pages, by the names of a group's files. */
export function hugePageSizes(files: readonly string[]): string[] {
  return files.flatMap((file) => MAX_FILE.exec(file)?.[1] ?? []).sort();
}

/** Whether a text can be the size of a huge page, and thereby a part of a file's name. */
export function isHugePageSize(text: string): boolean {
  return MAX_FILE.test(`hugetlb.${text}.max`);
}

/** @param limits with sizes that `isHugePageSize` accepts */
export function hugetlbWrites({ max = {} }: HugetlbLimits): LimitWrite[] {
  return Object.entries(max).map(([size, bytes]) => ({
    controller: "hugetlb",
    file: `hugetlb.${size}.max`,
    value: String(bytes),
    field: `hugetlb.max[${JSON.stringify(size)}]`,
  }));
}

/** @param files the names of the group's files @throws {CgroupTextError} */
export function readHugetlb(read: ReadFile, files: readonly string[]): HugetlbLimits {
  const sizes = hugePageSizes(files).flatMap((size): [string, bigint][] => {
    const text = read(`hugetlb.${size}.max`);
    const bytes = text === undefined ? undefined : amountIn(text);
    return bytes === undefined || bytes >= UNLIMITED ? [] : [[size, bytes]];
  });
  return { max: Object.fromEntries(sizes) };
}
