/** The same input gives the same image, byte for byte; another input gives another one. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildInitramfs } from "../../build/initramfs.ts";
import { ensureKernel } from "../../build/kernel-package.ts";
import { inRoot } from "../../build/paths.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-reproducible-"));
/** A small executable makes a small image, which is compressed in no time. */
const SMALL = "/bin/true";

afterAll(() => rmSync(folder, { recursive: true }));

const digestOf = (path: string) =>
  new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");

test("buildInitramfs gives the same bytes for the same input, in whatever file", () => {
  const { modulesDir } = ensureKernel(inRoot(".cache"));
  const [one, other] = ["one.cpio.zst", "deep/er/other.cpio.zst"].map((name) =>
    buildInitramfs({ kernelModules: modulesDir, out: join(folder, name) }),
  );
  expect(one!.bytes).toBe(statSync(one!.path).size);
  expect(one!.bytes).toBe(other!.bytes);
  expect(digestOf(one!.path)).toBe(digestOf(other!.path));
});

test("buildInitramfs makes an image once, again for another input, and when it is gone", () => {
  const out = join(folder, "small.cpio.zst");
  const made = () => statSync(buildInitramfs({ executable: SMALL, out }).path).mtimeMs;
  made();
  const digest = digestOf(out);
  const past = new Date(1_000_000_000_000);
  utimesSync(out, past, past);
  expect(made()).toBe(past.getTime());

  buildInitramfs({ executable: "/bin/false", out });
  expect(digestOf(out)).not.toBe(digest);
  rmSync(out);
  made();
  expect(digestOf(out)).toBe(digest);
});

test("buildInitramfs leaves nothing but the image and the note of its input", () => {
  const home = join(folder, "alone");
  buildInitramfs({ executable: SMALL, out: join(home, "image") });
  expect(readdirSync(home).toSorted()).toEqual(["image", "image.from"]);
});

test("buildInitramfs names the input that is missing and what to do", () => {
  const executable = join(folder, "no-such");
  expect(() => buildInitramfs({ executable, out: join(folder, "never") })).toThrow(
    `read "${executable}" for the initramfs: run bun build.ts build`,
  );
  expect(readdirSync(folder)).not.toContain("never");
});
