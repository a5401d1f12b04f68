import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ElfError } from "../src/kernel/process/elf.ts";
import { BuildError } from "./error.ts";
import { dependenciesOf, resolveModules } from "./modules.ts";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-modules-"));

afterAll(() => rmSync(folder, { recursive: true }));

/** The lines of each module's .modinfo, by its path in `kernel/`. */
type MadeUp = Readonly<Record<string, readonly string[]>>;

const objects = new Map<string, Uint8Array>();

/** An object file with these lines in its .modinfo, as a module has them. */
async function moduleWith(lines: readonly string[]): Promise<Uint8Array> {
  const text = lines.map((line) => `${line}\\0`).join("");
  const made = objects.get(text);
  if (made !== undefined) {
    return made;
  }
  const path = join(folder, `object-${objects.size}`);
  writeFileSync(`${path}.s`, `.section .modinfo,"a"\n.ascii "${text}"\n`);
  await run(["gcc", "-c", "-o", path, `${path}.s`]);
  const bytes = readFileSync(path);
  objects.set(text, bytes);
  return bytes;
}

/** A modules directory, without the modules.dep that depmod would make. */
async function modulesDirectory(modules: MadeUp, builtin: readonly string[] = []): Promise<string> {
  const directory = mkdtempSync(join(folder, "modules-"));
  mkdirSync(join(directory, "kernel/drivers/net"), { recursive: true });
  writeFileSync(
    join(directory, "modules.builtin"),
    builtin.map((path) => `kernel/${path}\n`).join(""),
  );
  for (const [path, lines] of Object.entries(modules)) {
    writeFileSync(join(directory, "kernel", path), await moduleWith(lines));
  }
  return directory;
}

describe("dependenciesOf", () => {
  test("reads what a module needs and wants, with underscores, from among its other lines", async () => {
    const module = await moduleWith([
      "license=GPL",
      "depends=a-b,c",
      "softdep=pre: d-e f post: g",
      "name=x",
    ]);
    expect(dependenciesOf(module)).toEqual({ hard: ["a_b", "c"], soft: ["d_e", "f"] });
  });

  test.each([
    [["depends="], [], []],
    [[], [], []],
    [["softdep=post: a b"], [], []],
    [["softdep=pre: a"], [], ["a"]],
    [["softdep=post: b pre: a"], [], ["a"]],
    [["softdep=pre: a", "softdep=pre: b", "depends=c"], ["c"], ["a", "b"]],
    [["xdepends=a", "depends_on=b"], [], []],
  ])("reads of %j the needs %j and the wishes %j", async (lines, hard, soft) => {
    expect(dependenciesOf(await moduleWith(lines))).toEqual({ hard, soft });
  });
});

describe("resolveModules", () => {
  const namesOf = (directory: string, wanted: readonly string[]) =>
    resolveModules(directory, wanted).map(({ name }) => name);

  test("puts each module after everything it depends on, and takes no other", async () => {
    const directory = await modulesDirectory({
      "drivers/net/virtio_net.ko": ["depends=net_failover,virtio,virtio_ring"],
      "drivers/net/net_failover.ko": ["depends=failover"],
      "failover.ko": ["depends="],
      "virtio.ko": ["depends="],
      "virtio_ring.ko": ["depends=virtio"],
      "other.ko": ["depends=virtio"],
    });
    const found = resolveModules(directory, ["virtio_net"]);
    expect(found.map(({ name }) => name)).toEqual([
      ...["failover", "net_failover", "virtio", "virtio_ring", "virtio_net"],
    ]);
    for (const { path, content } of found) {
      expect(Buffer.compare(content, readFileSync(join(directory, path)))).toBe(0);
    }
    expect(found.at(-1)?.path).toBe("kernel/drivers/net/virtio_net.ko");
  });

  test("takes a module once, whoever needs it and however often it is wanted", async () => {
    const directory = await modulesDirectory({
      "a.ko": ["depends=c"],
      "b.ko": ["depends=c"],
      "c.ko": [],
    });
    expect(namesOf(directory, ["a", "b", "a", "c"])).toEqual(["c", "a", "b"]);
  });

  test("takes hyphens and underscores for the same, in files, wishes and needs", async () => {
    const directory = await modulesDirectory({ "a-b.ko": ["depends=c-d"], "c_d.ko": [] });
    expect(namesOf(directory, ["a_b"])).toEqual(["c_d", "a_b"]);
    expect(namesOf(directory, ["a-b"])).toEqual(["c_d", "a_b"]);
  });

  test("leaves out what the kernel has built in", async () => {
    const directory = await modulesDirectory({ "a.ko": ["depends=b-c"] }, ["lib/b_c.ko", "d.ko"]);
    expect(namesOf(directory, ["d", "a"])).toEqual(["a"]);
  });

  test("takes a wish first where the kernel has it, and does without where it has not", async () => {
    const directory = await modulesDirectory({
      "a.ko": ["softdep=pre: there missing", "depends=b"],
      "b.ko": [],
      "there.ko": ["depends=b"],
    });
    expect(namesOf(directory, ["a"])).toEqual(["b", "there", "a"]);
  });

  test("says what a folder lacks that is no kernel's", () => {
    const directory = mkdtempSync(join(folder, "empty-"));
    const remedy = "give /lib/modules/VERSION of the kernel that the image is booted with";
    expect(() => resolveModules(directory, [])).toThrow(
      new BuildError(`read the kernel modules in "${directory}": it has no "kernel"; ${remedy}`),
    );
    mkdirSync(join(directory, "kernel"));
    expect(() => resolveModules(directory, [])).toThrow(
      new BuildError(
        `read the kernel modules in "${directory}": it has no "modules.builtin"; ${remedy}`,
      ),
    );
  });

  test("names a wanted module that is missing", async () => {
    const directory = await modulesDirectory({});
    expect(() => resolveModules(directory, ["no-such"])).toThrow(
      `find the module "no_such" (wanted by the manifest) in "${directory}": it is not there`,
    );
  });

  test("names a needed module that is missing, and who needs it", async () => {
    const directory = await modulesDirectory({ "a.ko": ["depends=b"], "b.ko": ["depends=c"] });
    expect(() => resolveModules(directory, ["a"])).toThrow('find the module "c" (needed by b)');
  });

  test("refuses modules that depend on themselves or on each other", async () => {
    const directory = await modulesDirectory({
      "self.ko": ["depends=self"],
      "a.ko": ["depends=b"],
      "b.ko": ["depends=c"],
      "c.ko": ["depends=a"],
    });
    expect(() => resolveModules(directory, ["self"])).toThrow('"self": it depends on itself');
    expect(() => resolveModules(directory, ["b"])).toThrow('order the module "b"');
  });

  test.each(["gz", "xz", "zst"])("refuses a module that is compressed by %s", async (suffix) => {
    const directory = await modulesDirectory({ [`a.ko.${suffix}`]: [] });
    expect(() => resolveModules(directory, ["a"])).toThrow("compressed modules are not supported");
  });

  test("refuses a module that is no ELF file, but only one that is wanted", async () => {
    const directory = await modulesDirectory({ "good.ko": [] });
    writeFileSync(join(directory, "kernel/bad.ko"), "not a module");
    expect(namesOf(directory, ["good"])).toEqual(["good"]);
    expect(() => resolveModules(directory, ["bad"])).toThrow(ElfError);
  });

  test("takes only files whose names are those of modules", async () => {
    const directory = await modulesDirectory({ "a.ko": [] });
    for (const name of ["a.ko.txt", "b.kot", "c"]) {
      writeFileSync(join(directory, "kernel", name), "");
    }
    mkdirSync(join(directory, "kernel/d.ko"));
    expect(basename(resolveModules(directory, ["a"])[0]?.path ?? "")).toBe("a.ko");
    for (const name of ["b", "c", "d"]) {
      expect(() => resolveModules(directory, [name])).toThrow("it is not there");
    }
  });
});
