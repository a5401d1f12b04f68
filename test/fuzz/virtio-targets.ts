/**
 * Each virtio device under a hostile driver: half of the inputs are rings full of almost valid nonsense, the others
 * registers written at random, in all widths (`test/harness/virtio-fuzz.ts` has the rules).
 */
import { mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptUnix, connectUnix, listenUnix } from "../../src/kernel/net/unix-stream.ts";
import { RawFile } from "../../src/kernel/io/raw-file.ts";
import { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import { BalloonDevice } from "../../src/vmm/virtio/balloon.ts";
import { BlockDevice } from "../../src/vmm/virtio/block.ts";
import { ConsoleDevice } from "../../src/vmm/virtio/console.ts";
import type { VirtioDevice } from "../../src/vmm/virtio/device.ts";
import { EntropyDevice } from "../../src/vmm/virtio/entropy.ts";
import { NetDevice } from "../../src/vmm/virtio/net.ts";
import { VsockDevice } from "../../src/vmm/virtio/vsock.ts";
import { pipePair, readNow, socketPair, writeNow } from "../harness/socket-pair.ts";
import { EchoDevice } from "../harness/virtio-echo.ts";
import { type ChainFuzz, fuzzChains, fuzzRegisters } from "../harness/virtio-fuzz.ts";
import { GUEST_CID } from "../harness/vsock-guest.ts";
import type { FuzzTarget } from "./target.ts";

/** A socket that keeps messages apart, as a TAP device does. */
const SOCK_SEQPACKET = 5;
const DISK_BYTES = 64 * 512;
/** Register writes that one device gets, before a new one takes its place. */
const WRITES_A_DEVICE = 5000;
/** Connections that a guest may leave open for as long. */
const MAX_HELD = 64;

interface Fuzzed extends Omit<ChainFuzz, "rounds" | "seed"> {
  /** What must hold at the end. @throws {Error} */
  readonly check?: () => void;
}

function target(
  summary: string,
  set: (stack: DisposableStack) => Fuzzed | (() => VirtioDevice),
): FuzzTarget {
  return {
    summary,
    run(count, seed) {
      using stack = new DisposableStack();
      const made = set(stack);
      const fuzzed: Fuzzed = typeof made === "function" ? { device: made } : made;
      const rounds = Math.ceil(count / 2);
      const { whole, used, ...chains } = fuzzChains({ ...fuzzed, rounds, seed });
      let [runs, faults] = [0, chains.faults];
      for (let left = count - rounds, i = 0; left > 0; left -= WRITES_A_DEVICE, i++) {
        const writes = Math.min(left, WRITES_A_DEVICE);
        const counts = fuzzRegisters(fuzzed.device, writes, seed + i);
        runs += counts.runs;
        faults += counts.faults;
      }
      fuzzed.check?.();
      return { whole, used, runs, faults };
    },
  };
}

/** A folder that goes at the end; in memory, since nothing of it is to last. */
function folderIn(stack: DisposableStack): string {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  return folder;
}

function block(stack: DisposableStack): Fuzzed {
  const path = join(folderIn(stack), "disk");
  writeFileSync(path, "");
  truncateSync(path, DISK_BYTES);
  const file = stack.use(new RawFile(new FileDescriptor(openSync(path, "r+")), path));
  // The disk's own flush would measure the host's disk, and nothing of ours.
  const storage = Object.assign(Object.create(file) as RawFile, {
    sizeBytes: file.sizeBytes,
    read: file.read.bind(file),
    write: file.write.bind(file),
    flush: () => 0,
    discard: file.discard.bind(file),
    zero: file.zero.bind(file),
  });
  const types = [0, 0, 1, 4, 8, 11, 13, 99];
  return {
    device: () => new BlockDevice({ storage, isReadOnly: false, serial: "fuzz" }),
    fill: (bytes, random) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setUint32(0, types[random(types.length)]!, true);
      view.setBigUint64(8, BigInt(random(10) === 0 ? random(2 ** 32) : random(70)), true);
    },
    check: () => {
      if (file.sizeBytes !== DISK_BYTES) {
        throw new Error(`the disk has ${file.sizeBytes} bytes by now`);
      }
    },
  };
}

function net(stack: DisposableStack): Fuzzed {
  const [port, host] = socketPair(SOCK_SEQPACKET).map((end) => stack.use(end));
  const fd = port!.number;
  return {
    device: () => new NetDevice({ port: { fd, setOffloads: () => 0 }, mac: new Uint8Array(6) }),
    after: (guest, random) => {
      for (let i = random(4); i > 0; i--) {
        writeNow(host!, new Uint8Array(12 + 1 + random(2000)));
      }
      guest.pump();
      readNow(host!);
    },
  };
}

function consoles(stack: DisposableStack): Fuzzed {
  const [inputEnd, input] = pipePair().map((end) => stack.use(end));
  const [output, outputEnd] = pipePair().map((end) => stack.use(end));
  const fds = { inputFd: inputEnd!.number, outputFd: outputEnd!.number };
  return {
    device: () => new ConsoleDevice({ ...fds, columns: 80, rows: 25 }),
    after: (guest, random) => {
      writeNow(input!, new Uint8Array(1 + random(100)).fill(0x55));
      guest.pump();
      readNow(output!);
    },
  };
}

function vsock(stack: DisposableStack): Fuzzed {
  const path = join(folderIn(stack), "vsock");
  const listener = stack.use(listenUnix(`${path}_1`));
  let last: Disposable | undefined;
  const held: FileDescriptor[] = [];
  stack.defer(() => {
    last?.[Symbol.dispose]();
    for (const socket of held) {
      socket[Symbol.dispose]();
    }
  });
  return {
    device: () => {
      last?.[Symbol.dispose]();
      rmSync(`${path}_0`, { force: true });
      const made = new VsockDevice({
        guestCid: GUEST_CID,
        listener: listenUnix(`${path}_0`),
        connect: (port) => connectUnix(`${path}_${port & 1}`),
      });
      last = made;
      return made;
    },
    fill: (bytes, random) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setBigUint64(0, BigInt(random(20) === 0 ? random(2 ** 32) : GUEST_CID), true);
      view.setBigUint64(8, BigInt(random(20) === 0 ? random(5) : 2), true);
      view.setUint32(16, random(3), true);
      view.setUint32(20, random(3), true);
      view.setUint32(24, random(3) === 0 ? random(2 ** 32) : random(100), true);
      view.setUint16(28, random(9) === 0 ? 2 : 1, true);
      view.setUint16(30, random(9), true);
      view.setUint32(32, random(4), true);
      view.setUint32(36, random(9) === 0 ? random(2 ** 32) : random(5000), true);
      view.setUint32(40, random(9) === 0 ? random(2 ** 32) : random(100), true);
    },
    after: (guest, random) => {
      const socket = acceptUnix(listener);
      if (typeof socket !== "number") {
        held.push(socket);
        writeNow(socket, Buffer.alloc(1 + random(200)));
      }
      const goes = random(4) === 0 || held.length > MAX_HELD;
      for (const gone of goes ? held.splice(0) : []) {
        gone[Symbol.dispose]();
      }
      guest.pump();
      guest.drain(0);
      guest.drain(1);
    },
  };
}

export const VIRTIO_TARGETS = {
  queue: target("rings and registers of a device that only echoes", () => () => new EchoDevice()),
  block: target("rings and registers of the block device", block),
  net: target("rings and registers of the network device", net),
  console: target("rings and registers of the console", consoles),
  vsock: target("rings, packets and registers of the socket device", vsock),
  entropy: target("rings and registers of the entropy device", () => () => new EntropyDevice()),
  balloon: target("rings, page numbers and registers of the balloon", () => ({
    device: () => new BalloonDevice({ discard: () => 0, deflatesOnOom: false }),
    fill: (bytes, random) => bytes.fill(random(2)),
  })),
} satisfies Readonly<Record<string, FuzzTarget>>;
