/** A daemon that is killed again and again while an executable prints as fast as it can: no byte is lost, and none is twice. */
import { afterAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForCgroups } from "../harness/host.ts";
import { randomFrom } from "../harness/random.ts";

const KILLS = 25;
/** How long a daemon lives at most once it has taken up its work. */
const LIFE_MS = 60;
/** Enough for all that is printed meanwhile. */
const MAX_BYTES = 1024 ** 3;

const missing = missingForCgroups();

describe.skipIf(missing !== undefined)(`output, with the daemon killed ${missing ?? ""}`, () => {
  const cellName = `ae-kills-${crypto.randomUUID()}`;
  const executableName = "counter";
  let daemon: TestDaemon;

  afterAll(async () => {
    await daemon.end();
    rmSync(daemon.directory, { recursive: true, force: true });
  });

  async function* output(follow: boolean): AsyncGenerator<Uint8Array> {
    const request = { cellName, executableName, follow, raw: true };
    for await (const { data } of daemon.client(ObserveService).getSubProcessStream(request)) {
      yield data;
    }
  }

  /** The counter's numbers. The last one may be cut. */
  async function numbers(): Promise<string[]> {
    const chunks = await Array.fromAsync(output(false));
    return Buffer.concat(chunks).toString().split("\n").slice(0, -1);
  }

  test(`has every line once and in order after ${KILLS} times`, async () => {
    const random = randomFrom(11);
    daemon = await TestDaemon.start();
    await daemon.client(CellService).allocate({
      cell: { name: cellName, output: { maxBytes: BigInt(MAX_BYTES) } },
    });
    const command = "i=0; while :; do i=$((i+1)); echo $i; done";
    await daemon
      .client(CellService)
      .start({ cellName, executable: { name: executableName, command } });
    for (let kill = 0; kill < KILLS; kill++) {
      if (random(2) === 0) {
        // Who follows has what is moved read back.
        const first = await output(true).next();
        expect(first.value?.length).toBeGreaterThan(0);
      }
      await Bun.sleep(random(LIFE_MS));
      await daemon.end("SIGKILL");
      daemon = await daemon.successor();
    }
    const before = (await numbers()).length;
    await eventually("more after the last", async () => (await numbers()).length > before);
    await daemon.client(CellService).stop({ cellName, executableName });
    const all = await numbers();
    expect(all.length).toBeGreaterThan(10_000);
    const wrong = all.findIndex((line, index) => line !== String(index + 1));
    expect(wrong < 0 ? undefined : all.slice(wrong - 1, wrong + 2)).toBeUndefined();
    await daemon.client(CellService).free({ cellName });
  }, 60_000);
});
