/**
 * The executables of one cell, or those that are in none: starts them, has them wait for each other, stops them in the
 * reverse order, and keeps what it takes to find them again.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { CellNamespaces } from "../../kernel/namespace/namespaces.ts";
import {
  executableExists,
  executableIsNotOurs,
  executableNotFound,
  executableNotStarted,
} from "../cells/cell-errors.ts";
import type { EventLog } from "../events/event-log.ts";
import type { StateStore } from "../state/state-store.ts";
import type { Ending } from "./ending.ts";
import { directoryName, type ExecutableName } from "./executable-name.ts";
import { type ExecutableRecord, launchRecord } from "./executable-record.ts";
import type { ExecutableSpec, StopPolicy } from "./executable-spec.ts";
import { Executable } from "./executable.ts";
import { optionsFrom } from "./launch.ts";
import { Keeping } from "./keeping.ts";
import { removeGroup } from "./life.ts";
import { lostOf } from "./order.ts";
import type { Outputs } from "./outputs.ts";
import type { Surroundings } from "./surroundings.ts";
import { TappedOutput } from "./taps.ts";

/** What all executables of a daemon share. */
export interface ExecutablesContext {
  readonly kernel: Kernel;
  /** Saves without throwing. */
  readonly state: StateStore;
  readonly events: EventLog;
  readonly outputs: Outputs;
  /** The environment that executables start with. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where the executables are. */
export interface ExecutablesPlace {
  /** The full name of the cell; empty for none. */
  readonly cell: string;
  /** The control group that theirs are made in. */
  readonly cgroup: string;
  /** What the executables of the cell are born in; undefined: the daemon's own. */
  readonly namespaces: () => CellNamespaces | undefined;
  readonly outputMaxBytes: number | undefined;
  /** Whether it goes with its caller: a successor of this daemon ends what is there, and need not know what that was. */
  readonly isTransient: boolean;
  readonly claimOomKill: () => boolean;
  /** A control group was made there. */
  readonly groupMade: (group: string) => void;
  readonly isFrozen: () => boolean;
  /** Whether nobody but who asks can have made anything there. */
  readonly isFresh: () => boolean;
  /** @throws {AuraeError} failed_precondition where nothing can be started, since it would not run */
  readonly requireRunnable: () => void;
}

export class Executables implements Iterable<Executable> {
  readonly #context: ExecutablesContext;
  readonly #place: ExecutablesPlace;
  readonly #keeping: Keeping;
  readonly #byName = new Map<ExecutableName, Executable>();
  /** Those of them that are to start after others, or require them. */
  readonly #dependents = new Set<Executable>();
  readonly #outputs = new Map<ExecutableName, TappedOutput>();
  #isReconsidering = false;

  constructor(context: ExecutablesContext, place: ExecutablesPlace) {
    this.#context = context;
    this.#place = place;
    this.#keeping = new Keeping(context.state, place.cell, place.isTransient);
  }

  [Symbol.iterator](): Iterator<Executable> {
    return this.#byName.values();
  }

  get size(): number {
    return this.#byName.size;
  }

  /**
   * Removes the control groups of those that have ended for good, with all that they have started.
   * @returns whether all have @throws {SyscallError}
   */
  clearGone(): boolean {
    return [...this].every((executable) => executable.isCleared("tree"));
  }

  get(name: ExecutableName): Executable | undefined {
    return this.#byName.get(name);
  }

  /** @throws {AuraeError} not_found */
  find(name: ExecutableName): Executable {
    const executable = this.#byName.get(name);
    if (executable === undefined) {
      throw executableNotFound(name);
    }
    return executable;
  }

  /** The output of an executable that is there. */
  outputOf(name: ExecutableName): TappedOutput | undefined {
    return this.#outputs.get(name);
  }

  /** @throws {AuraeError} already_exists, invalid_argument, failed_precondition, resource_exhausted, internal */
  start(spec: ExecutableSpec): Executable {
    const { kernel } = this.#context;
    if (this.#byName.has(spec.name)) {
      throw executableExists(spec.name);
    }
    this.#checkRequired(spec);
    const cgroup = this.#cgroupOf(spec.name);
    if (!this.#place.isFresh() && kernel.cgroups.exists(cgroup)) {
      throw executableIsNotOurs(spec.name, cgroup);
    }
    try {
      const around = this.#surroundings(spec, true);
      using undo = new DisposableStack();
      // First: a daemon that ends from here on leaves a name behind, by which the next one ends what nobody was told of.
      this.#keeping.save(() => launchRecord(spec));
      undo.defer(() => this.#keeping.remove(spec.name));
      if (spec.oncePerBoot) {
        this.#keeping.claimOnce(spec.name);
        undo.defer(() => this.#keeping.disclaimOnce(spec.name));
      }
      const executable = Executable.start(spec, around);
      undo.move();
      this.#add(executable);
      this.#keep(executable);
      return executable;
    } catch (error) {
      this.#closeOutput(spec.name);
      throw executableNotStarted(spec.name, error);
    }
  }

  #add(executable: Executable): void {
    const { name, after, requires } = executable.spec;
    this.#byName.set(name, executable);
    if (after.length > 0 || requires.length > 0) {
      this.#dependents.add(executable);
    }
  }

  #keep(executable: Executable): void {
    this.#keeping.save(() => executable.record);
  }

  #checkRequired(spec: ExecutableSpec): void {
    const { name, requires, after } = spec;
    for (const [field, names] of Object.entries({ requires, after })) {
      if (names.includes(name)) {
        throw new AuraeError("invalid_argument", `executable '${name}' can't wait for itself`, {
          violations: [
            { field: `executable.${field}`, description: "names the executable itself" },
          ],
        });
      }
    }
    const missing = lostOf(spec, (other) => this.#byName.get(other));
    if (missing !== undefined) {
      throw new AuraeError(
        "failed_precondition",
        `executable '${name}' requires '${missing}', which does not run; start that first`,
        { resource: name },
      );
    }
  }

  #cgroupOf(name: ExecutableName): string {
    return `${this.#place.cgroup}/${directoryName(name)}`;
  }

  /** @param anew whether the output of earlier executables of the name goes */
  #surroundings(spec: ExecutableSpec, anew: boolean): Surroundings {
    const { kernel, events, outputs, env } = this.#context;
    const { cell, namespaces, outputMaxBytes, isTransient, ...rest } = this.#place;
    const options = optionsFrom(spec, kernel.accounts, env);
    const output = new TappedOutput(outputs.open(cell, spec.name, outputMaxBytes, anew));
    this.#outputs.set(spec.name, output);
    return {
      kernel,
      cell,
      cgroup: this.#cgroupOf(spec.name),
      namespaces: namespaces(),
      options,
      sinks: output,
      sibling: (name) => this.#byName.get(name),
      haltDependents: () => this.#haltDependents(spec.name),
      claimOomKill: rest.claimOomKill,
      groupMade: rest.groupMade,
      isFrozen: rest.isFrozen,
      requireRunnable: rest.requireRunnable,
      emit: (event) => events.emit(event),
      changed: (executable) => {
        if (this.#byName.get(spec.name) === executable) {
          this.#keep(executable);
          this.#reconsider();
        }
      },
      began: (process) => {
        const { pid, namespacePid } = process;
        // That costs as much as a few calls of the kernel.
        output.begin(isTransient ? { pid, namespacePid, startTime: undefined } : process);
      },
      drained: () => {
        output.end();
        // Whoever waits for the end goes first.
        setImmediate(() => this.#tidy(spec.name));
      },
      closed: () => this.#closeOutput(spec.name),
    };
  }

  /** Many may be there that have ended, and each control group costs the kernel memory, and a part of every walk. */
  #tidy(name: ExecutableName): void {
    try {
      this.#byName.get(name)?.isCleared("group");
    } catch (error) {
      log.warn("could not remove a control group", { executable: name, cause: messageOf(error) });
    }
  }

  #closeOutput(name: ExecutableName): void {
    this.#outputs.get(name)?.close();
    this.#outputs.delete(name);
  }

  /** Has those look again who wait for others. A change may bring further ones about; each is looked at once more. */
  #reconsider(): void {
    if (this.#isReconsidering || this.#dependents.size === 0) {
      return;
    }
    this.#isReconsidering = true;
    queueMicrotask(() => {
      this.#isReconsidering = false;
      for (const executable of this.#dependents) {
        executable.reconsider();
      }
    });
  }

  /** Goes on with what an earlier daemon started. */
  restore(records: readonly ExecutableRecord[]): void {
    for (const record of records) {
      try {
        this.#restore(record);
      } catch (error) {
        log.error("could not take up an executable again", {
          cell: this.#place.cell,
          executable: record.spec.name,
          cause: messageOf(error),
        });
      }
    }
    // Not before all are there: they look for each other.
    this.#reconsider();
  }

  #restore(record: ExecutableRecord): void {
    const { kernel } = this.#context;
    const { state } = record;
    const { name } = record.spec;
    if (state === "launching") {
      this.#undoLaunch(name).catch((error: unknown) => {
        log.error("could not end what was being started", {
          executable: name,
          cause: messageOf(error),
        });
      });
      return;
    }
    const around = this.#surroundings(record.spec, false);
    const members = kernel.cgroups.processes(this.#cgroupOf(name));
    const process =
      record.life === undefined
        ? undefined
        : kernel.processes.adopt(record.life, record.life.outputs, members);
    const executable = Executable.adopt({ ...record, state }, around, process);
    this.#add(executable);
    if (state === "stopping") {
      this.stop(name).catch((error: unknown) => {
        log.error("could not stop an executable", { executable: name, cause: messageOf(error) });
      });
    } else {
      this.#keep(executable);
    }
  }

  /** The daemon before has ended while it launched this; nobody was told of it. */
  async #undoLaunch(name: ExecutableName): Promise<void> {
    const { kernel } = this.#context;
    await removeGroup(kernel, name, this.#cgroupOf(name));
    this.#keeping.remove(name);
  }

  /**
   * Ends an executable, after those that require it, and forgets it. Those stay there, as ones that have exited.
   * @returns how it ended; undefined for one that never ran
   * @throws {AuraeError} not_found, internal
   */
  async stop(name: ExecutableName, asked: Partial<StopPolicy> = {}): Promise<Ending | undefined> {
    const executable = this.find(name);
    if (executable.ending === undefined) {
      // Whoever asked for it wants it ended, also if this daemon does not live to see it.
      this.#keeping.save(() => ({ ...executable.record, state: "stopping" }));
    }
    const ending = await executable.stop(asked);
    if (this.#forget(executable)) {
      this.#keeping.remove(name);
    }
    return ending;
  }

  /** @returns whether it was still there */
  #forget(executable: Executable): boolean {
    const { name } = executable.spec;
    if (this.#byName.get(name) !== executable) {
      return false; // stopped twice
    }
    this.#byName.delete(name);
    this.#dependents.delete(executable);
    this.#reconsider();
    return true;
  }

  async #haltDependents(name: ExecutableName): Promise<void> {
    if (this.#dependents.size === 0) {
      return;
    }
    const why = `it requires '${name}', which is stopped`;
    const dependents = [...this.#dependents].filter(
      ({ spec, state }) => spec.requires.includes(name) && state !== "exited" && state !== "failed",
    );
    await Promise.all(dependents.map((it) => it.halt(why)));
  }

  /** Those that are to start after an executable. */
  #waitersFor(name: ExecutableName): ExecutableName[] {
    return [...this.#dependents]
      .filter(({ spec }) => spec.after.includes(name) || spec.requires.includes(name))
      .map(({ spec }) => spec.name);
  }

  /**
   * Ends all, each after those that were started after it.
   * @param areRecordsKept where the caller keeps that all of them end, and removes the records
   * @throws {AuraeError} internal, for the first that could not be ended, once all were tried
   */
  async stopAll(
    asked: Partial<StopPolicy> = {},
    { areRecordsKept = false }: { readonly areRecordsKept?: boolean } = {},
  ): Promise<void> {
    const visited = new Set<ExecutableName>();
    const stops = new Map<ExecutableName, Promise<unknown>>();
    const visit = (name: ExecutableName): void => {
      if (visited.has(name)) {
        return;
      }
      visited.add(name);
      const later = this.#waitersFor(name);
      later.forEach(visit);
      // Where two wait for each other, the one that was looked at first comes last.
      const before = later.flatMap((other) => stops.get(other) ?? []);
      const stop = async (): Promise<void> => {
        if (areRecordsKept) {
          const executable = this.find(name);
          await executable.stop(asked);
          this.#forget(executable);
        } else {
          await this.stop(name, asked);
        }
      };
      stops.set(name, before.length === 0 ? stop() : Promise.allSettled(before).then(stop));
    };
    [...this.#byName.keys()].forEach(visit);
    const ends = await Promise.allSettled(stops.values());
    for (const end of ends) {
      if (end.status === "rejected" && !isNotFound(end.reason)) {
        throw end.reason;
      }
    }
  }
}

/** Somebody else stopped it meanwhile. */
function isNotFound(error: unknown): boolean {
  return error instanceof AuraeError && error.kind === "not_found";
}
