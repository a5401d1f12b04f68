/**
 * What is to be done about the executables of one cell, or about those in no cell. Pure.
 *
 * One that ended well is done, and so is one that is started once a boot and was, whether it is still there or not; one
 * that failed is started again. Who requires an executable that is restarted is stopped before and started after it,
 * whether it is described or not: the daemon would end it, and nobody would start it again.
 */
import {
  type Executable,
  ExecutableState,
  type ExecutableSummary,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { RestartMode } from "../../gen/aurae/cells/v0/executables_pb.ts";
import { definitionChanges } from "./definition.ts";
import { refusal } from "./description.ts";
import { inOrder } from "./order.ts";
import { stepOf, targetText } from "./step.ts";
import type { Step } from "./types.ts";

export interface ExecutablesToPlan {
  /** The full name; empty for those in no cell. */
  readonly cellName: string;
  readonly described: readonly Executable[];
  readonly observed: readonly ExecutableSummary[];
  /** Names of those that are started once a boot, and were. */
  readonly startedOnce: ReadonlySet<string>;
  /** Whether those that are not described are stopped. */
  readonly prune: boolean;
}

export interface ExecutablesPlan {
  readonly steps: readonly Step[];
  /** What is taken away. It comes last, when all that is new is there. */
  readonly removals: readonly Step[];
}

/** What keeps an executable from staying as it is. */
type Fate = Pick<Step, "changes" | "why" | "blocked">;

const fate = (more: Partial<Fate>): Fate => ({
  ...{ changes: [], why: undefined, blocked: undefined },
  ...more,
});

export function isOver({ state }: ExecutableSummary): boolean {
  return state === ExecutableState.EXITED || state === ExecutableState.FAILED;
}

function endingText({ state, exitStatus, oomKilled }: ExecutableSummary): string {
  const memory = oomKilled ? ", out of memory" : "";
  const often = state === ExecutableState.FAILED ? ", too often" : "";
  switch (exitStatus?.outcome.case) {
    case "exitCode":
      return `it ended with exit code ${exitStatus.outcome.value}${memory}${often}`;
    case "signal":
      return `it was ended by signal ${exitStatus.outcome.value}${memory}${often}`;
    default:
      return `it ended, and nobody saw how${often}`;
  }
}

function endedWell({ state, exitStatus, definition }: ExecutableSummary): boolean {
  const { outcome } = exitStatus ?? {};
  return (
    state === ExecutableState.EXITED &&
    outcome?.case === "exitCode" &&
    outcome.value === 0 &&
    definition?.restart?.mode !== RestartMode.ALWAYS
  );
}

const ONCE = "it is started once a boot, and was: boot the machine for its new definition";

/**
 * Why an executable that is there is to be started anew; undefined where it stays.
 * @param wasStarted whether one of its name was started that is to be once a boot: Start would refuse it
 */
function fateOf(
  described: Executable,
  observed: ExecutableSummary,
  wasStarted: boolean,
): Fate | undefined {
  const { definition } = observed;
  const blocked = described.oncePerBoot && wasStarted ? ONCE : undefined;
  if (definition === undefined) {
    return fate({ why: "its definition is not known", blocked });
  }
  const changes = definitionChanges(definition, described);
  if (changes.length > 0) {
    return fate({ changes, blocked });
  }
  if (blocked !== undefined) {
    return undefined;
  }
  if (observed.state === ExecutableState.STOPPING) {
    return fate({ why: "it is being stopped" });
  }
  return isOver(observed) && !endedWell(observed) ? fate({ why: endingText(observed) }) : undefined;
}

class Planner {
  readonly #input: ExecutablesToPlan;
  readonly #described: ReadonlyMap<string, Executable>;
  readonly #observed: ReadonlyMap<string, ExecutableSummary>;
  readonly #fates = new Map<string, Fate>();
  /** Those that stop and start with another, and which that is. */
  readonly #along = new Map<string, string>();

  constructor(input: ExecutablesToPlan) {
    this.#input = input;
    this.#described = new Map(input.described.map((it) => [it.name, it]));
    this.#observed = new Map(input.observed.map((it) => [it.name, it]));
  }

  plan(): ExecutablesPlan {
    for (const described of this.#described.values()) {
      const found = this.#fateOf(described);
      if (found !== undefined) {
        this.#fates.set(described.name, found);
      }
    }
    for (const name of [...this.#fates.keys()]) {
      this.#takeAlong(name);
    }
    for (const name of [...this.#fates.keys(), ...this.#along.keys()]) {
      this.#blockWithoutRequired(name);
    }
    for (const described of this.#described.values()) {
      this.#requireRequired(described);
    }
    const order = this.#order();
    return {
      steps: [
        ...order.toReversed().flatMap((it) => this.#stopAlong(it.name)),
        ...order.flatMap((it) => this.#startStep(it)),
      ],
      removals: this.#removals(),
    };
  }

  #fateOf(described: Executable): Fate | undefined {
    const { name, oncePerBoot } = described;
    const observed = this.#observed.get(name);
    const wasStarted = this.#wasStarted(name);
    if (observed !== undefined) {
      return fateOf(described, observed, wasStarted);
    }
    return oncePerBoot && wasStarted ? undefined : fate({});
  }

  #wasStarted(name: string): boolean {
    const { definition } = this.#observed.get(name) ?? {};
    return this.#input.startedOnce.has(name) || definition?.oncePerBoot === true;
  }

  #isRemoved(name: string): boolean {
    return this.#input.prune && !this.#described.has(name);
  }

  /** Finds those that run and require one that is to be restarted, and those that require them. */
  #takeAlong(name: string): void {
    if (!this.#observed.has(name)) {
      return;
    }
    for (const other of this.#input.observed) {
      const requires = other.definition?.requires ?? [];
      const isMet = this.#fates.has(other.name) || this.#along.has(other.name);
      if (isMet || isOver(other) || !requires.includes(name) || this.#isRemoved(other.name)) {
        continue;
      }
      if (other.definition?.oncePerBoot === true) {
        this.#block(name, `it would end '${other.name}', which is started once a boot`);
        continue;
      }
      this.#along.set(other.name, name);
      this.#takeAlong(other.name);
    }
  }

  /** The daemon would not start one that requires what was started once a boot, and has ended. */
  #blockWithoutRequired(name: string): void {
    const definition = this.#described.get(name) ?? this.#observed.get(name)?.definition;
    for (const other of definition?.requires ?? []) {
      const observed = this.#observed.get(other);
      const isLost = observed === undefined || isOver(observed);
      if (this.#described.get(other)?.oncePerBoot === true && !this.#fates.has(other) && isLost) {
        const target = this.#target(name);
        this.#block(
          name,
          `${target} requires '${other}', which is started once a boot, was, and does not run: boot the machine`,
        );
      }
    }
  }

  /** Blocks what a restart began with. */
  #block(name: string, blocked: string): void {
    let first = name;
    for (let next = this.#along.get(first); next !== undefined; next = this.#along.get(first)) {
      first = next;
    }
    const found = this.#fates.get(first);
    this.#fates.set(first, fate({ ...found, blocked: found?.blocked ?? blocked }));
  }

  /** The daemon starts nothing whose required ones are not there. */
  #requireRequired(executable: Executable): void {
    const isStarted = this.#fates.has(executable.name);
    for (const name of executable.requires) {
      const observed = this.#observed.get(name);
      const stays = observed !== undefined && !isOver(observed) && !this.#isRemoved(name);
      if (this.#described.has(name) || stays || (!isStarted && !this.#isRemoved(name))) {
        continue;
      }
      const what = this.#target(executable.name);
      throw refusal(
        `${what} requires '${name}', which ${observed === undefined ? "is neither described nor there" : "is not described"}: describe it, too`,
      );
    }
  }

  /** All that is to be started, in order; others of the description among them keep the order whole. */
  #order(): Executable[] {
    const strangers = [...this.#along.keys()]
      .filter((name) => !this.#described.has(name))
      .flatMap((name) => this.#observed.get(name)?.definition ?? []);
    const where = this.#input.cellName === "" ? "(no cell)" : `cell "${this.#input.cellName}"`;
    return inOrder([...strangers, ...this.#input.described], where);
  }

  #stopAlong(name: string): Step[] {
    const required = this.#along.get(name);
    return required === undefined
      ? []
      : [
          stepOf(
            this.#names(name),
            { kind: "stop" },
            { why: `it requires '${required}', which is restarted` },
          ),
        ];
  }

  #startStep(definition: Executable): Step[] {
    const { name } = definition;
    const required = this.#along.get(name);
    if (required !== undefined) {
      const why = `it was stopped for '${required}'`;
      return [stepOf(this.#names(name), { kind: "start", definition }, { why })];
    }
    const found = this.#fates.get(name);
    if (found === undefined) {
      return [];
    }
    const kind = this.#observed.has(name) ? "restart" : "start";
    return [stepOf(this.#names(name), { kind, definition }, found)];
  }

  /** Those that require others first. */
  #removals(): Step[] {
    const removed = this.#input.observed.filter(({ name }) => this.#isRemoved(name));
    const definitions = new Map(removed.map((it) => [it.name, it.definition?.requires ?? []]));
    const rank = (name: string, seen: readonly string[] = []): number =>
      seen.includes(name)
        ? 0
        : Math.max(0, ...(definitions.get(name) ?? []).map((it) => 1 + rank(it, [...seen, name])));
    return removed
      .toSorted((a, b) => rank(b.name) - rank(a.name))
      .map(({ name }) =>
        stepOf(this.#names(name), { kind: "stop" }, { why: "it is not described" }),
      );
  }

  #names(executableName: string) {
    return { cellName: this.#input.cellName, executableName };
  }

  #target(executableName: string): string {
    return targetText(this.#names(executableName));
  }
}

/** @throws {ConnectError} INVALID_ARGUMENT for a circle, or one that requires what will not be there */
export function planExecutables(input: ExecutablesToPlan): ExecutablesPlan {
  return new Planner(input).plan();
}
