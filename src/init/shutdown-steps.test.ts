import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { inRoot } from "../../build/paths.ts";
import { setLogSink } from "../base/log.ts";
import { initKind, Machine } from "./machine.ts";
import { EXIT_POWER_OFF, EXIT_RESTART, INIT_NAME } from "./protocol.ts";
import { endMachine, type LastActions } from "./shutdown-steps.ts";

let log = "";
let restore: () => void;

beforeEach(() => {
  log = "";
  restore = setLogSink((line) => {
    log += line;
  });
});
afterEach(() => restore());

/** A machine of which nothing ends but this note. @param programs what is left, each time that it is asked */
function recorder(programs: readonly (readonly number[])[], more: Partial<LastActions> = {}) {
  const did: string[] = [];
  const answers = [...programs];
  const actions: LastActions = {
    otherPrograms: () => [...(answers.shift() ?? [])],
    waitForEnd: (pids, timeoutMs) => {
      did.push(`wait for ${pids.join(" ")}${timeoutMs > 0 ? "" : " without a bound"}`);
      return 0;
    },
    signalAll: (signal) => {
      did.push(`signal ${signal}`);
    },
    sync: () => {
      did.push("sync");
    },
    reboot: (end) => {
      did.push(end);
    },
    ...more,
  };
  return { did, actions, undo: () => void did.push("undo") };
}

const refuse = (message: string) => () => {
  throw new Error(message);
};

describe("endMachine", () => {
  test("asks the rest to end, writes to the disks before and after it unmounts, and then ends", () => {
    const { did, actions, undo } = recorder([[7, 8], []]);
    endMachine("power-off", undo, actions);
    expect(did).toEqual(["signal 15", "wait for 7 8", "sync", "undo", "sync", "power-off"]);
    expect(log).toContain("powering the machine off");
  });

  test("kills only what did not end when it was asked to", () => {
    const { did, actions, undo } = recorder([[7, 8], [8]]);
    endMachine("restart", undo, actions);
    expect(did).toEqual([
      ...["signal 15", "wait for 7 8", "signal 9", "wait for 8"],
      ...["sync", "undo", "sync", "restart"],
    ]);
    expect(log).toContain("killing what did not end count=1");
    expect(log).toContain("restarting the machine");
  });

  test("signals nobody where nothing else runs", () => {
    const { did, actions, undo } = recorder([[]]);
    endMachine("power-off", undo, actions);
    expect(did).toEqual(["sync", "undo", "sync", "power-off"]);
  });

  test("waits for a bounded time", () => {
    const bounds: number[] = [];
    const waitForEnd = (_: readonly number[], timeoutMs: number) => bounds.push(timeoutMs);
    const { actions, undo } = recorder([[7], [7]], { waitForEnd });
    endMachine("power-off", undo, actions);
    expect(bounds).toEqual([5_000, 2_000]);
  });

  test.each(["otherPrograms", "signalAll", "waitForEnd"] as const)(
    "syncs and ends the machine even where %s fails",
    (action) => {
      const { did, actions, undo } = recorder([[7], [7]], { [action]: refuse("EPERM") });
      endMachine("power-off", undo, actions);
      expect(did.slice(-4)).toEqual(["sync", "undo", "sync", "power-off"]);
      expect(log).toContain("could not end the remaining processes error=EPERM");
    },
  );

  test("comes back and says so where the kernel refuses", () => {
    const { actions, undo } = recorder([[]], { reboot: refuse("reboot power-off: EPERM") });
    expect(() => endMachine("power-off", undo, actions)).not.toThrow();
    expect(log).toContain("ERROR the kernel refuses to end the machine");
  });
});

describe("Machine", () => {
  function machine(kind: "self" | "supervised") {
    const { did, actions } = recorder([[]]);
    const stack = new DisposableStack();
    stack.defer(() => did.push("undo"));
    return { did, machine: new Machine(kind, stack, actions) };
  }

  test("undoes the boot and tells the kernel", () => {
    for (const [method, end] of [
      ["powerOff", "power-off"],
      ["reboot", "restart"],
    ] as const) {
      const { did, machine: it } = machine("supervised");
      it[method]();
      expect(did).toEqual(["sync", "undo", "sync", end]);
    }
  });

  test("answers init by an exit code, and nobody where it is init itself", () => {
    expect(machine("supervised").machine.powerOff()).toBe(EXIT_POWER_OFF);
    expect(machine("supervised").machine.reboot()).toBe(EXIT_RESTART);
    expect(machine("self").machine.powerOff()).toBe(0);
    expect(machine("self").machine.reboot()).toBe(0);
  });

  test("leaves the machine as it is when it is only disposed of", () => {
    const { did, machine: it } = machine("supervised");
    it[Symbol.dispose]();
    expect(did).toEqual([]);
  });
});

describe("initKind", () => {
  test("takes auraed for the machine's init as PID 1, or as the child of ours", () => {
    const own = { pid: 57, parentPid: 1, initName: INIT_NAME };
    expect(initKind({ pid: 1, parentPid: 0, initName: "auraed" })).toBe("self");
    expect(initKind(own)).toBe("supervised");
    for (const other of [{ initName: "systemd" }, { initName: undefined }, { parentPid: 2 }]) {
      expect(initKind({ ...own, ...other })).toBeUndefined();
    }
  });
});

test("EXIT_POWER_OFF, EXIT_RESTART and INIT_NAME are those of ffi/init.c", async () => {
  const source = await Bun.file(inRoot("ffi/init.c")).text();
  expect(source).toContain(`EXIT_POWER_OFF = ${EXIT_POWER_OFF},`);
  expect(source).toContain(`EXIT_RESTART = ${EXIT_RESTART},`);
  expect(source).toContain(`own_name[] = "${INIT_NAME}";`);
});
