import { beforeEach, describe, expect, test } from "bun:test";
import { createFakeKernel, type FakeKernel } from "../../kernel/fake/fake-kernel.ts";
import { allocateCgroup } from "./allocate.ts";
import { cellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";
import { freeze, frozenBy, isFrozen, requireThawed, thaw, thawForFree } from "./freeze.ts";

const A = CellName.parse("a");
const INNER = CellName.parse("a/b");

let kernel: FakeKernel;

beforeEach(() => {
  kernel = createFakeKernel();
  for (const name of [A, INNER]) {
    allocateCgroup(kernel, cellSpec({ name, limits: {} }));
  }
  kernel.cgroups.join("a/_", 1);
  kernel.cgroups.join("a/b/_", 2);
});

describe("freeze", () => {
  test("stops a cell and those below it, and again is no error", async () => {
    await freeze(kernel, A);
    expect([isFrozen(kernel, A), isFrozen(kernel, INNER)]).toEqual([true, true]);
    await freeze(kernel, A);
  });

  test("waits until all processes stand still", async () => {
    kernel.cgroups.stubborn.add(2);
    let isDone = false;
    const done = freeze(kernel, A).then(() => {
      isDone = true;
    });
    await Promise.resolve();
    expect(isDone).toBe(false);
    kernel.cgroups.stubborn.delete(2);
    kernel.cgroups.look();
    await done;
  });

  test("names those that do not stand still in time, and lets all go on", async () => {
    kernel.cgroups.stubborn.add(2);
    expect(freeze(kernel, A, 5)).rejects.toMatchObject({
      kind: "deadline_exceeded",
      message: expect.stringMatching(/among processes 2 is one .* in 5 ms, so the cell runs on$/),
    });
    await freeze(kernel, A, 5).catch(() => undefined);
    expect(kernel.cgroups.read("a", "cgroup.freeze")).toBe("0\n");
  });

  test("answers not_found for a cell whose group is gone", () => {
    expect(freeze(kernel, CellName.parse("x"))).rejects.toMatchObject({ kind: "not_found" });
  });
});

describe("thaw", () => {
  test("lets a cell go on, and one that is not frozen is no error", async () => {
    await freeze(kernel, A);
    await thaw(kernel, A);
    expect([isFrozen(kernel, A), isFrozen(kernel, INNER)]).toEqual([false, false]);
    await thaw(kernel, A);
  });

  test("answers failed_precondition where a cell above is frozen, and names it", async () => {
    await freeze(kernel, A);
    expect(thaw(kernel, INNER)).rejects.toMatchObject({
      ...{
        kind: "failed_precondition",
        message: expect.stringContaining("cell 'a' is; thaw that"),
      },
    });
  });

  test("answers not_found for a cell whose group is gone", () => {
    expect(thaw(kernel, CellName.parse("x"))).rejects.toMatchObject({ kind: "not_found" });
  });
});

describe("requireThawed", () => {
  test("refuses a cell that is frozen, or will be, by itself or from above", async () => {
    requireThawed(kernel, INNER);
    kernel.cgroups.stubborn.add(1);
    const done = freeze(kernel, A);
    expect(() => requireThawed(kernel, A)).toThrow("cell 'a' is frozen; thaw it first");
    expect(() => requireThawed(kernel, INNER)).toThrow("cell 'a' is frozen; thaw it first");
    expect(`${frozenBy(kernel, INNER)}`).toBe("a");
    kernel.cgroups.stubborn.clear();
    kernel.cgroups.look();
    await done;
  });
});

describe("thawForFree", () => {
  test("thaws the cell itself, and minds neither a frozen one above nor one that is gone", async () => {
    await freeze(kernel, INNER);
    thawForFree(kernel, INNER);
    expect(isFrozen(kernel, INNER)).toBe(false);
    await freeze(kernel, A);
    thawForFree(kernel, INNER);
    expect(isFrozen(kernel, INNER)).toBe(true);
    thawForFree(kernel, CellName.parse("x"));
  });
});
