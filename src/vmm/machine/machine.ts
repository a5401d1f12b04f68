/**
 * One virtual machine: put together, run, paused, told things, and ended. It is the main thread's part, and blocks: what
 * it waits for are the machine's own threads, none of which waits for it.
 */
import { AuraeError } from "../../base/errors.ts";
import { ERRNO } from "../../kernel/abi/errno.ts";
import { nonBlockingPipe, setNonBlocking } from "../../kernel/io/non-blocking.ts";
import { EventFd } from "../../kernel/sys/event-fd.ts";
import { FileDescriptor } from "../../kernel/sys/fd.ts";
import { syscallRaw } from "../../kernel/sys/syscall.ts";
import { writeAcpiTables } from "../acpi/write-tables.ts";
import { loadGuest } from "../boot/load-guest.ts";
import type { KernelBoot, MachineConfig, SnapshotBoot } from "../protocol/machine-config.ts";
import type { Input, VmEnd, VmState, VmStatus } from "../protocol/messages.ts";
import {
  type MachineShape,
  type MachineState,
  plainOfState,
  stateOfPlain,
} from "../snapshot/machine-state.ts";
import { type MemoryWritten, writeMemoryFile } from "../snapshot/memory-file.ts";
import { readStateFile, writeStateFile } from "../snapshot/state-file.ts";
import type { BootCpuState } from "../boot/cpu-state.ts";
import { bootImages } from "./boot-images.ts";
import { type PlannedDevice, planDevices } from "./device-plan.ts";
import { Hardware } from "./hardware.ts";
import { ImageLoading } from "./image-loading.ts";
import { MachineMemory } from "./machine-memory.ts";
import { MachineThreads } from "./machine-threads.ts";
import type { LogLine } from "./reports.ts";
import type { DeviceStatus } from "./thread-work.ts";

/** Where the guest's words go. */
export interface MachineOutputs {
  readonly consoleFd: number;
  readonly serialFd: number;
  /** For what the machine's threads tell when they can't any more. */
  readonly controlFd: number;
}

export class Machine implements Disposable {
  /** Readable when {@link takeEnd} or {@link takeLog} have something. */
  readonly event: EventFd;
  /** How long each step of putting it together took, in milliseconds. */
  readonly timesMs: Readonly<Record<string, number>>;
  readonly #stack = new DisposableStack();
  readonly #memory: MachineMemory;
  readonly #hardware: Hardware;
  readonly #threads: MachineThreads;
  readonly #shape: MachineShape;
  readonly #inputs: Readonly<Record<Input["to"], FileDescriptor>>;
  #state: Exclude<VmState, "empty"> = "created";
  #end: VmEnd | undefined;
  #runMs = 0;
  #runningSinceMs = 0;
  #firstRunAtMs: number | undefined;

  /**
   * Puts a machine together, of which nothing runs yet. What can't be leaves nothing behind; the descriptors of the
   * configuration are used up either way.
   * @throws {AuraeError} @throws {BootError} @throws {MemoryMapError} @throws {UnsupportedError} @throws {SyscallError}
   * @throws {RangeError} @throws {CommandError} of a device's thread
   */
  constructor(config: MachineConfig, outputs: MachineOutputs) {
    const watch = new StopWatch();
    try {
      this.event = this.#stack.use(new EventFd());
      const [consoleInput, consoleFeed] = this.#pipe();
      const [serialInput, serialFeed] = this.#pipe();
      this.#inputs = { console: consoleFeed, serial: serialFeed };
      setUpDescriptors(config, outputs);
      const fds = { inputFd: consoleInput.number, outputFd: outputs.consoleFd };
      const plan = planDevices(config, fds);
      const { vcpus, boot } = config;
      this.#threads = this.#stack.use(new MachineThreads({ vcpus, plan, event: this.event }));
      watch.step("threads");
      this.#shape = { vcpus, memoryBytes: config.memoryBytes, devices: plan.map(kindOf) };
      this.#memory = this.#stack.use(new MachineMemory(config));
      const begun = "snapshot" in boot ? undefined : this.#load(boot);
      watch.step("memory");
      this.#hardware = this.#stack.use(new Hardware(config.kvmFd, this.#memory.ram, plan));
      // Before the hardware goes, since that may not be used any more then.
      this.#stack.defer(() => this.#threads.stop());
      this.#threads.giveDevices(this.#hardware, {
        serialInputFd: serialInput.number,
        serialOutputFd: outputs.serialFd,
      });
      this.#hardware.createVcpus(vcpus);
      if (begun !== undefined) {
        this.#hardware.bootVcpus(begun.cpu);
      }
      const threadStates = "snapshot" in boot ? this.#restore(boot.snapshot) : undefined;
      watch.step("hardware");
      begun?.finish();
      watch.step("images");
      this.#threads.giveVcpus(this.#hardware.vcpus);
      this.#threads.awaitStart();
      if (threadStates !== undefined) {
        // After processors and interrupt controllers have their state, since devices may interrupt.
        this.#hardware.tellGeneration();
        this.#threads.commandEach((name) => ({ do: "restore", state: threadStates.get(name) }));
      }
      this.#threads.confine(outputs.controlFd);
      watch.step("start");
      this.timesMs = watch.stepsMs;
    } catch (error) {
      this.#stack.dispose();
      throw error;
    }
  }

  #pipe(): [FileDescriptor, FileDescriptor] {
    const [from, to] = nonBlockingPipe();
    return [this.#stack.use(from), this.#stack.use(to)];
  }

  /** Puts what the guest is made of into memory, of which `finish` waits for the last. */
  #load(boot: KernelBoot): { readonly cpu: BootCpuState; readonly finish: () => void } {
    const { guest } = this.#memory;
    const { vcpus, devices } = this.#shape;
    const files = this.#stack.use(new DisposableStack());
    for (const fd of [boot.kernelFd, ...boot.initrdFds]) {
      files.use(new FileDescriptor(fd));
    }
    const rsdp = writeAcpiTables(guest, { vcpus, virtioDevices: devices.length });
    this.#memory.renewGenerationId();
    const loading = this.#stack.use(new ImageLoading());
    const images = bootImages(boot, (part) => loading.add(part));
    const { cpu } = loadGuest(guest, images, rsdp);
    loading.give((work) => this.#threads.load(work));
    const finish = () => {
      loading.finish();
      files.dispose();
    };
    return { cpu, finish };
  }

  /** @returns what the threads of devices are to take up */
  #restore({ stateFd }: SnapshotBoot["snapshot"]): MachineState["threads"] {
    using file = new FileDescriptor(stateFd);
    const state = stateOfPlain(readStateFile(file.number), this.#shape);
    this.#hardware.restore(state);
    this.#memory.renewGenerationId();
    return state.threads;
  }

  get state(): Exclude<VmState, "empty"> {
    return this.#state;
  }

  /** Starts the guest, or goes on. @throws {AuraeError} */
  run(): void {
    this.#refuseEnded();
    if (this.#state !== "running") {
      this.#threads.run();
      this.#state = "running";
      this.#runningSinceMs = performance.now();
      this.#firstRunAtMs ??= performance.timeOrigin + this.#runningSinceMs;
    }
  }

  /** Afterwards nothing of the guest's changes, until it is run again. @throws {AuraeError} */
  pause(): void {
    this.#refuseEnded();
    if (this.#state === "running") {
      this.#threads.pauseVcpus();
      // The guest stands still, even if a disk is not done with what it was told before.
      this.#state = "paused";
      this.#runMs += performance.now() - this.#runningSinceMs;
      this.#threads.pauseDevices();
    }
  }

  #refuseEnded(): void {
    if (this.#end !== undefined) {
      const { kind, message } = this.#end;
      throw new AuraeError("failed_precondition", `the machine has ended (${kind}): ${message}`);
    }
  }

  status(): VmStatus {
    const isRunning = this.#state === "running";
    const nowMs = isRunning ? performance.now() - this.#runningSinceMs : 0;
    const devices =
      this.#end === undefined
        ? (this.#threads.commandDevices({ do: "status" }) as DeviceStatus)
        : {};
    return {
      state: this.#state,
      runtimeMs: this.#runMs + nowMs,
      ...(this.#end === undefined ? {} : { end: this.#end }),
      ...(this.#firstRunAtMs === undefined ? {} : { firstRunAtMs: this.#firstRunAtMs }),
      ...devices,
    };
  }

  /** Asks the guest to end. What it makes of that is its own affair. @throws {AuraeError} */
  pressPowerButton(): void {
    this.#refuseEnded();
    this.#hardware.buttonInterrupt.signal();
  }

  /** @returns how many bytes were taken: fewer than all while the guest does not read @throws {AuraeError} */
  input({ to, bytes }: Input): number {
    this.#refuseEnded();
    if (bytes.length === 0) {
      return 0;
    }
    // SAFETY: the kernel reads the bytes, which the caller holds.
    const taken = syscallRaw("write", this.#inputs[to].number, bytes, bytes.length);
    if (taken < 0 && taken !== -ERRNO.EAGAIN) {
      throw new AuraeError("internal", `write to the ${to}'s pipe: errno ${-taken}`);
    }
    return Math.max(taken, 0);
  }

  /** The console has another size. @throws {AuraeError} */
  resize(columns: number, rows: number): void {
    this.#refuseEnded();
    this.#threads.commandDevices({ do: "resize", columns, rows });
  }

  /** How many bytes the guest shall do without. @throws {AuraeError} */
  setBalloon(bytes: number): void {
    this.#refuseEnded();
    const { balloonBytes } = this.#threads.commandDevices({ do: "status" }) as DeviceStatus;
    if (balloonBytes === undefined) {
      throw new AuraeError("failed_precondition", "set the balloon: the machine has none");
    }
    this.#threads.commandDevices({ do: "balloon", bytes });
  }

  /**
   * Writes all that the machine is into two files, from which another can go on. This one may be run again.
   * @throws {AuraeError} unless it is paused @throws {SyscallError} ENOSPC, EFBIG
   */
  snapshot(stateFd: number, memoryFd: number): MemoryWritten {
    this.#refuseEnded();
    if (this.#state === "running") {
      throw new AuraeError(
        "failed_precondition",
        "make a snapshot of a running machine: pause it first",
      );
    }
    const threads = this.#threads.commandEach(() => ({ do: "save" }));
    const state = { shape: this.#shape, ...this.#hardware.save(), threads };
    writeStateFile(stateFd, plainOfState(state));
    return writeMemoryFile(memoryFd, this.#memory.guest.regions);
  }

  /** Ends the machine if one of its threads has said so. @returns how, the first time */
  takeEnd(): VmEnd | undefined {
    const end = this.#end === undefined ? this.#threads.takeEnd() : undefined;
    if (end !== undefined) {
      if (this.#state === "running") {
        this.#runMs += performance.now() - this.#runningSinceMs;
      }
      this.#end = end;
      this.#state = "ended";
      this.#threads.stop();
    }
    return end;
  }

  takeLog(): readonly LogLine[] {
    return this.#threads.takeLog();
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

function kindOf({ spec }: PlannedDevice): string {
  return spec.kind;
}

/** Nobody is to wait in a device's thread for who does not read, or has nothing to say. */
function setUpDescriptors({ nics, vsock }: MachineConfig, outputs: MachineOutputs): void {
  setNonBlocking(outputs.consoleFd, "the console's output");
  setNonBlocking(outputs.serialFd, "the serial port's output");
  for (const { fd } of nics) {
    setNonBlocking(fd, `TAP device ${fd}`);
  }
  if (vsock !== undefined) {
    setNonBlocking(vsock.listenFd, "the vsock's listener");
  }
}

class StopWatch {
  readonly stepsMs: Record<string, number> = {};
  #lastMs = performance.now();

  step(name: string): void {
    const now = performance.now();
    this.stepsMs[name] = Math.round((now - this.#lastMs) * 10) / 10;
    this.#lastMs = now;
  }
}
