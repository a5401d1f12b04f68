/**
 * `ffi`: compiles the C files. The library is loaded into a running Bun, `init` and `relay` run where nothing else is,
 * `launcher` in next to no memory, and `cell-init` in whatever a cell holds, so none may lean on a C library: no start
 * files, no libc, no thread-local storage, no unresolved symbol. The same sources give the same bytes.
 */
import { mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { BuildError } from "./error.ts";
import { filesBelow } from "./files.ts";
import {
  FFI_CELL_INIT,
  FFI_INIT,
  FFI_LAUNCHER,
  FFI_LIBRARY,
  FFI_RELAY,
  inRoot,
  ROOT,
} from "./paths.ts";
import { run } from "./run.ts";
import { digestOf, makeIfStale } from "./stamp.ts";
import { step } from "./step.ts";

/** What the library is made of. A new C file is named here, and nowhere else. */
const LIBRARY_SOURCES = [
  "ffi/shim.c",
  "ffi/kick.c",
  "ffi/violation.c",
  "ffi/launch.c",
  "ffi/output_pipe.c",
];
const INIT_SOURCES = ["ffi/init.c"];
const LAUNCHER_SOURCES = [
  "ffi/launcher.c",
  "ffi/launch_receive.c",
  "ffi/launch_spare.c",
  "ffi/launch_child.c",
  "ffi/launch_root.c",
  "ffi/shim.c",
];
const CELL_INIT_SOURCES = ["ffi/cell_init.c"];
const RELAY_SOURCES = ["ffi/relay.c"];

const FREESTANDING = [
  "-std=gnu11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-ffreestanding",
  "-nostdlib",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  // gcc may otherwise turn a loop into a call of memset or memcpy, which nobody here provides.
  "-fno-tree-loop-distribute-patterns",
  "-fcf-protection=none",
  "-fno-ident",
  `-ffile-prefix-map=${ROOT}/=`,
  "-Wl,--build-id=none,-z,noexecstack,-z,relro,-z,now,-z,defs",
];
const LIBRARY_FLAGS = [...FREESTANDING, "-shared", "-fPIC", "-Wl,-Bsymbolic,--hash-style=gnu"];
const INIT_FLAGS = [...FREESTANDING, "-static", "-fno-pie", "-no-pie", "-s"];
/** One segment that is never written, so that all processes of it share its one page. */
const CELL_INIT_FLAGS = [...INIT_FLAGS, "-Wl,-z,noseparate-code,-z,norelro"];

interface Target {
  readonly name: string;
  readonly output: string;
  readonly sources: readonly string[];
  readonly flags: readonly string[];
}

const TARGETS: readonly Target[] = [
  { name: "libauraed.so", output: FFI_LIBRARY, sources: LIBRARY_SOURCES, flags: LIBRARY_FLAGS },
  { name: "init", output: FFI_INIT, sources: INIT_SOURCES, flags: INIT_FLAGS },
  {
    name: "cell-init",
    output: FFI_CELL_INIT,
    sources: CELL_INIT_SOURCES,
    flags: CELL_INIT_FLAGS,
  },
  { name: "launcher", output: FFI_LAUNCHER, sources: LAUNCHER_SOURCES, flags: INIT_FLAGS },
  { name: "relay", output: FFI_RELAY, sources: RELAY_SOURCES, flags: INIT_FLAGS },
];

/** What is wrong with a shared object, or an executable, that has to stand on its own. */
export async function elfFaults(path: string): Promise<string[]> {
  const listing = await run(["readelf", "-W", "-d", "-l", "-r", path]);
  const faults: string[] = [];
  for (const line of listing.split("\n")) {
    if (/\(NEEDED\)|\(TEXTREL\)|^\s+INTERP\s|^\s+TLS\s/.test(line)) {
      faults.push(line.trim());
    }
    const relocation = /\bR_X86_64_(\w+)/.exec(line)?.[1];
    if (relocation !== undefined && relocation !== "RELATIVE") {
      faults.push(line.trim());
    }
  }
  return faults;
}

async function compile(target: Target): Promise<void> {
  mkdirSync(dirname(target.output), { recursive: true });
  const made = `${target.output}.${process.pid}`;
  await run(["gcc", ...target.flags, "-o", made, ...target.sources]);
  const faults = await elfFaults(made);
  if (faults.length > 0) {
    throw new BuildError(`${target.name} does not stand on its own:\n${faults.join("\n")}`);
  }
  renameSync(made, target.output);
}

async function build(target: Target): Promise<void> {
  await step(`compile ${target.name}`, async () => {
    const gcc = await run(["gcc", "--version"]);
    const inputs = [...target.sources.map((path) => inRoot(path)), ...filesBelow("ffi", "**/*.h")];
    const digest = digestOf(inputs, gcc, ...target.flags);
    const made = await makeIfStale(target.name, [target.output], digest, () => compile(target));
    return made ? "ok" : "up to date";
  });
}

/** Compiles what has changed. */
export async function buildFfi(): Promise<void> {
  for (const target of TARGETS) {
    await build(target);
  }
}

export async function ffiCommand(_args: readonly string[]): Promise<void> {
  await buildFfi();
}
