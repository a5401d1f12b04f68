/**
 * The files that an executable needs beside itself to run: its dynamic loader, and the shared libraries that it is linked
 * to (ld.so(8)), found where this process has its own. For a root that has nothing else.
 */
import { existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { ERRNO } from "../abi/errno.ts";
import { O_CLOEXEC, O_RDONLY } from "../abi/open.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { Mapping } from "../sys/mapping.ts";
import { type ElfFile, readElf } from "./elf.ts";

export interface ProgramFiles {
  /** Where the executable says that it is, absolute; undefined for a static one. */
  readonly loader: string | undefined;
  /** By the names that the executable knows them by. */
  readonly libraries: readonly { readonly name: string; readonly path: string }[];
}

/** Where glibc has its own when a process shows none of it: Debian's folders, then those of others. */
const USUAL_FOLDERS = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];

/** The folders of the libraries that this process has mapped (proc_pid_maps(5)). */
function mappedFolders(): string[] {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  const paths = lines.map((line) => /\s(\/\S.*)$/.exec(line)?.[1] ?? "");
  return [...new Set(paths.filter((path) => /\.so(?:\.|$)/.test(path)).map(dirname))];
}

/** What an executable or a library says of itself. It may be large: only the pages that are looked at are read. */
function readProgram(fd: number): ElfFile {
  const file = { fd, offset: 0, isShared: false };
  using mapping = new Mapping(fstatSync(fd).size, "an executable", file);
  const { interpreter, needed } = readElf(mapping.bytes);
  return { interpreter, needed, section: () => undefined };
}

/**
 * @param fd of the executable
 * @throws {SyscallError} ENOENT, naming the library that is nowhere
 * @throws {ElfError} on what is no executable
 */
export function programFilesOf(fd: number): ProgramFiles {
  const { interpreter, needed } = readProgram(fd);
  const folders = [...new Set([...mappedFolders(), ...USUAL_FOLDERS])];
  const found = new Map<string, string>();
  const loaderName = interpreter === undefined ? undefined : basename(interpreter);
  const waiting = [...needed];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (found.has(name) || name === loaderName) {
      continue;
    }
    const folder = folders.find((at) => existsSync(`${at}/${name}`));
    if (folder === undefined) {
      throw new SyscallError(
        "find",
        ERRNO.ENOENT,
        `the library "${name}" in ${folders.join(", ")}`,
      );
    }
    const path = `${folder}/${name}`;
    found.set(name, path);
    using library = new FileDescriptor(openSync(path, O_RDONLY | O_CLOEXEC));
    waiting.push(...readProgram(library.number).needed);
  }
  const libraries = [...found].map(([name, path]) => ({ name, path }));
  return { loader: interpreter, libraries };
}
