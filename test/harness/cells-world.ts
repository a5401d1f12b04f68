/**
 * Cells on a machine in memory, with daemons that can be killed: the one that is killed does nothing more, and the next
 * one finds the same kernel and what was kept.
 */
import type { CellSpec } from "../../src/domain/cells/cell.ts";
import { cellSpec } from "../../src/domain/cells/cell.ts";
import { CellName } from "../../src/domain/cells/cell-name.ts";
import { Cells } from "../../src/domain/cells/cells.ts";
import { type EventInit, EventLog } from "../../src/domain/events/event-log.ts";
import type { Ending } from "../../src/domain/executables/ending.ts";
import type { Executable } from "../../src/domain/executables/executable.ts";
import { executableName } from "../../src/domain/executables/executable-name.ts";
import {
  DEFAULT_RESTART,
  type ExecutableSpec,
  executableSpec,
  type RestartPolicy,
  type StopPolicy,
} from "../../src/domain/executables/executable-spec.ts";
import { MemoryOutputs } from "../../src/domain/executables/memory-outputs.ts";
import { MemoryState } from "../../src/domain/state/memory-state.ts";
import type { StateStore } from "../../src/domain/state/state-store.ts";
import { createFakeKernel, type FakeKernel } from "../../src/kernel/fake/fake-kernel.ts";
import type { FakeProcess } from "../../src/kernel/fake/fake-processes.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { ManagedProcess, ProcessEnd } from "../../src/kernel/process/processes.ts";

const WAIT_MS = 5_000;

interface Life {
  isOver: boolean;
}

type Answers<T> = { readonly [K in keyof T]?: (...args: never[]) => unknown };

/** The same object, some of whose methods do something else once a daemon is dead. */
function mortal<T extends object>(target: T, life: Life, afterDeath: Answers<T>): T {
  return new Proxy(target, {
    get(it, key) {
      const value: unknown = Reflect.get(it, key, it);
      if (typeof value !== "function") {
        return value;
      }
      return (...args: never[]): unknown => {
        const instead = life.isOver ? afterDeath[key as keyof T] : undefined;
        return instead === undefined ? value.apply(it, args) : instead(...args);
      };
    },
  });
}

function mortalProcess(process: ManagedProcess, life: Life): ManagedProcess {
  const exited = new Promise<ProcessEnd>((resolve) => {
    void process.exited.then((end) => (life.isOver ? undefined : resolve(end)));
  });
  return new Proxy(mortal(process, life, { signalGroup: () => undefined }), {
    get: (it, key) => (key === "exited" ? exited : Reflect.get(it, key)),
  });
}

const never = (): Promise<never> => new Promise(() => undefined);

function dead(): never {
  throw new Error("a dead daemon does nothing");
}

function mortalKernel(kernel: FakeKernel, life: Life): Kernel {
  const processes = mortal(kernel.processes, life, { signal: () => undefined });
  return {
    ...kernel,
    cgroups: mortal(kernel.cgroups, life, {
      kill: () => undefined,
      emptied: never,
      create: dead,
      remove: dead,
      write: dead,
    }),
    processes: {
      start: (options) =>
        life.isOver ? dead() : mortalProcess(kernel.processes.start(options), life),
      adopt: (identity) => {
        const process = kernel.processes.adopt(identity);
        return process === undefined ? undefined : mortalProcess(process, life);
      },
      signal: (pid, signal) => processes.signal(pid, signal),
      groupOf: (pid) => processes.groupOf(pid),
      owns: (pid) => processes.owns(pid),
    },
  };
}

function mortalState(state: StateStore, life: Life): StateStore {
  const nothing = (): undefined => undefined;
  return mortal(state, life, {
    ...{ saveCell: nothing, removeCell: nothing, removeCells: nothing, reserveEvents: nothing },
    ...{ claimOnce: () => false },
    ...{ saveExecutable: nothing, removeExecutable: nothing, disclaimOnce: nothing },
  });
}

/** A restart policy that does not keep a test waiting. */
export function restart(
  mode: RestartPolicy["mode"],
  more: Partial<RestartPolicy> = {},
): RestartPolicy {
  return { ...DEFAULT_RESTART, mode, backoffMs: 0, maxBackoffMs: 1, startLimit: 0, ...more };
}

export const exitedWith = (code: number) => ({ kind: "exited", code }) as const;
export const killedBy = (signal: number) => ({ kind: "signaled", signal }) as const;

/** Lets all that is due happen, but for timers. */
export async function settle(): Promise<void> {
  await Bun.sleep(0);
  await Bun.sleep(0);
}

/** Waits for what nothing announces. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (!isSo()) {
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${WAIT_MS} ms`);
    }
    await Bun.sleep(1);
  }
}

export class World {
  readonly kernel: FakeKernel = createFakeKernel();
  readonly state = new MemoryState();
  outputs = new MemoryOutputs();
  /** Everything that was told, by all daemons. */
  readonly told: EventInit[] = [];
  /** Their numbers. */
  readonly sequences: bigint[] = [];
  cells: Cells;
  #life: Life = { isOver: false };

  constructor() {
    this.cells = this.#newDaemon();
  }

  #newDaemon(): Cells {
    const life = { isOver: false };
    this.#life = life;
    this.outputs = new MemoryOutputs();
    const state = mortalState(this.state, life);
    const { lastEvent } = state.load();
    const events = new EventLog({ last: lastEvent, reserve: (upTo) => state.reserveEvents(upTo) });
    const emit = events.emit.bind(events);
    events.emit = (init) => {
      if (!life.isOver) {
        emit(init);
        this.told.push(init);
        this.sequences.push(events.lastSequence);
      }
    };
    return new Cells({
      kernel: mortalKernel(this.kernel, life),
      state,
      outputs: this.outputs,
      events,
      env: { PATH: "/bin" },
    });
  }

  /** Ends the daemon as SIGKILL does, and has another one come. */
  async killDaemon(whileAway: () => unknown = () => undefined): Promise<void> {
    this.#life.isOver = true;
    for (const { stdout, stderr } of this.kernel.processes.all.values()) {
      // Its readers are gone with it; what is in the pipes stays there.
      void stdout.close();
      void stderr.close();
    }
    await whileAway();
    this.cells = this.#newDaemon();
    await this.cells.restore(this.state.load());
    await settle();
  }

  allocate(name: string, more: Partial<CellSpec> = {}): void {
    this.cells.allocate(cellSpec({ name: CellName.parse(name), ...more }));
  }

  /** @param where the name, after that of its cell and a colon; without one, in no cell */
  start(where: string, more: Partial<ExecutableSpec> = {}): Executable {
    const [cell, name] = split(where);
    const command = { kind: "shell", line: name } as const;
    return this.cells.start(cell, executableSpec({ name, command, ...more }));
  }

  stop(where: string, asked: Partial<StopPolicy> = {}): Promise<Ending | undefined> {
    const [cell, name] = split(where);
    return this.cells.stop(cell, name, asked);
  }

  find(where: string): Executable {
    const [cell, name] = split(where);
    return this.cells.executablesOf(cell).find(name);
  }

  /** The process of an executable that was started last. */
  process(where: string): FakeProcess {
    const { pid } = this.find(where);
    const process = this.kernel.processes.all.get(pid);
    if (process === undefined) {
      throw new Error(`${where} has no process`);
    }
    return process;
  }

  /** All processes that an executable has had, by its command. */
  processes(name: string): FakeProcess[] {
    return [...this.kernel.processes.all.values()].filter(
      ({ options }) => options.argv.at(-1) === name,
    );
  }

  /** Puts a further process into the tree of an executable. */
  fork(where: string): FakeProcess {
    const [cell, name] = split(where);
    const child = this.kernel.processes.start({ paths: [], argv: ["child"], env: {}, cwd: "/" });
    const leaf = cell === undefined ? "_" : `${cell}/_`;
    this.kernel.cgroups.join(`${leaf}/exe.${name}`, child.pid);
    return child;
  }

  /** What was told of an executable, in order. */
  kinds(name: string): string[] {
    return this.told.filter(({ executable }) => executable === name).map(({ kind }) => kind);
  }
}

function split(where: string) {
  const [cell, name] = where.includes(":") ? where.split(":") : [undefined, where];
  return [
    cell === undefined ? undefined : CellName.parse(cell),
    executableName(name ?? ""),
  ] as const;
}
