import { expect, test } from "bun:test";
import { pipePair, readNow, writeNow } from "../../../test/harness/socket-pair.ts";
import { VirtioGuest } from "../../../test/harness/virtio-driver.ts";
import { fuzzChains, fuzzRegisters } from "../../../test/harness/virtio-fuzz.ts";
import { POLLIN, POLLOUT } from "../../kernel/abi/poll.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import { ConsoleDevice } from "./console.ts";

interface Host extends Disposable {
  readonly guest: VirtioGuest;
  readonly device: ConsoleDevice;
  /** Where the host writes what the guest reads. */
  readonly input: FileDescriptor;
  readonly inputFd: number;
  readonly output: FileDescriptor;
  readonly outputFd: number;
}

function host(): Host {
  const [inputEnd, input] = pipePair();
  const [output, outputEnd] = pipePair();
  const [inputFd, outputFd] = [inputEnd.number, outputEnd.number];
  const device = new ConsoleDevice({ inputFd, outputFd, columns: 132, rows: 43 });
  const guest = new VirtioGuest(device).start();
  return {
    ...{ guest, device, input, inputFd, output, outputFd },
    [Symbol.dispose]: () => {
      for (const end of [inputEnd, input, output, outputEnd]) {
        end[Symbol.dispose]();
      }
    },
  };
}

const text = (value: string) => new TextEncoder().encode(value);

test("ConsoleDevice says its size, and another one", () => {
  using console = host();
  expect([...console.guest.readConfig(0, 4)]).toEqual([132, 0, 43, 0]);
  console.device.resize(80, 70_000);
  expect([...console.guest.readConfig(0, 4)]).toEqual([80, 0, 255, 255]);
});

test("ConsoleDevice writes what the guest sends, in order and whole", () => {
  using console = host();
  const { guest, output } = console;
  guest.queue(1).add([text("one "), text("two")], []);
  guest.queue(1).add([text("\n")], []);
  guest.queue(1).kick();
  expect(readNow(output)?.toString()).toBe("one two\n");
  expect(guest.queue(1).takeAll()).toHaveLength(2);
});

test("ConsoleDevice reads for the guest as much as it has buffers for, and waits for more of them", () => {
  using console = host();
  const { guest, input, inputFd } = console;
  writeNow(input, text("hello world"));
  guest.queue(0).add([], [3, 2]);
  guest.queue(0).kick();
  expect(Buffer.concat(guest.queue(0).take()!.buffers).toString()).toBe("hello");
  expect(guest.transport.waits()).toEqual([]); // no buffer: polling would only turn
  guest.queue(0).add([], [100]);
  expect(guest.queue(0).kick()).toBe(true);
  const { written, buffers } = guest.queue(0).take()!;
  expect(Buffer.concat(buffers).subarray(0, written).toString()).toBe(" world");
  guest.queue(0).add([], [100]);
  guest.queue(0).kick();
  expect(guest.queue(0).take()).toBeUndefined();
  expect(guest.transport.waits()).toEqual([{ fd: inputFd, events: POLLIN }]);
  writeNow(input, text("later"));
  guest.pump();
  expect(guest.queue(0).take()?.written).toBe(5);
});

test("ConsoleDevice has the guest wait for a host that does not read, and loses nothing", () => {
  using console = host();
  const { guest, output, outputFd, inputFd } = console;
  const bytes = Buffer.alloc(200_000, "0123456789abcdef-");
  guest.queue(1).add([bytes.subarray(0, 150_000), bytes.subarray(150_000)], []);
  guest.queue(1).add([text("end")], []);
  guest.queue(1).kick();
  expect(guest.queue(1).take()).toBeUndefined();
  expect(guest.transport.waits()).toEqual([{ fd: outputFd, events: POLLOUT }]);
  // In the middle of it, a snapshot.
  const state = JSON.parse(JSON.stringify(guest.transport.save()));
  guest.transport.restore(state);
  const got: Buffer[] = [];
  for (let i = 0; i < 100 && guest.queue(1).inFlight > 0; i++) {
    got.push(readNow(output) ?? Buffer.alloc(0));
    guest.pump();
    guest.queue(1).takeAll();
  }
  got.push(readNow(output) ?? Buffer.alloc(0));
  expect(Buffer.concat(got).equals(Buffer.concat([bytes, text("end")]))).toBe(true);
  expect(guest.transport.waits()).toEqual([{ fd: inputFd, events: POLLIN }]);
});

test("ConsoleDevice goes on without a reader, and without a writer", () => {
  using console = host();
  const { guest, output, input } = console;
  output[Symbol.dispose]();
  guest.queue(1).add([text("lost")], []);
  guest.queue(1).kick();
  expect(guest.queue(1).take()?.written).toBe(0);
  input[Symbol.dispose]();
  guest.queue(0).add([], [10]);
  guest.queue(0).kick();
  guest.pump();
  expect(guest.queue(0).take()).toBeUndefined();
  expect(guest.transport.waits()).toEqual([]);
  expect(guest.faults).toEqual([]);
});

test("ConsoleDevice withstands random rings and registers", () => {
  using console = host();
  const { inputFd, outputFd, input, output } = console;
  const device = () => new ConsoleDevice({ inputFd, outputFd, columns: 80, rows: 25 });
  const { whole, faults } = fuzzChains({
    device,
    rounds: 3000,
    seed: 2000,
    after: (guest, random) => {
      writeNow(input, new Uint8Array(1 + random(100)).fill(0x55));
      guest.pump();
      readNow(output);
    },
  });
  expect(Math.min(whole, faults)).toBeGreaterThan(300);
  fuzzRegisters(device, 5000, 5);
});
