/** Cells on a kernel in memory, and the daemons that come one after the other. For tests. */
import type { CgroupLimits } from "../../src/kernel/cgroup/limits.ts";
import { createFakeKernel, type FakeKernel } from "../../src/kernel/fake/fake-kernel.ts";
import { EventLog } from "../../src/domain/events/event-log.ts";
import { executableName } from "../../src/domain/executables/executable-name.ts";
import type { Executable } from "../../src/domain/executables/executable.ts";
import {
  type ExecutableSpec,
  executableSpec,
} from "../../src/domain/executables/executable-spec.ts";
import { MemoryOutputs } from "../../src/domain/executables/memory-outputs.ts";
import { MemoryState } from "../../src/domain/state/memory-state.ts";
import type { SavedState } from "../../src/domain/state/state-store.ts";
import { type Cell, type CellSpec, cellSpec } from "../../src/domain/cells/cell.ts";
import { CellName } from "../../src/domain/cells/cell-name.ts";
import { Cells, type CellsOptions } from "../../src/domain/cells/cells.ts";

export const cellName = (text: string): CellName => CellName.parse(text);

export class CellsFixture {
  readonly kernel: FakeKernel = createFakeKernel();
  readonly outputs = new MemoryOutputs();
  readonly state = new MemoryState();
  cells: Cells;
  readonly #options: Pick<CellsOptions, "reserved">;
  #saved: SavedState | undefined;

  constructor(options: Pick<CellsOptions, "reserved"> = {}) {
    this.#options = options;
    this.cells = this.#newCells();
  }

  #newCells(): Cells {
    const { kernel, outputs, state } = this;
    const events = new EventLog();
    return new Cells({ kernel, outputs, state, events, env: { PATH: "/bin" }, ...this.#options });
  }

  /** The daemon is killed. What it would still do is not kept. */
  kill(): void {
    this.#saved = this.state.load();
  }

  /** The next daemon comes, with the same kernel and what the one before, which is killed, has kept. */
  async restore(): Promise<void> {
    const saved = this.#saved ?? this.state.load();
    this.#saved = undefined;
    this.cells = this.#newCells();
    await this.cells.restore(saved);
  }

  allocate(name: string, limits: CgroupLimits = {}, more: Partial<CellSpec> = {}): Cell {
    return this.cells.allocate(cellSpec({ name: cellName(name), limits, ...more }));
  }

  start(cell: string | undefined, name: string, more: Partial<ExecutableSpec> = {}): Executable {
    const spec = executableSpec({
      name: executableName(name),
      command: { kind: "shell", line: "true" },
      ...more,
    });
    return this.cells.start(cell === undefined ? undefined : cellName(cell), spec);
  }
}
