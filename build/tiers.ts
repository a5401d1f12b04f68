/**
 * The tiers of tests: which files are in each, what has to be built for it, how long a test and a file may take, and
 * how many files run at once. Every `*.test.ts` of the repository belongs to exactly one.
 */
import { relative } from "node:path";
import { filesBelow } from "./files.ts";
import { ROOT } from "./paths.ts";

export type Artifact = "ffi" | "bundle" | "npm" | "initramfs";

export interface Tier {
  readonly name: string;
  readonly folders: readonly string[];
  readonly needs: readonly Artifact[];
  readonly testTimeoutMs: number;
  readonly fileTimeoutMs: number;
  readonly concurrency: number;
}

const SECOND_MS = 1000;

export const TIERS: readonly Tier[] = [
  {
    name: "unit",
    folders: ["src", "build", "initramfs", "examples"],
    needs: ["ffi"],
    testTimeoutMs: 30 * SECOND_MS,
    fileTimeoutMs: 120 * SECOND_MS,
    concurrency: 2,
  },
  {
    name: "arch",
    folders: ["test/arch", "test/abi"],
    needs: ["ffi"],
    testTimeoutMs: 30 * SECOND_MS,
    fileTimeoutMs: 120 * SECOND_MS,
    concurrency: 2,
  },
  {
    name: "integration",
    folders: ["test/integration", "test/contract", "test/harness", "test/fuzz", "test/bench"],
    needs: ["ffi", "bundle", "npm"],
    testTimeoutMs: 30 * SECOND_MS,
    fileTimeoutMs: 240 * SECOND_MS,
    concurrency: 2,
  },
  {
    // One virtual machine at a time: each of them keeps a core busy.
    name: "boot",
    folders: ["test/boot"],
    needs: ["ffi", "bundle", "initramfs"],
    testTimeoutMs: 120 * SECOND_MS,
    fileTimeoutMs: 300 * SECOND_MS,
    concurrency: 1,
  },
];

/** A tier's test files, as paths from the repository's root. */
export function filesOfTier(tier: Tier): string[] {
  return tier.folders.flatMap((folder) =>
    filesBelow(folder, "**/*.test.ts").map((path) => relative(ROOT, path)),
  );
}

/** The tier that a file is in, by its path from the repository's root. */
export function tierOfFile(path: string): Tier | undefined {
  return TIERS.find(({ folders }) => folders.some((folder) => path.startsWith(`${folder}/`)));
}
