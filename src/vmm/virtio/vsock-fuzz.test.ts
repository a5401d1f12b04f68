import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeNow } from "../../../test/harness/socket-pair.ts";
import { fuzzChains, fuzzRegisters } from "../../../test/harness/virtio-fuzz.ts";
import { GUEST_CID } from "../../../test/harness/vsock-guest.ts";
import { acceptUnix, connectUnix, listenUnix } from "../../kernel/net/unix-stream.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import { VsockDevice } from "./vsock.ts";

const folder = mkdtempSync(join(tmpdir(), "vsock-"));
const descriptors = readdirSync("/proc/self/fd").length;
let cleanUp = new DisposableStack();
afterEach(() => {
  cleanUp.dispose();
  cleanUp = new DisposableStack();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  expect(readdirSync("/proc/self/fd").length).toBe(descriptors);
});

test("VsockDevice withstands random rings, packets and registers", () => {
  const path = join(folder, "fuzz");
  const listener = cleanUp.use(listenUnix(`${path}_1`));
  const fuzzed: VsockDevice[] = [];
  let names = 0;
  const device = () => {
    const made = new VsockDevice({
      guestCid: GUEST_CID,
      listener: listenUnix(`${path}${names++}`),
      connect: (port) => connectUnix(`${path}_${port & 1}`),
    });
    fuzzed.push(cleanUp.use(made));
    return made;
  };
  const held: FileDescriptor[] = [];
  const { whole, faults } = fuzzChains({
    device,
    rounds: 4000,
    seed: 7000,
    fill: (bytes, random) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setBigUint64(0, 3n, true);
      view.setBigUint64(8, 2n, true);
      view.setUint32(16, random(3), true);
      view.setUint32(20, random(3), true);
      view.setUint32(24, random(3) === 0 ? random(2 ** 32) : random(100), true);
      view.setUint16(28, random(9) === 0 ? 2 : 1, true);
      view.setUint16(30, random(9), true);
      view.setUint32(32, random(4), true);
      view.setUint32(36, random(5000), true);
      view.setUint32(40, random(100), true);
    },
    after: (guest, random) => {
      const socket = acceptUnix(listener);
      if (typeof socket !== "number") {
        held.push(socket);
        writeNow(socket, Buffer.alloc(1 + random(200)));
      }
      for (const gone of random(4) === 0 ? held.splice(0) : []) {
        gone[Symbol.dispose]();
      }
      guest.pump();
      guest.drain(0);
      guest.drain(1);
    },
  });
  for (const socket of held) {
    socket[Symbol.dispose]();
  }
  expect(Math.min(whole, faults)).toBeGreaterThan(300);
  fuzzRegisters(device, 5000, 8);
});
