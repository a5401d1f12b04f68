/**
 * `auraed vmm` as a process, on the host's own /dev/kvm: kernels of a few instructions run in machines that are made, run,
 * paused and ended over the control socket.
 */
import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../build/paths.ts";
import type { MachineConfig } from "../../src/vmm/protocol/machine-config.ts";
import { MIB } from "../harness/boot-images.ts";
import { GuestProgram } from "../harness/guest-program.ts";
import { missingForKvm } from "../harness/host.ts";
import { configFor, type MachineFiles, VmmFailure, VmmProcess } from "../harness/vmm-process.ts";

const missing = missingForKvm();
const COMMAND = [EXECUTABLE, "vmm"];
/** Where the buffers of programs are. */
const BUFFER = 8 * MIB;
const SECTOR_BYTES = 512;

const folder = mkdtempSync(join(tmpdir(), "vmm-process-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file of these bytes, opened; it stays open until `body` is done. */
async function withFiles<T>(
  contents: readonly (Uint8Array | string)[],
  body: (...fds: number[]) => Promise<T>,
): Promise<T> {
  const fds = contents.map((content) => {
    const path = join(folder, crypto.randomUUID());
    writeFileSync(path, content);
    return openSync(path, "r+");
  });
  try {
    return await body(...fds);
  } finally {
    for (const fd of fds) {
      closeSync(fd);
    }
  }
}

interface Wanted {
  readonly program: GuestProgram;
  readonly disk?: Uint8Array;
  readonly change?: Partial<MachineConfig>;
}

/** Makes a machine of a program, and has a test do something with it. */
async function withMachine(
  { program, disk, change = {} }: Wanted,
  body: (vmm: VmmProcess) => Promise<void> | void,
): Promise<void> {
  await withFiles([program.elf, ...(disk === undefined ? [] : [disk])], async (...fds) => {
    const [kernel = -1, ...disks] = fds;
    await using vmm = new VmmProcess(COMMAND, fds);
    const files: MachineFiles = { kernel, disks: disks.map((fd) => ({ fd, isReadOnly: true })) };
    expect(vmm.call("create", configFor(files, change))).toEqual({});
    expect(vmm.call("status", {})).toMatchObject({ state: "created", runtimeMs: 0 });
    await body(vmm);
  });
}

/** Runs a program to its end. */
async function ran(wanted: Wanted) {
  let result: { code: number; end: unknown; serial: string; console: string } | undefined;
  await withMachine(wanted, async (vmm) => {
    vmm.call("run", {});
    const { code, end } = await vmm.ended();
    result = { code, end, serial: vmm.serialText, console: vmm.consoleText };
  });
  return result!;
}

const program = () => new GuestProgram();

if (missing !== undefined) {
  test.skip(`auraed vmm: needs /dev/kvm (${missing})`, () => undefined);
} else {
  describe("the end of a machine", () => {
    test("a guest says something over the serial port, and turns itself off", async () => {
      expect(await ran({ program: program().say("hello\nworld").turnOff() })).toEqual({
        code: 0,
        end: { kind: "off", message: "the guest turned itself off" },
        serial: "hello\nworld",
        console: "",
      });
    });

    test("a guest resets itself", async () => {
      expect(await ran({ program: program().reset() })).toMatchObject({
        code: 10,
        end: { kind: "reset" },
      });
    });

    test("a triple fault is a crash", async () => {
      expect(await ran({ program: program().say("x").tripleFault() })).toMatchObject({
        code: 11,
        end: { kind: "crash", message: expect.stringContaining("a triple fault on vCPU 0") },
        serial: "x",
      });
    });
  });

  describe("virtio devices of a machine", () => {
    test("a guest that breaks one again and again writes few lines into the log", async () => {
      const code = program().forever((again) => again.breakVirtio(0));
      await withMachine({ program: code }, (vmm) => {
        const lines = () => vmm.events.filter((event) => event.event === "log");
        vmm.call("run", {});
        vmm.waitFor("lines", () => lines().length > 10);
        const untilMs = performance.now() + 1500;
        vmm.waitFor("a while to go by", () => performance.now() > untilMs);
        expect(lines().length).toBeLessThan(40);
        vmm.waitFor("what was left out to be told", () =>
          lines().some(({ fields }) => Number(fields.leftOut) > 0),
        );
        expect(vmm.call("status", {})).toMatchObject({ state: "running" });
      });
    });

    test("the console takes what the guest writes, by an eventfd and another thread", async () => {
      const code = program();
      code.store(BUFFER, 0x6c6c6568).store(BUFFER + 4, 0x0a6f); // "hello\n"
      const queue = code.virtio(0, 1);
      code.offer(0, 1, queue, [{ address: BUFFER, length: 6, isWritable: false }]);
      expect(await ran({ program: code.say("done").turnOff() })).toMatchObject({
        code: 0,
        serial: "done",
        console: "hello\n",
      });
    });

    test("a disk is read in a thread of its own", async () => {
      const disk = new Uint8Array(8 * SECTOR_BYTES).fill(0x2e);
      disk.set(Buffer.from("sector three"), 3 * SECTOR_BYTES);
      const code = program()
        .store(BUFFER, 0)
        .store(BUFFER + 8, 3); // read sector 3
      const queue = code.virtio(0, 0);
      code.offer(0, 0, queue, [
        { address: BUFFER, length: 16, isWritable: false },
        { address: BUFFER + 16, length: SECTOR_BYTES, isWritable: true },
        { address: BUFFER + 1024, length: 1, isWritable: true },
      ]);
      for (let i = 0; i < 12; i++) {
        code.sayByteAt(BUFFER + 16 + i);
      }
      expect(await ran({ program: code.turnOff(), disk })).toMatchObject({
        code: 0,
        serial: "sector three",
      });
    });

    test("a device that is driven wrong is stopped, which is told, and the machine runs on", async () => {
      const code = program();
      code.virtio(0, 1);
      // A descriptor far outside of memory; the ring never moves, so that the guest does not wait for it.
      code
        .store(4 * MIB + 4, 0x10)
        .store(4 * MIB + 8, 64)
        .store(4 * MIB + 12, 0);
      code.store(4 * MIB + 0x1000, 1 << 16).store(0xd000_0050, 1);
      code.awaitWord(0xd000_0070, 0x4f).say("stopped").turnOff(); // DEVICE_NEEDS_RESET
      await withMachine({ program: code }, async (vmm) => {
        vmm.call("run", {});
        expect(await vmm.ended()).toMatchObject({ code: 0 });
        expect(vmm.serialText).toBe("stopped");
        expect(vmm.events).toContainEqual({
          event: "log",
          level: "warn",
          message: "a virtio device was stopped",
          fields: expect.objectContaining({ device: "console", index: 0 }),
        });
      });
    });
  });

  describe("a running machine", () => {
    test("pauses in the middle of endless exits, and goes on", async () => {
      await withMachine({ program: program().sayForever(".") }, (vmm) => {
        vmm.call("run", {});
        vmm.waitFor("the guest to say something", () => vmm.serialText.length > 0);
        vmm.call("pause", {});
        const { runtimeMs, state } = vmm.call("status", {});
        expect(state).toBe("paused");
        const said = vmm.serialText.length;
        // Nothing but an answer comes, for as long as it takes to ask twenty times.
        for (let i = 0; i < 20; i++) {
          expect(vmm.call("status", {}).runtimeMs).toBe(runtimeMs);
        }
        expect(vmm.serialText.length).toBe(said);
        vmm.call("run", {});
        vmm.waitFor("the guest to go on", () => vmm.serialText.length > said);
        expect(vmm.call("status", {}).runtimeMs).toBeGreaterThan(runtimeMs);
      });
    });

    test("pauses and quits in the middle of no exits at all, with two processors", async () => {
      await withMachine(
        { program: program().say("s").spin(), change: { vcpus: 2 } },
        async (vmm) => {
          vmm.call("run", {});
          vmm.waitFor("the guest to say something", () => vmm.serialText === "s");
          vmm.call("pause", {});
          vmm.call("run", {});
          expect(vmm.call("status", {})).toMatchObject({ state: "running" });
          vmm.call("quit", {});
          expect(await vmm.process.exited).toBe(0);
        },
      );
    });

    test("gets what is typed, on the serial port, and takes no more than fits", async () => {
      await withMachine({ program: program().echoUntil("q").turnOff() }, async (vmm) => {
        const typed = `${"keys ".repeat(400)}`;
        expect(vmm.call("input", { to: "serial", bytes: Buffer.from(typed) })).toEqual({
          taken: 2000,
        });
        vmm.call("run", {});
        vmm.waitFor("the echo", () => vmm.serialText === typed);
        vmm.call("input", { to: "serial", bytes: Buffer.from("q") });
        expect(await vmm.ended()).toMatchObject({ code: 0 });
        expect(vmm.serialText).toBe(`${typed}q`);
      });
      await withMachine({ program: program().spin() }, (vmm) => {
        const bytes = new Uint8Array(4096);
        let taken = 0;
        for (let last = 1; last > 0; taken += last) {
          last = vmm.call("input", { to: "console", bytes }).taken;
        }
        expect(taken).toBe(64 * 1024);
      });
    });

    test("is told of balloon and terminal, and tells how much it gave back", async () => {
      await withMachine({ program: program().spin(), change: { hasBalloon: true } }, (vmm) => {
        vmm.call("run", {});
        vmm.call("setBalloon", { bytes: 16 * MIB });
        vmm.call("resize", { columns: 100, rows: 40 });
        vmm.call("pressPowerButton", {});
        expect(vmm.call("status", {})).toMatchObject({ state: "running", balloonBytes: 0 });
      });
    });
  });

  test("the monitor has at most 24 MiB beside the guest's memory", async () => {
    const wanted = {
      program: program().say("up").spin(),
      disk: new Uint8Array(SECTOR_BYTES),
      change: { hasBalloon: true },
    };
    await withMachine(wanted, (vmm) => {
      vmm.call("run", {});
      vmm.waitFor("the guest to say something", () => vmm.serialText === "up");
      const bytes = vmm.privateBytes(64 * MIB);
      expect(bytes).toBeGreaterThan(4 * MIB);
      expect(bytes).toBeLessThan(24 * MIB);
    });
  });

  describe("what can't be", () => {
    const failure = (vmm: VmmProcess, work: () => unknown): VmmFailure => {
      try {
        work();
      } catch (error) {
        if (error instanceof VmmFailure) {
          return error;
        }
        throw error;
      }
      throw new Error(`nothing failed, ${vmm.serialText}`);
    };

    /** The virtual machines and processors that a process has. */
    const held = (vmm: VmmProcess) => {
      const { pid } = vmm.process;
      const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`);
        } catch {
          return ""; // closed meanwhile
        }
      });
      return links.filter((link) => /kvm-v/.test(link));
    };

    const ELF = program().turnOff().elf;

    test.each<[string, Uint8Array | string, Partial<MachineConfig>, string, string]>([
      ["a kernel that is none", "#!/bin/sh\n", {}, "invalid_argument", '"kernel"'],
      ["a kernel that is cut", ELF.slice(0, ELF.length - 4), {}, "invalid_argument", "cut"],
      ["no vCPUs", ELF, { vcpus: 0 }, "invalid_argument", "vcpus is 0"],
      ["no memory", ELF, { memoryBytes: 0 }, "invalid_argument", "memoryBytes is 0"],
      ["little memory", ELF, { memoryBytes: 4096 }, "invalid_argument", "from 16 MiB to"],
      [
        "more memory than the host's",
        ELF,
        { memoryBytes: 2 ** 39 },
        "resource_exhausted",
        "give the machine 524288 MiB of memory: this host has",
      ],
      [
        "a network that is a file",
        ELF,
        {
          nics: [{ fd: 6, mac: "52:54:00:00:00:01", mtu: 1500 }],
          boot: { kernelFd: 7, initrdFds: [], commandLine: "" },
        },
        "internal",
        "TAP device",
      ],
      [
        "a descriptor that is not open",
        ELF,
        { disks: [{ fd: 99, isReadOnly: true, serial: "lost" }] },
        "internal",
        "lost",
      ],
    ])("%s is refused, and leaves nothing", async (_, kernel, change, kind, message) => {
      await withFiles([kernel, kernel], async (...fds) => {
        await using vmm = new VmmProcess(COMMAND, fds);
        const config = configFor({ kernel: fds[0]! }, change);
        const error = failure(vmm, () => vmm.call("create", config));
        expect({ kind: error.kind, message: error.message }).toEqual({
          kind: kind as VmmFailure["kind"],
          message: expect.stringContaining(message),
        });
        expect(vmm.call("status", {})).toEqual({ state: "empty", runtimeMs: 0 });
        expect(held(vmm)).toEqual([]);
      });
    });

    test("requests that come too early, or too late, or are none, are refused one by one", async () => {
      await withMachine({ program: program().turnOff() }, async (vmm) => {
        const config = configFor({ kernel: 6 });
        expect(failure(vmm, () => vmm.call("create", config))).toMatchObject({
          kind: "failed_precondition",
        });
        expect(failure(vmm, () => vmm.call("setBalloon", { bytes: 0 })).message).toContain(
          "has none",
        );
        vmm.sendRaw(Buffer.from("hello"));
        vmm.waitFor("a complaint", () =>
          vmm.events.some((event) => event.event === "log" && event.level === "warn"),
        );
        expect(failure(vmm, () => vmm.call("fly" as "run", {})).message).toBe('no method "fly"');
        expect(vmm.call("status", {}).state).toBe("created");
      });
      await using vmm = new VmmProcess(COMMAND);
      expect(failure(vmm, () => vmm.call("run", {})).message).toContain("create it first");
    });

    test("auraed vmm without its socket says who starts it", () => {
      const { exitCode, stderr } = Bun.spawnSync(COMMAND);
      expect([exitCode, stderr.toString()]).toEqual([
        2,
        expect.stringContaining("the daemon starts it"),
      ]);
    });
  });
}
