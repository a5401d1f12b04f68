/** A plan, and how it is written for people: a line for each step, and one that counts them. */
import { actionOf, targetText } from "./step.ts";
import type { Change, Step, StepKind } from "./types.ts";

const MARKS: Readonly<Record<StepKind, string>> = {
  allocate: "+",
  start: "+",
  update: "~",
  restart: "~",
  replace: "!",
  stop: "-",
  free: "-",
};

const MAX_VALUE_CHARACTERS = 60;

/** A value in one line that can't steer a terminal. */
function shown(value: string | undefined): string {
  const plain = (value ?? "(none)").replace(/[\0-\x1f\x7f-\x9f]/g, " ");
  return plain.length <= MAX_VALUE_CHARACTERS
    ? plain
    : `${plain.slice(0, MAX_VALUE_CHARACTERS - 1)}…`;
}

function changeText({ field, from, to }: Change, isNew: boolean): string {
  return isNew
    ? `${shown(field)} = ${shown(to)}`
    : `${shown(field)}: ${shown(from)} -> ${shown(to)}`;
}

function commandText(step: Step): string[] {
  const action = actionOf(step);
  if (action.kind !== "start" || step.why !== undefined) {
    return [];
  }
  const { command, args } = action.definition;
  return [shown(command === "" ? args.join(" ") : command)];
}

/** A step in one line, such as `~ update web: memory.max: 1 -> 2`. */
export function stepText(step: Step): string {
  const { kind, changes, why, blocked } = step;
  const details = [
    ...changes.map((change) => changeText(change, kind === "allocate")),
    ...(why === undefined ? [] : [why]),
    ...commandText(step),
  ];
  const tail = details.length === 0 ? "" : `  (${details.join("; ")})`;
  const held = blocked === undefined ? "" : `\n    NOT DONE: ${blocked}`;
  return `${MARKS[kind]} ${kind.padEnd(8)} ${targetText(step)}${tail}${held}`;
}

function countsText(steps: readonly Step[]): string {
  const kinds = Object.keys(MARKS) as StepKind[];
  return kinds
    .map((kind) => ({ kind, count: steps.filter((step) => step.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} to ${kind}`)
    .join(", ");
}

/** What it takes, in order. Its text is for people. */
export class Plan {
  readonly steps: readonly Step[];

  constructor(steps: readonly Step[]) {
    this.steps = steps;
  }

  /** Whether the node is as described. */
  get isEmpty(): boolean {
    return this.steps.length === 0;
  }

  /** Steps that are not done, and hold up the others. */
  get blocked(): readonly Step[] {
    return this.steps.filter(({ blocked }) => blocked !== undefined);
  }

  toString(): string {
    return this.isEmpty
      ? "nothing to do: the node is as described"
      : [...this.steps.map(stepText), `plan: ${countsText(this.steps)}`].join("\n");
  }

  /** For `console.log(plan)`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
