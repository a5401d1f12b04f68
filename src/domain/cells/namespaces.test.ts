/** Cells with namespaces of their own, and those inside of them. */
import { beforeEach, describe, expect, test } from "bun:test";
import { cellName, CellsFixture } from "../../../test/harness/cells-fixture.ts";

let fixture: CellsFixture;

beforeEach(() => {
  fixture = new CellsFixture();
});

describe("Cells with namespaces", () => {
  test("have a first process in the leaf, and executables are born in its namespaces", async () => {
    fixture.allocate("a", {}, { isolateProcess: true, isolateNetwork: true });
    const holder = fixture.kernel.namespaces.last;
    expect(holder.request).toMatchObject({ process: true, network: true, hostname: "a" });
    expect(fixture.kernel.cgroups.processes("a/_")).toEqual([holder.pid]);
    const executable = fixture.start("a", "x");
    expect(fixture.kernel.processes.last.options.namespaces).toBe(holder);
    expect(executable.namespacePid).toBe(2);
    expect(executable.pid).toBeGreaterThan(2);
    await fixture.cells.free(cellName("a"));
    expect(fixture.kernel.namespaces.running).toEqual([]);
    expect(fixture.kernel.cgroups.paths).toEqual([]);
  });

  test("are those of the nearest cell above, unless the cell unshares more", () => {
    fixture.allocate("a", {}, { isolateProcess: true });
    const above = fixture.kernel.namespaces.last;
    fixture.allocate("a/b");
    fixture.start("a/b", "x");
    expect(fixture.kernel.processes.last.options.namespaces).toBe(above);
    fixture.allocate("a/b/c", {}, { isolateNetwork: true });
    expect(fixture.kernel.namespaces.last.request.parent).toBe(above);
    fixture.start("a/b/c", "x");
    expect(fixture.kernel.processes.last.options.namespaces).toBe(fixture.kernel.namespaces.last);
  });

  test("are undone with the cell when they can't be made", () => {
    fixture.kernel.namespaces.failNext = "EPERM";
    expect(() => fixture.allocate("a", {}, { isolateProcess: true })).toThrow(
      "cell 'a' could not be allocated: clone3 \"a\": EPERM",
    );
    expect(fixture.kernel.cgroups.paths).toEqual([]);
    expect(fixture.state.load().cells).toEqual([]);
    fixture.allocate("a", {}, { isolateProcess: true });
  });
});
