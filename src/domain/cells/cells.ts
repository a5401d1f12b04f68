/**
 * The tree of cells of this machine, and the executables in them. Every step up to the first `await` is done before
 * anything else runs, so that Allocate and Start need no lock; Stop and Free, which wait, leave a state behind that
 * others see.
 */
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { settledSoon } from "../../base/soon.ts";
import { removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { CellNamespaces } from "../../kernel/namespace/namespaces.ts";
import type { EventLog } from "../events/event-log.ts";
import type { Ending } from "../executables/ending.ts";
import type { ExecutableName } from "../executables/executable-name.ts";
import type { ExecutableSpec, StopPolicy } from "../executables/executable-spec.ts";
import type { Executable } from "../executables/executable.ts";
import { Executables, type ExecutablesContext } from "../executables/executables.ts";
import { LenientState } from "../state/lenient-state.ts";
import type { CellRecord, OnceClaim, SavedState } from "../state/state-store.ts";
import { allocateCgroup } from "./allocate.ts";
import { Cell, cellRecord, type CellSpec } from "./cell.ts";
import {
  cellExists,
  cellIsBeingFreed,
  cellNotFound,
  cellNotFreed,
  cgroupIsNotACell,
  cgroupNotFound,
  executableIsReserved,
} from "./cell-errors.ts";
import type { CellName } from "./cell-name.ts";
import { exec, type ExecSession, type ExecSpec } from "./exec.ts";
import { freeze, requireThawed, thaw, thawForFree } from "./freeze.ts";
import { removeGroups } from "./free.ts";
import { createNamespaces, settleNamespaces } from "./namespaces.ts";
import { makeOutsideLeaf, removeOutsideLeaf } from "./outside-leaf.ts";
import { OUTSIDE, placeIn } from "./place.ts";
import { planRestore, removeUnknownGroups, undoCell } from "./restore.ts";
import { type CellStatus, oomKills, readStatus } from "./status.ts";
import { updateLimits } from "./update.ts";

/** How long the last first processes may take to be gone, when all is freed. */
const END_TIMEOUT_MS = 1_000;

export interface CellsOptions extends ExecutablesContext {
  /** Executables in no cell that the daemon alone starts, by name, and what each of them is. */
  readonly reserved?: ReadonlyMap<ExecutableName, string>;
}

export class Cells {
  readonly #kernel: Kernel;
  readonly #context: CellsOptions & { readonly state: LenientState };
  readonly #roots = new Map<string, Cell>();
  readonly #outside: Executables;
  /** Of namespaces of cells that are freed, and whose first process is killed. */
  readonly #ends = new Set<Promise<void>>();

  constructor(options: CellsOptions) {
    const context = { ...options, state: new LenientState(options.state) };
    this.#context = context;
    this.#kernel = context.kernel;
    this.#outside = new Executables(context, OUTSIDE);
  }

  /** The cells that are in no other, by name. */
  get roots(): readonly Cell[] {
    return [...this.#roots.values()].sort((a, b) => (a.cgroup < b.cgroup ? -1 : 1));
  }

  /** The executables that are in no cell. */
  get outside(): Executables {
    return this.#outside;
  }

  /** The executables that are to be started once a boot and were, by cell and name; whether they are there or not. */
  get startedOnce(): readonly OnceClaim[] {
    return this.#context.state.claims();
  }

  /** @throws {AuraeError} already_exists, not_found for the parent, failed_precondition, invalid_argument, internal */
  allocate(spec: CellSpec): Cell {
    return this.#allocate(spec, settleNamespaces);
  }

  /**
   * The same, but for the cell's namespaces, which may be in the making when this returns. The caller has
   * `settleNamespaces` tell how it went, before the event loop has its turn; where they did not come about, it frees the cell.
   */
  beginAllocate(spec: CellSpec): Cell {
    return this.#allocate(spec, () => undefined);
  }

  #allocate(spec: CellSpec, finish: (cell: Cell) => void): Cell {
    const { name } = spec;
    const { state, events } = this.#context;
    const parent = name.parent === undefined ? undefined : this.usable(name.parent);
    const known = this.#siblingsIn(parent).get(name.leaf);
    if (known?.state.kind === "freeing") {
      throw cellIsBeingFreed(name);
    }
    if (this.#kernel.cgroups.exists(`${name}`)) {
      throw known === undefined ? cgroupIsNotACell(name) : cellExists(name);
    }
    if (parent !== undefined) {
      requireThawed(this.#kernel, parent.name);
    }
    using undo = new DisposableStack();
    state.saveCell(cellRecord(spec, "allocating", undefined));
    undo.defer(() => state.removeCell(`${name}`));
    allocateCgroup(this.#kernel, spec);
    undo.defer(() => removeTree(this.#kernel.cgroups, `${name}`));
    const cell = this.#add(spec, parent, createNamespaces(this.#kernel, spec, parent));
    undo.defer(() => this.#siblingsIn(parent).delete(name.leaf));
    finish(cell);
    undo.move();
    this.#keep(cell, "allocated");
    events.emit({ kind: "allocated", cell: `${name}` });
    return cell;
  }

  /** What is said of one that goes with its caller before it is made is all that a successor has to know. */
  #keep(cell: Cell, state: CellRecord["state"]): void {
    if (!cell.spec.isTransient) {
      this.#context.state.saveCell(cell.record(state));
    }
  }

  #add(spec: CellSpec, parent: Cell | undefined, namespaces: CellNamespaces | undefined): Cell {
    const cell = new Cell(spec, {
      parent,
      namespaces,
      executables: (it) => new Executables(this.#context, placeIn(this.#kernel, it)),
    });
    this.#siblingsIn(parent).set(spec.name.leaf, cell);
    return cell;
  }

  #siblingsIn(parent: Cell | undefined): Map<string, Cell> {
    return parent === undefined ? this.#roots : parent.children;
  }

  /** Ends all that runs in a cell and below, and removes it. @throws {AuraeError} not_found, internal */
  free(name: CellName, asked: Partial<StopPolicy> = {}): Promise<void> {
    return this.#free(this.find(name), asked);
  }

  /** Frees a cell that somebody else may have freed, also when another has its name now. @throws {AuraeError} internal */
  async freeIfThere(cell: Cell): Promise<void> {
    if (this.#cached(cell.name) === cell) {
      await this.#free(cell, {});
    }
  }

  #free(cell: Cell, asked: Partial<StopPolicy>): Promise<void> {
    if (cell.state.kind === "freeing") {
      return cell.state.done;
    }
    const names = [...cell.executables].map(({ spec }) => spec.name);
    this.#keep(cell, "freeing");
    const done = this.#freeWhole(cell, asked).catch((error: unknown) => {
      cell.state = { kind: "allocated" };
      for (const name of names.filter((name) => cell.executables.get(name) === undefined)) {
        this.#context.state.removeExecutable(`${cell.name}`, name);
      }
      this.#keep(cell, "allocated");
      throw cellNotFreed(cell.name, error);
    });
    cell.state = { kind: "freeing", done };
    return done;
  }

  async #freeWhole(cell: Cell, asked: Partial<StopPolicy>): Promise<void> {
    const { state, events } = this.#context;
    if (cell.children.size === 0 && cell.executables.clearGone()) {
      // The end of a first process takes the kernel a while. Where nothing else is left, the rest is done meanwhile.
      cell.ownNamespaces?.end();
    } else {
      // A frozen process takes no SIGTERM.
      thawForFree(this.#kernel, cell.name);
    }
    await Promise.all([
      ...[...cell.children.values()].map((child) => this.#free(child, asked)),
      // Their records go with the cell's, which says that it is being freed.
      cell.executables.stopAll(asked, { areRecordsKept: true }),
    ]);
    await removeGroups(this.#kernel, cell);
    this.#watchEnd(cell.ownNamespaces);
    const siblings = this.#siblingsIn(cell.parent);
    if (siblings.get(cell.name.leaf) === cell) {
      siblings.delete(cell.name.leaf);
    }
    if (cell.spec.isTransient) {
      // Its caller waits. A successor that finds what is kept of it finds nothing else.
      state.removeCellSoon(`${cell.name}`);
    } else {
      state.removeCell(`${cell.name}`);
    }
    events.emit({ kind: "freed", cell: `${cell.name}` });
  }

  #watchEnd(namespaces: CellNamespaces | undefined): void {
    if (namespaces?.isEnded === false) {
      const { ended } = namespaces;
      this.#ends.add(ended);
      void ended.then(() => this.#ends.delete(ended));
    }
  }

  /** Runs an executable in a cell, or in none. @throws {AuraeError} not_found, already_exists, internal, … */
  start(cellName: CellName | undefined, spec: ExecutableSpec): Executable {
    if (cellName !== undefined) {
      return this.usable(cellName).executables.start(spec);
    }
    const owner = this.#context.reserved?.get(spec.name);
    if (owner !== undefined) {
      throw executableIsReserved(spec.name, owner);
    }
    return this.startOwn(spec);
  }

  /** Runs an executable of the daemon itself, in no cell; its name may be a reserved one. @throws {AuraeError} as start */
  startOwn(spec: ExecutableSpec): Executable {
    makeOutsideLeaf(this.#kernel, spec.name);
    return this.#outside.start(spec);
  }

  /** Runs a further process in a cell. @throws {AuraeError} not_found, invalid_argument, failed_precondition, internal */
  exec(name: CellName, spec: ExecSpec): ExecSession {
    return exec(this.#kernel, this.usable(name), spec, this.#context.env);
  }

  /** Changes limits; all of them, or none. @throws {AuraeError} not_found, invalid_argument, failed_precondition */
  update(name: CellName, changes: CgroupLimits): Cell {
    const cell = this.usable(name);
    cell.setLimits(updateLimits(this.#kernel, name, cell.spec.limits, changes));
    this.#keep(cell, "allocated");
    this.events.emit({ kind: "updated", cell: cell.cgroup });
    return cell;
  }

  /** Has all processes of a cell stand still. @throws {AuraeError} not_found, deadline_exceeded */
  async freeze(name: CellName): Promise<void> {
    await freeze(this.#kernel, this.usable(name).name);
    this.events.emit({ kind: "frozen", cell: `${name}` });
  }

  /** @throws {AuraeError} not_found, failed_precondition where a cell above is frozen, deadline_exceeded */
  async thaw(name: CellName): Promise<void> {
    await thaw(this.#kernel, this.usable(name).name);
    this.events.emit({ kind: "thawed", cell: `${name}` });
  }

  /** @throws {AuraeError} not_found */
  status(name: CellName): { readonly cell: Cell; readonly status: CellStatus } {
    const cell = this.find(name);
    return { cell, status: readStatus(this.#kernel, name) };
  }

  /** Every change of the state of cells and executables. */
  get events(): EventLog {
    return this.#context.events;
  }

  /** Ends an executable and forgets it. @returns how it ended @throws {AuraeError} not_found, internal */
  stop(
    cellName: CellName | undefined,
    name: ExecutableName,
    asked: Partial<StopPolicy> = {},
  ): Promise<Ending | undefined> {
    return this.executablesOf(cellName).stop(name, asked);
  }

  /**
   * Goes on with what an earlier daemon has left: takes up what still runs, finishes what was being freed, and undoes what
   * was being allocated. Resolves when nothing half-made is left; it is listed and can be used before.
   */
  async restore(saved: SavedState): Promise<void> {
    const records = saved.cells.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const unfinished: Promise<void>[] = [];
    for (const record of records) {
      unfinished.push(this.#restoreCell(record, saved));
    }
    const outside = saved.executables.filter(({ cell }) => cell === "");
    this.#outside.restore(outside.map(({ record }) => record));
    await Promise.all(unfinished);
  }

  async #restoreCell(record: CellRecord, saved: SavedState): Promise<void> {
    const { state } = this.#context;
    const plan = planRestore(this.#kernel, record, (name) => this.#cached(name));
    if (plan.kind === "undo") {
      // Of one that went with its caller, what was kept may be there a little longer than it was itself.
      if (!record.isTransient || this.#kernel.cgroups.exists(record.name)) {
        log.warn("a cell of the daemon before is gone", { cell: record.name, why: plan.why });
      }
      await undoCell(this.#kernel, record, state);
      return;
    }
    const cell = this.#add(plan.spec, plan.parent, plan.namespaces);
    cell.publish();
    // Those of before are of executables whose end nobody saw, or that were not the first process of one.
    cell.claimOomKills(oomKills(this.#kernel, cell));
    const own = saved.executables.filter((it) => it.cell === record.name);
    const executables = own.map((it) => it.record);
    const names = executables.map((it) => it.spec.name);
    const unknown = removeUnknownGroups(this.#kernel, cell, names);
    cell.executables.restore(executables);
    state.saveCell(cell.record(record.state));
    await unknown;
    if (record.state === "freeing") {
      await this.#free(cell, {});
    }
  }

  /** Ends everything. What fails is logged, and the rest goes on. */
  async freeAll(graceMs: number): Promise<void> {
    const ends = [
      ...[...this.#roots.values()].map((cell) => this.#free(cell, { graceMs })),
      this.#outside.stopAll({ graceMs }),
    ];
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === "rejected") {
        log.error("could not free at shutdown", { cause: messageOf(end.reason) });
      }
    }
    await settledSoon(Promise.all(this.#ends), END_TIMEOUT_MS);
    this.#context.state.flush();
    removeOutsideLeaf(this.#kernel);
  }

  /** The executables of a cell, or those that are in none. @throws {AuraeError} not_found, failed_precondition */
  executablesOf(cellName: CellName | undefined): Executables {
    return cellName === undefined ? this.#outside : this.find(cellName).executables;
  }

  #cached(name: CellName): Cell | undefined {
    let cell = this.#roots.get(name.components[0]);
    for (const component of name.components.slice(1)) {
      cell = cell?.children.get(component);
    }
    return cell;
  }

  /**
   * The cell, held against the kernel: one whose control group somebody removed is forgotten.
   * @throws {AuraeError} not_found, failed_precondition for a control group that is no cell
   */
  find(name: CellName): Cell {
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

  #forget(cell: Cell): void {
    for (const child of cell.children.values()) {
      this.#forget(child);
    }
    cell.ownNamespaces?.end();
    // Its processes are gone with its group; this closes what is kept of them.
    cell.executables.stopAll({ graceMs: 0 }).catch((error: unknown) => {
      log.warn("could not forget an executable", { cause: messageOf(error) });
    });
    this.#siblingsIn(cell.parent).delete(cell.name.leaf);
    this.#context.state.removeCell(`${cell.name}`);
  }

  /** A cell that takes new children and executables. @throws {AuraeError} not_found, failed_precondition */
  usable(name: CellName): Cell {
    const cell = this.find(name);
    if (cell.state.kind === "freeing") {
      throw cellIsBeingFreed(name);
    }
    return cell;
  }
}
