import { describe, expect, test } from "bun:test";
import { VcpuControl } from "./vcpu-control.ts";
import type { VcpuExit } from "./vcpu-exit.ts";
import { type GuestBus, runVcpu } from "./vcpu-loop.ts";

/** A vCPU with these exits, which may do something at each, and then halts. */
function scripted(...script: readonly (VcpuExit | ((control: VcpuControl) => VcpuExit))[]) {
  const control = new VcpuControl();
  const threads: boolean[] = [];
  let at = 0;
  const vcpu = {
    control,
    run(): VcpuExit {
      const next = script[at++] ?? { kind: "halt" };
      return typeof next === "function" ? next(control) : next;
    },
    enterThread: () => threads.push(true),
    leaveThread: () => threads.push(false),
  };
  return { vcpu, control, threads, runs: () => at };
}

function recordingBus(): GuestBus & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    readPort(port, data) {
      log.push(`in ${port} ${data.length}`);
      data.fill(0xaa);
    },
    writePort: (port, data) => void log.push(`out ${port} ${[...data]}`),
    readMemory(address, data) {
      log.push(`load ${address} ${data.length}`);
      data.fill(0xbb);
    },
    writeMemory: (address, data) => void log.push(`store ${address} ${[...data]}`),
  };
}

function port(isWrite: boolean, size: number, data: readonly number[]): VcpuExit {
  const bytes = new Uint8Array(data);
  return { kind: "port", isWrite, port: 128, size, count: data.length / size, data: bytes };
}

function mmio(isWrite: boolean, ...data: readonly number[]): VcpuExit {
  return { kind: "mmio", isWrite, address: 4096, data: new Uint8Array(data) };
}

const INTERRUPTED: VcpuExit = { kind: "interrupted" };

describe("runVcpu", () => {
  test("hands accesses to the bus, and reads get what it answers", () => {
    const reads = [port(false, 1, [0]), mmio(false, 0, 0, 0, 0)];
    const { vcpu } = scripted(port(true, 2, [1, 2]), mmio(true, 3), ...reads);
    const bus = recordingBus();
    expect(runVcpu(vcpu, bus)).toEqual({ kind: "halt" });
    expect(bus.log).toEqual(["out 128 1,2", "store 4096 3", "in 128 1", "load 4096 4"]);
    const answers = reads.map((exit) => ("data" in exit ? [...exit.data] : []));
    expect(answers).toEqual([[0xaa], [0xbb, 0xbb, 0xbb, 0xbb]]);
  });

  test("makes one access of each that a string instruction is", () => {
    const read = port(false, 2, [0, 0, 0, 0]);
    const { vcpu } = scripted(port(true, 2, [1, 2, 3, 4, 5, 6]), read);
    const bus = recordingBus();
    runVcpu(vcpu, bus);
    expect(bus.log).toEqual(["out 128 1,2", "out 128 3,4", "out 128 5,6", "in 128 2", "in 128 2"]);
    expect("data" in read && [...read.data]).toEqual([0xaa, 0xaa, 0xaa, 0xaa]);
  });

  test("takes a size of 0, or data that is cut short, for what it is", () => {
    const odd: VcpuExit = {
      kind: "port",
      isWrite: true,
      port: 1,
      size: 0,
      count: 0,
      data: new Uint8Array(8),
    };
    const { vcpu } = scripted(odd, { ...odd, size: 4, count: 9, data: new Uint8Array(6) });
    const bus = recordingBus();
    expect(runVcpu(vcpu, bus)).toEqual({ kind: "halt" });
    expect(bus.log).toEqual(["out 1 0,0,0,0"]);
  });

  test("goes on after an interruption that nobody wanted", () => {
    const { vcpu, runs } = scripted(INTERRUPTED, INTERRUPTED, INTERRUPTED);
    expect(runVcpu(vcpu, recordingBus())).toEqual({ kind: "halt" });
    expect(runs()).toBe(4);
  });

  test("stops at an interruption when it shall, and never runs when it shall not", () => {
    const { vcpu, control, threads } = scripted(mmio(true, 1), (it) => {
      it.command = "stop";
      return INTERRUPTED;
    });
    const bus = recordingBus();
    expect(runVcpu(vcpu, bus)).toEqual({ kind: "stopped" });
    expect(bus.log).toHaveLength(1);
    expect(control.phase).toBe("stopped");
    expect(threads).toEqual([true, false]);

    const early = scripted(mmio(true, 1));
    early.control.command = "stop";
    expect(runVcpu(early.vcpu, bus)).toEqual({ kind: "stopped" });
    expect(early.runs()).toBe(0);
  });

  test("completes an access before it looks at what is wanted", () => {
    const { vcpu, runs } = scripted(
      (it) => {
        it.command = "stop";
        return mmio(true, 1);
      },
      INTERRUPTED,
      mmio(true, 2),
    );
    const bus = recordingBus();
    expect(runVcpu(vcpu, bus)).toEqual({ kind: "stopped" });
    expect(bus.log).toEqual(["store 4096 1"]);
    expect(runs()).toBe(2);
  });

  test("is stopped for everybody when the bus throws", () => {
    const { vcpu, control, threads } = scripted(mmio(true, 1));
    const bus = recordingBus();
    bus.writeMemory = () => {
      throw new Error("a broken device");
    };
    expect(() => runVcpu(vcpu, bus)).toThrow("a broken device");
    expect(control.phase).toBe("stopped");
    expect(threads).toEqual([true, false]);
  });

  test.each([
    { kind: "shutdown" },
    { kind: "failed", code: "EFAULT" },
    { kind: "fail-entry", reason: 1n, cpu: 0 },
    { kind: "unexpected", reason: 4, hardwareReason: 0n },
    { kind: "internal-error", suberror: 1, cause: "x", data: [] },
    { kind: "system-event", type: 2, event: "reset", data: [] },
  ] as const)("ends with $kind", (exit) => {
    expect(runVcpu(scripted(exit).vcpu, recordingBus())).toEqual(exit);
  });
});

describe("VcpuControl", () => {
  test("is the same in every thread that has its memory", () => {
    const one = new VcpuControl();
    const other = new VcpuControl(one.memory);
    expect([other.command, other.phase, other.thread]).toEqual(["run", "idle", 0]);
    one.command = "pause";
    other.phase = "paused";
    other.thread = 77;
    expect([other.command, one.phase, one.thread]).toEqual(["pause", "paused", 77]);
  });

  test("reached waits for a phase, and no longer than it is told", async () => {
    const control = new VcpuControl();
    const paused = control.reached(["paused", "stopped"], 10_000);
    control.phase = "running";
    control.phase = "paused";
    expect(await paused).toBe("paused");
    expect(await control.reached(["paused"], 0)).toBe("paused");
    expect(await control.reached(["stopped"], 5)).toBeUndefined();
  });
});
