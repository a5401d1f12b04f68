/**
 * The tree of cells of this machine, and the executables in them. Every step up to the first `await` is done before
 * anything else runs, so that Allocate and Start need no lock; Stop and Free, which wait, leave a state behind that
 * others see.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import type { ExitStatus } from "../../kernel/process/exit-status.ts";
import { Executable, type ExecutableSpec } from "../executables/executable.ts";
import type { ExecutableName } from "../executables/executable-name.ts";
import { allocateCgroup } from "./allocate.ts";
import { Cell, type CellSpec, executablePath, leafOf } from "./cell.ts";
import {
  cellExists,
  cellIsBeingFreed,
  cellNotFound,
  cgroupIsNotACell,
  cgroupNotFound,
  executableExists,
  executableIsNotOurs,
  executableNotFound,
} from "./cell-errors.ts";
import type { CellName } from "./cell-name.ts";

/** How long an executable has between SIGTERM and SIGKILL. */
export const STOP_GRACE_MS = 10_000;

/** How long the processes that are left in a cell may take to die of SIGKILL. */
const KILL_TIMEOUT_MS = 10_000;

export interface CellsOptions {
  readonly kernel: Kernel;
  /** The folder for executables' output. */
  readonly outputDirectory: string;
  /** The environment that executables start with. */
  readonly env: Readonly<Record<string, string>>;
}

export class Cells {
  readonly #kernel: Kernel;
  readonly #options: CellsOptions;
  readonly #roots = new Map<string, Cell>();
  readonly #outside = new Map<ExecutableName, Executable>();

  constructor(options: CellsOptions) {
    this.#options = options;
    this.#kernel = options.kernel;
  }

  /** The cells that are in no other, by name. */
  get roots(): readonly Cell[] {
    return [...this.#roots.values()].sort((a, b) => (a.cgroup < b.cgroup ? -1 : 1));
  }

  /** @throws {AuraeError} already_exists, not_found for the parent, failed_precondition, invalid_argument */
  allocate(spec: CellSpec): Cell {
    const { name } = spec;
    const siblings = name.parent === undefined ? this.#roots : this.#usable(name.parent).children;
    const onHost = this.#kernel.cgroups.exists(`${name}`);
    const known = siblings.get(name.leaf);
    if (known?.state.kind === "freeing") {
      throw cellIsBeingFreed(name);
    }
    if (onHost) {
      throw known === undefined ? cgroupIsNotACell(name) : cellExists(name);
    }
    allocateCgroup(this.#kernel, spec);
    const cell = new Cell(spec);
    siblings.set(name.leaf, cell);
    return cell;
  }

  /** Ends all that runs in a cell and below, and removes it. @throws {AuraeError} not_found, internal */
  free(name: CellName, graceMs = STOP_GRACE_MS): Promise<void> {
    const cell = this.#find(name);
    return this.#free(cell, graceMs);
  }

  #free(cell: Cell, graceMs: number): Promise<void> {
    if (cell.state.kind === "freeing") {
      return cell.state.done;
    }
    const done = this.#freeWhole(cell, graceMs).catch((error: unknown) => {
      cell.state = { kind: "allocated" };
      throw error instanceof AuraeError
        ? error
        : new AuraeError(
            "internal",
            `cell '${cell.name}' could not be freed: ${messageOf(error)}`,
            { resource: `${cell.name}`, cause: error },
          );
    });
    cell.state = { kind: "freeing", done };
    return done;
  }

  async #freeWhole(cell: Cell, graceMs: number): Promise<void> {
    const { cgroups } = this.#kernel;
    await Promise.all([
      ...[...cell.children.values()].map((child) => this.#free(child, graceMs)),
      ...[...cell.executables.values()].map((executable) => executable.stop(graceMs)),
    ]);
    if (cgroups.exists(cell.cgroup)) {
      // What was moved into the cell from outside is in none of its executables.
      cgroups.kill(cell.cgroup);
      await cgroups.emptied(cell.cgroup, AbortSignal.timeout(KILL_TIMEOUT_MS));
      removeTree(cgroups, cell.cgroup);
    }
    // While it is there, nobody can allocate a cell of the same name, whose output this would take.
    await rm(join(this.#options.outputDirectory, cell.cgroup), { recursive: true, force: true });
    this.#forget(cell);
  }

  #forget(cell: Cell): void {
    const { parent, leaf } = cell.name;
    const siblings = parent === undefined ? this.#roots : this.#cached(parent)?.children;
    if (siblings?.get(leaf) === cell) {
      siblings.delete(leaf);
    }
  }

  /** Runs an executable in a cell, or in none. @throws {AuraeError} not_found, already_exists, internal */
  start(cellName: CellName | undefined, spec: ExecutableSpec): Executable {
    const siblings = this.#executablesOf(cellName);
    if (siblings.has(spec.name)) {
      throw executableExists(spec.name);
    }
    const path = executablePath(cellName, spec.name);
    try {
      if (cellName === undefined && !this.#kernel.cgroups.exists(leafOf(undefined))) {
        this.#kernel.cgroups.create(leafOf(undefined));
      }
      if (this.#kernel.cgroups.exists(path)) {
        throw executableIsNotOurs(spec.name, path);
      }
      const executable = Executable.start(this.#kernel, spec, {
        cgroup: path,
        outputDirectory: join(this.#options.outputDirectory, path),
        env: this.#options.env,
      });
      siblings.set(spec.name, executable);
      return executable;
    } catch (error) {
      if (error instanceof AuraeError) {
        throw error;
      }
      throw new AuraeError(
        isErrno(error, "EMFILE", "ENFILE", "EAGAIN", "ENOMEM") ? "resource_exhausted" : "internal",
        `executable '${spec.name}' failed to start: ${messageOf(error)}`,
        { resource: spec.name, cause: error },
      );
    }
  }

  /** Ends an executable and forgets it. @returns how its first process ended @throws {AuraeError} not_found, internal */
  async stop(
    cellName: CellName | undefined,
    name: ExecutableName,
    graceMs = STOP_GRACE_MS,
  ): Promise<ExitStatus | undefined> {
    const siblings = cellName === undefined ? this.#outside : this.#find(cellName).executables;
    const executable = siblings.get(name);
    if (executable === undefined) {
      throw executableNotFound(name);
    }
    const status = await executable.stop(graceMs);
    if (siblings.get(name) === executable) {
      siblings.delete(name);
    }
    return status;
  }

  /** Ends everything. What fails is logged, and the rest goes on. */
  async freeAll(graceMs: number): Promise<void> {
    const ends = [
      ...[...this.#roots.values()].map((cell) => this.#free(cell, graceMs)),
      ...[...this.#outside.keys()].map((name) => this.stop(undefined, name, graceMs)),
    ];
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === "rejected") {
        log.error("could not free at shutdown", { cause: messageOf(end.reason) });
      }
    }
    this.#removeOutsideLeaf();
  }

  /** What an earlier daemon left in it, or one beside this has in it, is not ours to remove. */
  #removeOutsideLeaf(): void {
    try {
      this.#kernel.cgroups.remove(leafOf(undefined));
    } catch (error) {
      if (!isErrno(error, "ENOENT", "EBUSY", "ENOTEMPTY")) {
        log.error("could not remove a control group at shutdown", { cause: messageOf(error) });
      }
    }
  }

  #executablesOf(cellName: CellName | undefined): Map<ExecutableName, Executable> {
    return cellName === undefined ? this.#outside : this.#usable(cellName).executables;
  }

  #cached(name: CellName): Cell | undefined {
    let cell = this.#roots.get(name.components[0]);
    for (const component of name.components.slice(1)) {
      cell = cell?.children.get(component);
    }
    return cell;
  }

  /** The cell, held against the kernel: one whose control group somebody removed is forgotten. */
  #find(name: CellName): Cell {
    for (const ancestor of name.ancestors) {
      if (this.#cached(ancestor) === undefined) {
        throw cellNotFound(ancestor);
      }
    }
    const cell = this.#cached(name);
    const onHost = this.#kernel.cgroups.exists(`${name}`);
    if (cell === undefined) {
      throw onHost ? cgroupIsNotACell(name) : cellNotFound(name);
    }
    if (!onHost && cell.state.kind === "allocated") {
      this.#forget(cell);
      throw cgroupNotFound(name);
    }
    return cell;
  }

  /** A cell that takes new children and executables. */
  #usable(name: CellName): Cell {
    const cell = this.#find(name);
    if (cell.state.kind === "freeing") {
      throw cellIsBeingFreed(name);
    }
    return cell;
  }
}
