/**
 * A network device that sends frames without end, in a guest with a lot of memory: what its thread's garbage comes to.
 * Prints by how many bytes the process's own memory has grown.
 */
import { openSync, readFileSync } from "node:fs";
import { VRING_DESC, VRING_DESC_F_INDIRECT } from "../../src/kernel/abi/virtio.ts";
import { Mapping } from "../../src/kernel/sys/mapping.ts";
import { GuestMemory } from "../../src/vmm/memory/guest-memory.ts";
import { NetDevice } from "../../src/vmm/virtio/net.ts";
import { Virtqueue } from "../../src/vmm/virtio/queue.ts";

const MEMORY_BYTES = 256 * 1024 * 1024;
const SIZE = 256;
const DESCRIPTORS = 0x10_0000;
const AVAILABLE = 0x11_0000;
const USED = 0x12_0000;
const TABLE = 0x13_0000;
const BUFFER = 0x14_0000;
const FRAME_BYTES = 60_000;
const ROUNDS = 2000;

function ownBytes(): number {
  const text = readFileSync("/proc/self/smaps_rollup", "utf8");
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

using mapping = new Mapping(MEMORY_BYTES, "a guest");
const memory = new GuestMemory([{ start: 0, bytes: mapping.bytes }]);

function describe(at: number, address: number, length: number, flags: number): void {
  memory.write64(at, BigInt(address));
  memory.write32(at + 8, length);
  memory.write16(at + 12, flags);
}

const queue = new Virtqueue(memory, SIZE);
Object.assign(queue.addresses, { descLow: DESCRIPTORS, availLow: AVAILABLE, usedLow: USED });
describe(TABLE, BUFFER, FRAME_BYTES, 0);
for (let head = 0; head < SIZE; head++) {
  describe(DESCRIPTORS + head * VRING_DESC.size, TABLE, VRING_DESC.size, VRING_DESC_F_INDIRECT);
  memory.write16(AVAILABLE + 4 + 2 * head, head);
}
queue.enable({ hasEventIndex: true, hasIndirect: true });

const port = { fd: openSync("/dev/null", "w"), setOffloads: () => 0 };
const device = new NetDevice({ port, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) });
device.activate({ memory, queues: [new Virtqueue(memory, SIZE), queue], features: 0n });
const before = ownBytes();
for (let round = 1; round <= ROUNDS; round++) {
  memory.write16(AVAILABLE + 2, (round * SIZE) & 0xffff);
  device.drain(1);
}
if (device.counters.sentFrames !== ROUNDS * SIZE) {
  throw new Error(`sent ${device.counters.sentFrames} frames`);
}
process.stdout.write(`${ownBytes() - before}\n`);
