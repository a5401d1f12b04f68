/**
 * Plans what it takes to get from what a node has to what is described. Pure: it asks nobody and does nothing.
 *
 * Cells come before what is in them, executables in the order in which they wait for each other, and whatever is taken
 * away comes last. What is not described stays, unless it is to be pruned; and then only what is in a described cell goes,
 * since other cells, and executables in no cell, may be somebody else's.
 */
import type {
  Cell,
  CellGraphNode,
  ExecutableSummary,
  StartedOnce,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { cellChanges, cellFields, updateRequest } from "./cell-changes.ts";
import {
  type DescribedCell,
  type Description,
  describe,
  parentOf,
  refusal,
} from "./description.ts";
import { isOver, planExecutables } from "./plan-executables.ts";
import { Plan } from "./plan-text.ts";
import { stepOf, targetText } from "./step.ts";
import type { Desired, PlanOptions, Step } from "./types.ts";

/** What Inspect answers with. */
export interface Observed {
  readonly cells: readonly CellGraphNode[];
  readonly executables: readonly ExecutableSummary[];
  /** What is not started again before the machine boots. */
  readonly startedOnce: readonly StartedOnce[];
}

interface ObservedCell {
  readonly cell: Cell;
  readonly node: CellGraphNode;
}

function* observedCells(nodes: readonly CellGraphNode[]): Generator<[string, ObservedCell]> {
  for (const node of nodes) {
    if (node.cell !== undefined) {
      yield [node.cell.name, { cell: node.cell, node }];
    }
    yield* observedCells(node.children);
  }
}

const cellTarget = (cellName: string) => ({ cellName, executableName: "" });
const NOT_DESCRIBED = { why: "it is not described" };

class Planner {
  readonly #described: ReadonlyMap<string, DescribedCell>;
  readonly #observed: ReadonlyMap<string, ObservedCell>;
  readonly #options: { readonly prune: boolean; readonly replace: boolean };
  /** By the full name of their cell: the executables that are started once a boot, and were. */
  readonly #startedOnce = new Map<string, Set<string>>();
  /** Cells that are made by this plan, so that nothing is in them. */
  readonly #made = new Set<string>();
  readonly #steps: Step[] = [];
  readonly #removals: Step[] = [];

  constructor(description: Description, observed: Observed, options: PlanOptions) {
    this.#described = new Map(description.cells.map((it) => [it.name, it]));
    this.#observed = new Map(observedCells(observed.cells));
    this.#options = { prune: options.prune ?? false, replace: options.replace ?? false };
    for (const { cellName, executableName } of observed.startedOnce) {
      const names = this.#startedOnce.get(cellName);
      this.#startedOnce.set(cellName, (names ?? new Set()).add(executableName));
    }
    for (const cell of description.cells) {
      this.#planCell(cell);
    }
    this.#planExecutables("", description.outside, observed.executables, false);
  }

  get steps(): Step[] {
    return [...this.#steps, ...this.#removals];
  }

  #planCell({ name, cell, executables }: DescribedCell): void {
    const observed = this.#observed.get(name);
    const { prune } = this.#options;
    if (observed === undefined || this.#isMade(parentOf(name))) {
      this.#allocate(name, cell);
    } else if (cellChanges(observed.cell, cell).fixed.length > 0) {
      this.#replace(name, cell, observed);
    } else {
      this.#update(name, cell, observed);
      this.#planExecutables(name, executables, observed.node.executables, prune);
      this.#pruneCells(observed.node);
      return;
    }
    this.#planExecutables(name, executables, [], false);
  }

  #isMade(name: string | undefined): boolean {
    return name !== undefined && (this.#made.has(name) || this.#isMade(parentOf(name)));
  }

  #allocate(name: string, cell: Cell): void {
    const parent = parentOf(name);
    const isThere =
      parent === undefined ||
      this.#described.has(parent) ||
      (this.#observed.has(parent) && !this.#isMade(parent));
    if (!isThere) {
      throw refusal(
        `the cell "${name}" is in "${parent}", which is neither described nor there: describe that, too`,
      );
    }
    this.#made.add(name);
    const changes = cellFields(cell);
    this.#steps.push(stepOf(cellTarget(name), { kind: "allocate", cell }, { changes }));
  }

  #update(name: string, cell: Cell, observed: ObservedCell): void {
    const changes = cellChanges(observed.cell, cell).live;
    if (changes.length > 0) {
      const request = updateRequest(observed.cell, cell);
      this.#steps.push(stepOf(cellTarget(name), { kind: "update", request }, { changes }));
    }
  }

  #replace(name: string, cell: Cell, { cell: now, node }: ObservedCell): void {
    const { live, fixed } = cellChanges(now, cell);
    const lost = this.#options.prune ? [] : this.#strangersIn(node);
    const needs = [
      ...(this.#options.replace ? [] : ["replace: true"]),
      ...(lost.length === 0 ? [] : ["prune: true"]),
    ];
    const also = lost.length === 0 ? "" : `, and with it ${lost.join(", ")}, not described`;
    const [once] = this.#onceIn(node);
    const blocked =
      once !== undefined
        ? `it would end '${once}', which is started once a boot, and would not be again: stop it if it may end, or boot the machine`
        : needs.length > 0
          ? `it ends what is in the cell${also}: allow it by ${needs.join(" and ")}`
          : undefined;
    this.#made.add(name);
    this.#steps.push(
      stepOf(
        cellTarget(name),
        { kind: "replace", cell },
        { changes: [...fixed, ...live], blocked },
      ),
    );
  }

  /** What is in a cell and below, has not ended, and could not be started again before the machine boots. */
  #onceIn(node: CellGraphNode): string[] {
    const cellName = node.cell?.name ?? "";
    const described = this.#described.get(cellName)?.executables ?? [];
    const startedOnce = this.#startedOnce.get(cellName);
    const isOnce = ({ name, definition }: ExecutableSummary): boolean =>
      definition?.oncePerBoot === true ||
      (startedOnce?.has(name) === true &&
        described.some((it) => it.name === name && it.oncePerBoot));
    return [
      ...node.executables
        .filter((it) => !isOver(it) && isOnce(it))
        .map(({ name }) => targetText({ cellName, executableName: name })),
      ...node.children.flatMap((child) => this.#onceIn(child)),
    ];
  }

  /** What is in a cell and not described. */
  #strangersIn(node: CellGraphNode): string[] {
    const cellName = node.cell?.name ?? "";
    const described = this.#described.get(cellName);
    const known = new Set(described?.executables.map(({ name }) => name));
    return [
      ...(described === undefined ? [cellName] : []),
      ...node.executables
        .filter(({ name }) => !known.has(name))
        .map(({ name }) => targetText({ cellName, executableName: name })),
      ...node.children.flatMap((child) => this.#strangersIn(child)),
    ];
  }

  #planExecutables(
    cellName: string,
    described: DescribedCell["executables"],
    observed: readonly ExecutableSummary[],
    prune: boolean,
  ): void {
    const startedOnce = this.#startedOnce.get(cellName) ?? new Set();
    const input = { cellName, described, observed, startedOnce, prune };
    const { steps, removals } = planExecutables(input);
    this.#steps.push(...steps);
    this.#removals.push(...removals);
  }

  /** Frees the cells of a described cell that are not described and have no described one in them. */
  #pruneCells(node: CellGraphNode): void {
    for (const { cell } of this.#options.prune ? node.children : []) {
      const name = cell?.name ?? "";
      const isKept = [...this.#described.keys()].some(
        (it) => it === name || it.startsWith(`${name}/`),
      );
      if (!isKept) {
        this.#removals.push(stepOf(cellTarget(name), { kind: "free" }, NOT_DESCRIBED));
      }
    }
  }
}

/**
 * @param observed the answer of Inspect
 * @throws {ConnectError} INVALID_ARGUMENT for a description that can't be right
 */
export function plan(desired: Desired, observed: Observed, options: PlanOptions = {}): Plan {
  return planFrom(describe(desired), observed, options);
}

/** As {@link plan}, of a description that was read already. */
export function planFrom(
  description: Description,
  observed: Observed,
  options: PlanOptions = {},
): Plan {
  return new Plan(new Planner(description, observed, options).steps);
}
