import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../../../test/harness/random.ts";
import { VirtioGuest } from "../../../test/harness/virtio-driver.ts";
import { fuzzChains, fuzzRegisters } from "../../../test/harness/virtio-fuzz.ts";
import { ERRNO } from "../../kernel/abi/errno.ts";
import * as V from "../../kernel/abi/virtio-blk.ts";
import type { IoVector } from "../../kernel/io/io-vector.ts";
import { RawFile } from "../../kernel/io/raw-file.ts";
import { FileDescriptor } from "../../kernel/sys/fd.ts";
import { BlockDevice, type BlockStorage, MAX_REQUEST_BYTES } from "./block.ts";
import { featuresOf } from "./device.ts";

const SECTORS = 2048;
const folder = mkdtempSync(join(tmpdir(), "block-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Disk extends Disposable {
  readonly guest: VirtioGuest;
  readonly path: string;
}

let disks = 0;

function disk(options: { isReadOnly?: boolean; wanted?: bigint } = {}): Disk {
  const path = join(folder, `disk-${disks++}`);
  const bytes = Buffer.alloc(SECTORS * 512);
  for (let sector = 0; sector < SECTORS; sector++) {
    bytes.fill(sector % 251, sector * 512, sector * 512 + 512);
  }
  writeFileSync(path, bytes);
  const { isReadOnly = false } = options;
  const file = new RawFile(new FileDescriptor(openSync(path, isReadOnly ? "r" : "r+")), path);
  const device = new BlockDevice({ storage: file, isReadOnly, serial: "disk-0" });
  const guest = new VirtioGuest(device, options).start();
  return { guest, path, [Symbol.dispose]: () => file[Symbol.dispose]() };
}

function header(type: number, sector: number | bigint = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  return bytes;
}

interface Answer {
  readonly status: number | undefined;
  readonly written: number;
  readonly data: Buffer;
}

/** One request, whose last writable byte is the status. */
function request(guest: VirtioGuest, out: readonly Uint8Array[], into: readonly number[]): Answer {
  const queue = guest.queue(0);
  const mark = guest.mark();
  queue.add(out, into);
  queue.kick();
  const { written, buffers } = queue.take()!;
  const bytes = Buffer.concat(buffers.map((buffer) => buffer.slice()));
  guest.release(mark);
  return { status: bytes.at(-1), written, data: bytes.subarray(0, -1) };
}

function ranges(...list: readonly (readonly [sector: number, sectors: number, flags: number])[]) {
  const bytes = new Uint8Array(16 * list.length);
  const view = new DataView(bytes.buffer);
  for (const [i, [sector, sectors, flags]] of list.entries()) {
    view.setBigUint64(16 * i, BigInt(sector), true);
    view.setUint32(16 * i + 8, sectors, true);
    view.setUint32(16 * i + 12, flags, true);
  }
  return bytes;
}

const { VIRTIO_BLK_S_OK: OK, VIRTIO_BLK_S_IOERR: IOERR, VIRTIO_BLK_S_UNSUPP: UNSUPP } = V;
const { VIRTIO_BLK_T_IN: IN, VIRTIO_BLK_T_OUT: OUT } = V;
const { VIRTIO_BLK_T_DISCARD: DISCARD, VIRTIO_BLK_T_WRITE_ZEROES: ZEROES } = V;

test("BlockDevice says its capacity, and offers no write commands for a disk that is read-only", () => {
  using whole = disk();
  expect(Buffer.from(whole.guest.readConfig(0, 8)).readBigUInt64LE()).toBe(BigInt(SECTORS));
  const writing = featuresOf([V.VIRTIO_BLK_F_DISCARD, V.VIRTIO_BLK_F_WRITE_ZEROES]);
  expect(whole.guest.offered() & writing).toBe(writing);
  using readOnly = disk({ isReadOnly: true });
  const ro = featuresOf([V.VIRTIO_BLK_F_RO]);
  expect(readOnly.guest.offered() & (writing | ro)).toBe(ro);
});

test("BlockDevice reads sectors into the guest's memory, however it is cut", () => {
  using whole = disk();
  const { status, written, data } = request(whole.guest, [header(IN, 7)], [100, 412, 1000, 24, 1]);
  expect([status, written]).toEqual([OK, 1537]);
  expect([data[0], data[511], data[512], data[1535]]).toEqual([7, 7, 8, 9]);
  // The status in the same descriptor as the data, and a header in two.
  const cut = header(IN, SECTORS - 1);
  const last = request(whole.guest, [cut.subarray(0, 3), cut.subarray(3)], [513]);
  expect([last.status, last.written, last.data[511]]).toEqual([OK, 513, (SECTORS - 1) % 251]);
});

test("BlockDevice writes sectors, and a flush has them on the disk", () => {
  using whole = disk();
  const bytes = Buffer.alloc(1024, 0xee);
  const answer = request(
    whole.guest,
    [header(OUT, 3), bytes.subarray(0, 10), bytes.subarray(10)],
    [1],
  );
  expect([answer.status, answer.written]).toEqual([OK, 1]);
  expect(request(whole.guest, [header(V.VIRTIO_BLK_T_FLUSH)], [1]).status).toBe(OK);
  const now = readFileSync(whole.path);
  expect(now.subarray(3 * 512, 5 * 512).equals(bytes)).toBe(true);
  expect([now[3 * 512 - 1], now[5 * 512]]).toEqual([2, 5]);
});

test("BlockDevice takes header and data from one descriptor", () => {
  using whole = disk();
  const bytes = Buffer.concat([header(OUT, 1), Buffer.alloc(512, 0xdd)]);
  expect(request(whole.guest, [bytes], [1]).status).toBe(OK);
  expect(readFileSync(whole.path)[512]).toBe(0xdd);
});

const BAD: readonly (readonly [
  name: string,
  out: readonly Uint8Array[],
  into: readonly number[],
  status: number,
])[] = [
  ["a read that begins beyond the end", [header(IN, SECTORS)], [512, 1], IOERR],
  ["a read that ends beyond the end", [header(IN, SECTORS - 1)], [1024, 1], IOERR],
  ["a read at sector 2^64 - 1", [header(IN, 2n ** 64n - 1n)], [512, 1], IOERR],
  ["a read at sector 2^55, which wraps in bytes", [header(IN, 2n ** 55n)], [512, 1], IOERR],
  ["a read of half a sector", [header(IN)], [256, 1], IOERR],
  ["a read of nothing", [header(IN)], [1], OK],
  ["a write beyond the end", [header(OUT, SECTORS), new Uint8Array(512)], [1], IOERR],
  ["a write of 511 bytes", [header(OUT), new Uint8Array(511)], [1], IOERR],
  ["a header that is cut", [header(IN).subarray(0, 15)], [512, 1], IOERR],
  ["a request without a header", [], [512, 1], IOERR],
  ["an unknown type", [header(99)], [1], UNSUPP],
  ["a SCSI command", [header(2)], [1], UNSUPP],
  ["a discard of no range", [header(DISCARD)], [1], IOERR],
  ["a discard of half a range", [header(DISCARD), ranges([0, 1, 0]).subarray(0, 8)], [1], IOERR],
  ["a discard beyond the end", [header(DISCARD), ranges([SECTORS, 1, 0])], [1], IOERR],
  ["a discard with a flag", [header(DISCARD), ranges([0, 1, 1])], [1], UNSUPP],
  ["zeroes with an unknown flag", [header(ZEROES), ranges([0, 1, 2])], [1], UNSUPP],
  ["zeroes over the bound", [header(ZEROES), ranges([0, 0xffff_ffff, 0])], [1], IOERR],
  ["too many ranges", [header(DISCARD), new Uint8Array(16 * 33)], [1], IOERR],
];

test.each(BAD)("BlockDevice answers to %s, and goes on", (_, out, into, expected) => {
  using whole = disk();
  const { guest } = whole;
  const before = readFileSync(whole.path);
  expect(request(guest, out, into).status).toBe(expected);
  expect(readFileSync(whole.path).equals(before)).toBe(true);
  expect(request(guest, [header(IN, 9)], [512, 1]).data[0]).toBe(9);
  expect(guest.faults).toEqual([]);
});

test("BlockDevice gives a request back that has no place for a status", () => {
  using whole = disk();
  const queue = whole.guest.queue(0);
  queue.add([header(OUT, 0), new Uint8Array(512)], []);
  queue.kick();
  expect(queue.take()?.written).toBe(0);
  expect(readFileSync(whole.path)[511]).toBe(0);
});

test("BlockDevice refuses more than its bound in one request", () => {
  using whole = disk();
  // The same memory over and over: nobody has to have it for the driver to ask.
  const queue = whole.guest.queue(0);
  const table = whole.guest.allocate(16 * 1024);
  const [head, data] = [whole.guest.allocate(16), whole.guest.allocate(65536)];
  whole.guest.memory.bytes(head, 16).set(header(IN));
  queue.writeRaw(table, 0, head, 16, 1, 1);
  const parts = MAX_REQUEST_BYTES / 65536 + 1;
  for (let i = 1; i <= parts; i++) {
    queue.writeRaw(table, i, data, 65536, 3, i + 1);
  }
  queue.writeRaw(table, parts + 1, head, 1, 2, 0);
  queue.writeRaw(queue.descriptors, 0, table, 16 * (parts + 2), 4, 0);
  queue.offerHead(0);
  queue.kick();
  expect(whole.guest.memory.bytes(head, 1)[0]).toBe(IOERR);
});

test("BlockDevice answers with its serial number, also in less room", () => {
  using whole = disk();
  const id = request(whole.guest, [header(V.VIRTIO_BLK_T_GET_ID)], [20, 1]);
  expect([id.status, id.written]).toEqual([OK, 21]);
  expect(id.data.toString("latin1")).toBe("disk-0".padEnd(20, "\0"));
  const short = request(whole.guest, [header(V.VIRTIO_BLK_T_GET_ID)], [3, 1]);
  expect([short.status, short.data.toString()]).toEqual([OK, "dis"]);
});

test("BlockDevice zeroes ranges, with and without giving them back", () => {
  using whole = disk();
  const list = ranges([8, 8, 1], [100, 1, 0], [1, 0, 0]);
  expect(request(whole.guest, [header(ZEROES), list], [1]).status).toBe(OK);
  const now = readFileSync(whole.path);
  expect(now.subarray(8 * 512, 16 * 512).every((byte) => byte === 0)).toBe(true);
  expect([now[8 * 512 - 1], now[16 * 512], now[99 * 512], now[100 * 512], now[101 * 512]]).toEqual([
    7, 16, 99, 0, 101,
  ]);
});

test("BlockDevice writes nothing to a disk that is read-only", () => {
  using whole = disk({ isReadOnly: true });
  const { guest } = whole;
  expect(request(guest, [header(OUT), new Uint8Array(512)], [1]).status).toBe(IOERR);
  expect(request(guest, [header(DISCARD), ranges([0, 1, 0])], [1]).status).toBe(IOERR);
  expect(request(guest, [header(ZEROES), ranges([0, 1, 0])], [1]).status).toBe(IOERR);
  expect(request(guest, [header(IN, 4)], [512, 1]).data[0]).toBe(4);
});

test("BlockDevice reports the end of a file that somebody cut", () => {
  using whole = disk();
  truncateSync(whole.path, 5 * 512 + 100);
  const { status, written, data } = request(whole.guest, [header(IN, 4)], [1024, 1]);
  expect([status, written, data[0], data[512]]).toEqual([IOERR, 612, 4, 5]);
});

/** Storage that moves so many bytes a call, and then fails. */
class PoorStorage implements BlockStorage {
  readonly sizeBytes = 64 * 512;
  readonly calls: string[] = [];
  results: number[] = [];

  #next(call: string, otherwise: number): number {
    this.calls.push(call);
    return this.results.shift() ?? otherwise;
  }

  read(vector: IoVector, position: number): number {
    return this.#next(`read ${vector.byteLength} at ${position}`, vector.byteLength);
  }

  write(vector: IoVector, position: number): number {
    return this.#next(`write ${vector.byteLength} at ${position}`, vector.byteLength);
  }

  flush(): number {
    return this.#next("flush", 0);
  }

  discard(position: number, length: number): number {
    return this.#next(`discard ${length} at ${position}`, 0);
  }

  zero(position: number, length: number, mayDiscard: boolean): number {
    return this.#next(`zero ${length} at ${position} ${mayDiscard}`, 0);
  }
}

describe("BlockDevice on storage that is poor", () => {
  function poor(results: number[], wanted?: bigint) {
    const storage = new PoorStorage();
    storage.results = results;
    const device = new BlockDevice({ storage, isReadOnly: false, serial: "" });
    return {
      storage,
      guest: new VirtioGuest(device, wanted === undefined ? {} : { wanted }).start(),
    };
  }

  test("goes on after a short read, in the middle of a sector and of a descriptor", () => {
    const { storage, guest } = poor([300, 1, 700]);
    expect(request(guest, [header(IN, 2)], [512, 1024, 1]).status).toBe(OK);
    expect(storage.calls).toEqual([
      "read 1536 at 1024",
      "read 1236 at 1324",
      "read 1235 at 1325",
      "read 535 at 2025",
    ]);
  });

  test("reports errors of every call, and of a write that stops", () => {
    const { guest } = poor([
      100,
      -ERRNO.EIO,
      -ERRNO.ENOSPC,
      0,
      -ERRNO.EIO,
      -ERRNO.EOPNOTSUPP,
      0,
      -5,
    ]);
    const read = request(guest, [header(IN)], [512, 1]);
    expect([read.status, read.written]).toEqual([IOERR, 100]);
    const sector = new Uint8Array(512);
    expect(request(guest, [header(OUT), sector], [1]).status).toBe(IOERR);
    expect(request(guest, [header(OUT), sector], [1]).status).toBe(IOERR);
    expect(request(guest, [header(V.VIRTIO_BLK_T_FLUSH)], [1]).status).toBe(IOERR);
    expect(request(guest, [header(DISCARD), ranges([0, 1, 0])], [1]).status).toBe(UNSUPP);
    expect(request(guest, [header(ZEROES), ranges([0, 1, 0], [1, 1, 0])], [1]).status).toBe(IOERR);
    expect(guest.faults).toEqual([]);
  });

  test("writes through where the driver has no flush", () => {
    const { storage, guest } = poor([], featuresOf([32]));
    expect(request(guest, [header(OUT), new Uint8Array(512)], [1]).status).toBe(OK);
    expect(storage.calls).toEqual(["write 512 at 0", "flush"]);
  });
});

test("BlockDevice agrees with a model over random reads, writes and zeroes", () => {
  using whole = disk();
  const { guest, path } = whole;
  const model = readFileSync(path);
  const random = randomFrom(5);
  for (let i = 0; i < 400; i++) {
    const count = 1 + random(16);
    const sector = random(SECTORS + 8);
    const isInside = sector + count <= SECTORS;
    const [start, end] = [sector * 512, (sector + count) * 512];
    const kind = random(3);
    if (kind === 0) {
      const cut = 1 + random(count * 512 - 1);
      const got = request(guest, [header(IN, sector)], [cut, count * 512 - cut, 1]);
      expect(got.status).toBe(isInside ? OK : IOERR);
      expect(!isInside || got.data.equals(model.subarray(start, end))).toBe(true);
    } else if (kind === 1) {
      const bytes = Buffer.alloc(count * 512, random(256));
      expect(request(guest, [header(OUT, sector), bytes], [1]).status).toBe(isInside ? OK : IOERR);
      model.set(isInside ? bytes : [], isInside ? start : 0);
    } else {
      const list = ranges([sector, count, random(2)]);
      expect(request(guest, [header(ZEROES), list], [1]).status).toBe(isInside ? OK : IOERR);
      model.fill(0, isInside ? start : 0, isInside ? end : 0);
    }
  }
  expect(readFileSync(path).equals(model)).toBe(true);
});

test("BlockDevice takes up a snapshot of the same disk, and none of another size", () => {
  using whole = disk();
  const state = JSON.parse(JSON.stringify(whole.guest.transport.save()));
  whole.guest.transport.restore(state);
  expect(request(whole.guest, [header(IN, 3)], [512, 1]).data[0]).toBe(3);
  const other = { ...state, device: { ...state.device, capacitySectors: 1 } };
  expect(() => whole.guest.transport.restore(other)).toThrow(
    /"capacitySectors" of block device is 1/,
  );
});

test("BlockDevice withstands random rings and registers", () => {
  const path = join(folder, "fuzz");
  writeFileSync(path, Buffer.alloc(64 * 512, 0xaa));
  using file = new RawFile(new FileDescriptor(openSync(path, "r+")), path);
  const device = () => new BlockDevice({ storage: file, isReadOnly: false, serial: "fuzz" });
  const types = [0, 0, 1, 4, 8, 11, 13, 99];
  const { whole, faults, used } = fuzzChains({
    device,
    rounds: 4000,
    seed: 100,
    fill: (bytes, random) => bytes.set(header(types[random(types.length)]!, random(70))),
  });
  expect(Math.min(whole, faults)).toBeGreaterThan(500);
  expect(used).toBeGreaterThan(3000);
  fuzzRegisters(device, 10_000, 7);
  expect(file.sizeBytes).toBe(64 * 512);
});
