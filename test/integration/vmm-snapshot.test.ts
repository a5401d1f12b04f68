/** Snapshots of machines of `auraed vmm`, on the host's own /dev/kvm: what was made in one process goes on in others. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../build/paths.ts";
import type { MachineConfig } from "../../src/vmm/protocol/machine-config.ts";
import { packState, unpackState } from "../../src/vmm/snapshot/state-file.ts";
import {
  VM_GENERATION_GSI,
  VM_GENERATION_ID_ADDRESS,
  VM_GENERATION_ID_BYTES,
} from "../../src/vmm/memory-map.ts";
import { MIB } from "../harness/boot-images.ts";
import { GuestProgram } from "../harness/guest-program.ts";
import { missingForKvm } from "../harness/host.ts";
import { configFor, VmmProcess } from "../harness/vmm-process.ts";

const missing = missingForKvm();
const COMMAND = [EXECUTABLE, "vmm"];
const BUFFER = 8 * MIB;
const MEMORY_BYTES = 64 * MIB;

const folder = mkdtempSync(join(tmpdir(), "vmm-snapshot-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [STATE, MEMORY] = [join(folder, "state"), join(folder, "memory")];

/** A guest that sets up its console's queue, echoes what it is sent, and then uses queue and memory as they were. */
function program(): GuestProgram {
  const code = new GuestProgram().store(BUFFER, 0x0a69_6821); // "!hi\n"
  const queue = code.virtio(0, 1);
  code.say("up ").echoUntil("x").sayByteAt(BUFFER);
  return code.offer(0, 1, queue, [{ address: BUFFER, length: 4, isWritable: false }]).turnOff();
}

const serial = (text: string) => ({ to: "serial", bytes: Buffer.from(text) }) as const;

/** A guest that says its generation ID, and says it again once it is told that it has another. */
function generationProgram(): GuestProgram {
  const code = new GuestProgram();
  const sayId = () => {
    for (let at = 0; at < VM_GENERATION_ID_BYTES; at++) {
      code.sayLettersAt(VM_GENERATION_ID_ADDRESS + at);
    }
  };
  sayId();
  code.saySeenInterrupts().say(" up").awaitInterrupt(VM_GENERATION_GSI);
  sayId();
  return code.turnOff();
}

/** Runs the program until it has echoed something, and writes a snapshot. */
async function makeSnapshot(change: Partial<MachineConfig> = {}) {
  const kernelPath = join(folder, "kernel");
  writeFileSync(kernelPath, program().elf);
  const fds = [openSync(kernelPath, "r"), openSync(STATE, "w+"), openSync(MEMORY, "w+")];
  const [kernel = -1, ...files] = fds;
  try {
    await using vmm = new VmmProcess(COMMAND, [kernel]);
    vmm.call("create", configFor({ kernel }, change));
    vmm.call("run", {});
    vmm.call("input", serial("ab"));
    vmm.waitFor("the echo", () => vmm.serialText === "up ab");
    expect(() => vmm.call("snapshot", {}, files)).toThrow("pause it first");
    vmm.call("pause", {});
    expect(() => vmm.call("snapshot", {})).toThrow("snapshot takes 2 descriptors");
    const written = vmm.call("snapshot", {}, files);
    // It is not disturbed: it goes on, and another snapshot is no different in size.
    vmm.call("run", {});
    vmm.call("input", serial("x"));
    expect(await vmm.ended()).toMatchObject({ code: 0 });
    expect([vmm.serialText, vmm.consoleText]).toEqual(["up abx!", "!hi\n"]);
    return written;
  } finally {
    for (const fd of fds) {
      closeSync(fd);
    }
  }
}

/** Has a process try to go on from the files, and a test do something with it. */
async function withRestored(
  body: (vmm: VmmProcess, config: MachineConfig) => Promise<void>,
  change: Partial<MachineConfig> = {},
): Promise<void> {
  const fds = [STATE, MEMORY].map((path) => openSync(path, "r"));
  try {
    await using vmm = new VmmProcess(COMMAND, fds);
    const boot = { snapshot: { stateFd: 6, memoryFd: 7 } };
    await body(vmm, { ...configFor({ kernel: 6 }, change), boot });
  } finally {
    for (const fd of fds) {
      closeSync(fd);
    }
  }
}

if (missing !== undefined) {
  test.skip(`snapshots: needs /dev/kvm (${missing})`, () => undefined);
} else {
  describe("a snapshot", () => {
    test("goes on in other processes, as often as one likes, and its files stay as they are", async () => {
      const { memoryBytes, writtenBytes } = await makeSnapshot();
      expect(memoryBytes).toBe(MEMORY_BYTES);
      expect(writtenBytes).toBeLessThan(MIB);
      expect(statSync(MEMORY).size).toBe(MEMORY_BYTES);
      expect(statSync(MEMORY).blocks * 512).toBeLessThan(2 * MIB);
      const before = Bun.hash(readFileSync(MEMORY));
      for (const word of ["first", "second"]) {
        await withRestored(async (vmm, config) => {
          vmm.call("create", config);
          vmm.call("run", {});
          vmm.call("input", serial(`${word}x`));
          expect(await vmm.ended()).toMatchObject({ code: 0 });
          expect([vmm.serialText, vmm.consoleText]).toEqual([`${word}x!`, "!hi\n"]);
        });
      }
      expect(Bun.hash(readFileSync(MEMORY))).toBe(before);
    });

    test("has all processors of a machine", async () => {
      const change = { vcpus: 2, hasBalloon: true };
      await makeSnapshot(change);
      await withRestored(async (vmm, config) => {
        vmm.call("create", config);
        expect(vmm.call("status", {})).toMatchObject({ state: "created", balloonBytes: 0 });
        vmm.call("run", {});
        vmm.call("input", serial("x"));
        expect(await vmm.ended()).toMatchObject({ code: 0 });
      }, change);
    });

    test("is told by each machine that goes on from it that it is another one, and which", async () => {
      const kernelPath = join(folder, "kernel");
      writeFileSync(kernelPath, generationProgram().elf);
      const fds = [openSync(kernelPath, "r"), openSync(STATE, "w+"), openSync(MEMORY, "w+")];
      const [kernel = -1, ...files] = fds;
      await using vmm = new VmmProcess(COMMAND, [kernel]);
      vmm.call("create", configFor({ kernel }));
      vmm.call("run", {});
      vmm.waitFor("its words", () => vmm.serialText.endsWith(" up"));
      vmm.call("pause", {});
      vmm.call("snapshot", {}, files);
      for (const fd of fds) {
        closeSync(fd);
      }
      // Nothing has interrupted it so far.
      expect(vmm.serialText).toMatch(/^[A-P]{32}A up$/);
      const said = [vmm.serialText.slice(0, 32)];
      for (let i = 0; i < 2; i++) {
        await withRestored(async (restored, config) => {
          restored.call("create", config);
          restored.call("run", {});
          await restored.ended();
          said.push(restored.serialText);
        });
      }
      expect(said.join(" ")).toMatch(/^[A-P]{32} [A-P]{32} [A-P]{32}$/);
      expect(new Set(said).size).toBe(3);
    });

    test("is refused where anything of it is another's, cut, damaged or of another version", async () => {
      await makeSnapshot();
      const refusal = async (change: Partial<MachineConfig> = {}) => {
        let message = "";
        await withRestored(async (vmm, config) => {
          try {
            vmm.call("create", config);
          } catch (error) {
            message = String(error);
          }
          expect(vmm.call("status", {})).toMatchObject({ state: "empty" });
        }, change);
        return message;
      };
      expect(await refusal({ vcpus: 2 })).toContain("of a machine with 1 vCPUs");
      expect(await refusal({ hasBalloon: true })).toContain(
        "the devices console, entropy; this one",
      );
      expect(await refusal({ memoryBytes: 32 * MIB })).toContain(
        "the snapshot's memory has 67108864 bytes, and the machine 33554432",
      );
      const state = readFileSync(STATE);
      writeFileSync(STATE, state.subarray(0, -1));
      expect(await refusal()).toContain("cut or damaged");
      writeFileSync(STATE, state.with(-9, 0x41));
      expect(await refusal()).toContain("cut or damaged");
      writeFileSync(STATE, Buffer.from(state.toString().replace("vm-state 1", "vm-state 2")));
      expect(await refusal()).toContain("has version 2, and this build reads 1");
      writeFileSync(STATE, "#!/bin/sh\n");
      expect(await refusal()).toContain("is no state of a virtual machine");
      const plain = unpackState(state) as { vcpus: { msrs: unknown[] }[] };
      plain.vcpus[0]!.msrs = [{ index: 1, value: "many" }];
      writeFileSync(STATE, packState(plain));
      expect(await refusal()).toContain('snapshot.vcpus[0].msrs[0].value is "many"');
      writeFileSync(STATE, state);
      truncateSync(MEMORY, MEMORY_BYTES - 4096);
      expect(await refusal()).toContain("memory has 67104768 bytes, and the machine 67108864");
    });

    test("that can't be written is refused, and the machine is still there", async () => {
      const kernelPath = join(folder, "kernel");
      writeFileSync(kernelPath, program().elf);
      const fds = [openSync(kernelPath, "r"), openSync(STATE, "r"), openSync(MEMORY, "r")];
      const [kernel = -1, ...files] = fds;
      await using vmm = new VmmProcess(COMMAND, [kernel]);
      vmm.call("create", configFor({ kernel }));
      expect(() => vmm.call("snapshot", {}, files)).toThrow();
      expect(vmm.call("status", {}).state).toBe("created");
      expect(fstatSync(files[0]!).size).toBeGreaterThan(0);
      for (const fd of fds) {
        closeSync(fd);
      }
    });
  });
}
