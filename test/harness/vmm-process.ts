/**
 * `auraed vmm` as its daemon has it: started with its descriptors, told what to do over the control socket, its outputs
 * read. Everything is synchronous; while it waits, it takes in whatever comes.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { POLLIN } from "../../src/kernel/abi/poll.ts";
import { PollList } from "../../src/kernel/io/poll-list.ts";
import { packetSocketPair, receivePacket, sendPacket } from "../../src/kernel/net/packet-socket.ts";
import type { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import type { MachineConfig } from "../../src/vmm/protocol/machine-config.ts";
import {
  type Failure,
  MAX_MESSAGE_BYTES,
  type MethodName,
  type Methods,
  parseResult,
  parseVmmMessage,
  type Request,
  requestPacket,
  type VmEnd,
  type VmmEvent,
  type VmmMessage,
} from "../../src/vmm/protocol/messages.ts";
import { RUNTIME_ENV } from "../../src/vmm/protocol/runtime-env.ts";
import { pipePair, readNow } from "./socket-pair.ts";

const ANSWER_MS = 20_000;
/** In emulation, a machine takes long to be made. */
const CREATE_MS = 120_000;

/** What a request failed with. */
export class VmmFailure extends Error {
  readonly kind: Failure["kind"];

  constructor({ kind, message }: Failure) {
    super(message);
    this.kind = kind;
  }
}

/** A configuration without numbers of descriptors: {@link VmmProcess} puts in what it has handed over. */
export interface MachineFiles {
  readonly kernel: number;
  readonly initrds?: readonly number[];
  readonly disks?: readonly { readonly fd: number; readonly isReadOnly: boolean }[];
  readonly nics?: readonly number[];
}

const NEIGHBOUR_KIB = 16 * 1024;
const KVM = 5;
const KERNEL = 6;

/** The configuration of a machine whose files are handed over in this order. */
export function configFor(
  files: MachineFiles,
  change: Partial<MachineConfig> & { readonly commandLine?: string } = {},
): MachineConfig {
  const { commandLine = "", ...rest } = change;
  const initrds = files.initrds ?? [];
  const disks = files.disks ?? [];
  const firstDisk = KERNEL + 1 + initrds.length;
  return {
    version: 1,
    id: "test",
    vcpus: 1,
    memoryBytes: 64 * 1024 * 1024,
    kvmFd: KVM,
    boot: { kernelFd: KERNEL, initrdFds: initrds.map((_, i) => KERNEL + 1 + i), commandLine },
    disks: disks.map(({ isReadOnly }, i) => ({
      fd: firstDisk + i,
      isReadOnly,
      serial: `disk${i}`,
    })),
    nics: (files.nics ?? []).map((_, i) => {
      return { fd: firstDisk + disks.length + i, mac: `52:54:00:00:00:0${i}`, mtu: 1500 };
    }),
    console: { columns: 80, rows: 25 },
    hasBalloon: false,
    ...rest,
  };
}

export class VmmProcess implements AsyncDisposable {
  readonly events: VmmEvent[] = [];
  readonly process: Bun.Subprocess;
  /** The daemon's end of the control socket. */
  readonly socket: FileDescriptor;
  readonly #console: FileDescriptor;
  readonly #serial: FileDescriptor;
  readonly #buffer = new Uint8Array(MAX_MESSAGE_BYTES);
  readonly #messages: VmmMessage[] = [];
  #consoleText = "";
  #serialText = "";
  #nextId = 1;

  /** @param command `auraed vmm`, from wherever it is @param fds from descriptor 5 on, after that of /dev/kvm */
  constructor(command: readonly string[], fds: readonly number[] = []) {
    const [consoleFrom, consoleTo] = pipePair();
    const [serialFrom, serialTo] = pipePair();
    const [ours, theirs] = packetSocketPair();
    const kvm = openSync("/dev/kvm", "r+");
    const stdio = [
      "ignore" as const,
      ...[consoleTo, serialTo, theirs, ours].map(({ number }) => number),
      ...[kvm, ...fds],
    ];
    this.process = Bun.spawn([...command], {
      env: { ...process.env, ...RUNTIME_ENV },
      stdio: stdio as ["ignore", number, number],
    });
    closeSync(kvm);
    for (const fd of [consoleTo, serialTo, theirs]) {
      fd[Symbol.dispose]();
    }
    this.socket = ours;
    this.#console = consoleFrom;
    this.#serial = serialFrom;
  }

  /** Everything that the console has shown. */
  get consoleText(): string {
    return this.#consoleText;
  }

  get serialText(): string {
    return this.#serialText;
  }

  get end(): VmEnd | undefined {
    return this.events.find((event) => event.event === "ended")?.end;
  }

  /** Asks, and waits for the answer. @throws {VmmFailure} */
  call<M extends MethodName>(
    method: M,
    params: Methods[M]["params"],
    fds: readonly number[] = [],
  ): Methods[M]["result"] {
    const id = this.#nextId++;
    const request = { id, method, params } as Request;
    if (sendPacket(this.socket.number, requestPacket(request), fds) < 0) {
      throw new Error(`nobody takes the request "${method}"\n${this.#serialText}`);
    }
    let answer: VmmMessage | undefined;
    const timeoutMs = method === "create" ? CREATE_MS : ANSWER_MS;
    const isAnswered = () => {
      answer = this.#messages.find((message) => "id" in message && message.id === id);
      return answer !== undefined;
    };
    this.waitFor(`the answer of ${method}`, isAnswered, timeoutMs);
    if (answer !== undefined && "error" in answer) {
      throw new VmmFailure(answer.error);
    }
    return parseResult(method, (answer as { readonly result: unknown }).result);
  }

  /**
   * Memory of its own beside the guest's: pages that no file has.
   * @param guestBytes of the guest, which is one mapping, perhaps with a small neighbour
   */
  privateBytes(guestBytes: number): number {
    const smaps = readFileSync(`/proc/${this.process.pid}/smaps`, "utf8");
    const mappings = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
    const kib = mappings.map((mapping) => {
      const surplus = Number(/^Size: +(\d+) kB$/m.exec(mapping)?.[1] ?? 0) - guestBytes / 1024;
      const isGuest = surplus >= 0 && surplus < NEIGHBOUR_KIB;
      return isGuest ? 0 : Number(/^Anonymous: +(\d+) kB$/m.exec(mapping)?.[1] ?? 0);
    });
    return kib.reduce((sum, one) => sum + one, 0) * 1024;
  }

  /** Sends what is no request. */
  sendRaw(bytes: Uint8Array): void {
    sendPacket(this.socket.number, bytes);
  }

  /** Takes in what comes until something holds. */
  waitFor(what: string, holds: () => boolean, timeoutMs = ANSWER_MS): void {
    const list = new PollList();
    for (const end = performance.now() + timeoutMs; !holds();) {
      if (performance.now() > end) {
        throw new Error(
          `${what}: not in ${timeoutMs} ms\nconsole: ${this.#consoleText.slice(-2000)}\nserial: ${this.#serialText.slice(-2000)}`,
        );
      }
      list.clear();
      for (const { number } of [this.socket, this.#console, this.#serial]) {
        list.add(number, POLLIN);
      }
      list.wait(20);
      this.#takeIn();
    }
  }

  #takeIn(): void {
    this.#consoleText += readNow(this.#console)?.toString() ?? "";
    this.#serialText += readNow(this.#serial)?.toString() ?? "";
    for (;;) {
      const packet = receivePacket(this.socket.number, this.#buffer);
      if (typeof packet === "number" || packet.bytes.length === 0) {
        return;
      }
      const message = parseVmmMessage(packet.bytes);
      if ("event" in message) {
        this.events.push(message);
      } else {
        this.#messages.push(message);
      }
    }
  }

  /** How it ended, with the process's exit code. */
  async ended(timeoutMs = ANSWER_MS): Promise<{ end: VmEnd | undefined; code: number }> {
    this.waitFor("the machine's end", () => this.end !== undefined, timeoutMs);
    const code = await this.process.exited;
    this.#takeIn();
    return { end: this.end, code };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.exited;
    for (const fd of [this.socket, this.#console, this.#serial]) {
      fd[Symbol.dispose]();
    }
  }
}
