import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { setLogSink } from "../base/log.ts";
import { type BootStep, runSteps } from "./steps.ts";

interface Context {
  readonly did: string[];
}

let lines: string[] = [];
let restore: () => void;

beforeEach(() => {
  lines = [];
  restore = setLogSink((line) => lines.push(line));
});
afterEach(() => restore());

/** Notes that it was done, and that it was undone. */
function step(name: string, more: Partial<BootStep<Context>> = {}): BootStep<Context> {
  return {
    name,
    onFailure: "fatal",
    run: ({ did }) => {
      did.push(name);
      return () => did.push(`undo ${name}`);
    },
    ...more,
  };
}

const fail = (message: string) => () => {
  throw new Error(message);
};

describe("runSteps", () => {
  test("runs the steps in order, and its answer undoes them in reverse", () => {
    const did: string[] = [];
    const undo = runSteps([step("a"), step("b")], { did });
    expect(did).toEqual(["a", "b"]);
    undo.dispose();
    expect(did).toEqual(["a", "b", "undo b", "undo a"]);
  });

  test("undoes what was done when a fatal step fails, and names the step", () => {
    const did: string[] = [];
    const steps = [step("a"), step("b", { run: fail("no such device") }), step("c")];
    expect(() => runSteps(steps, { did })).toThrow("b: no such device");
    expect(did).toEqual(["a", "undo a"]);
  });

  test("keeps the error of a fatal step as the cause of its own", () => {
    const cause = new Error("EIO");
    const run = () => {
      throw cause;
    };
    let thrown: unknown;
    try {
      runSteps([step("a", { run })], { did: [] });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    expect((thrown as Error).cause).toBe(cause);
  });

  test("goes on after a step whose failure is a warning, and says so once", () => {
    const did: string[] = [];
    const steps = [
      step("a"),
      step("mount /tmp", { onFailure: "warn", run: fail("EPERM") }),
      step("c"),
    ];
    runSteps(steps, { did }).dispose();
    expect(did).toEqual(["a", "c", "undo c", "undo a"]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("WARN  boot goes on without: mount /tmp error=EPERM");
  });

  test("takes a step that has nothing to undo", () => {
    const did: string[] = [];
    runSteps([step("a"), step("b", { run: () => undefined })], { did }).dispose();
    expect(did).toEqual(["a", "undo a"]);
  });

  test("undoes the rest when one can't be undone, and warns", () => {
    const did: string[] = [];
    const undo = runSteps([step("a"), step("b", { run: () => fail("EBUSY") }), step("c")], { did });
    expect(() => undo.dispose()).not.toThrow();
    expect(did).toEqual(["a", "c", "undo c", "undo a"]);
    expect(lines.join("")).toContain("WARN  could not undo: b error=EBUSY");
  });

  test("undoes each step once", () => {
    const did: string[] = [];
    const undo = runSteps([step("a")], { did });
    undo.dispose();
    undo.dispose();
    expect(did).toEqual(["a", "undo a"]);
  });
});
