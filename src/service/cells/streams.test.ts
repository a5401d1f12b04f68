import { expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { exitedWith, until, World } from "../../../test/harness/cells-world.ts";
import { Channel } from "../../base/channel.ts";
import {
  CellService,
  type CellServiceAttachRequestSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { createStreams } from "./streams.ts";

test("Attach tells a reader that is too slow how much it missed, also of the last words, and never holds up the executable", async () => {
  const world = new World();
  world.allocate("a");
  world.start("a:x");
  const transport = createRouterTransport(({ service }) => {
    service(CellService, createStreams(world.cells));
  });
  const requests = new Channel<MessageInitShape<typeof CellServiceAttachRequestSchema>>(1);
  requests.offer({ message: { case: "start", value: { cellName: "a", executableName: "x" } } });
  const answers = createClient(CellService, transport).attach(requests)[Symbol.asyncIterator]();
  expect((await answers.next()).value?.message.case).toBe("attached");
  const { last } = world.kernel.processes;
  for (let i = 0; i < 200; i++) {
    last.stdout.push("0123456789");
  }
  await until("the output", () => world.outputs.all.get("a/x")?.texts.stdout.length === 2_000);
  last.exit(exitedWith(3));
  const cases: string[] = [];
  const bytes = { stdout: 0, missed: 0 };
  for (let next = await answers.next(); next.done !== true; next = await answers.next()) {
    const { message } = next.value;
    cases.push(`${message.case}`);
    if (message.case === "stdout") {
      bytes.stdout += message.value.length;
    } else if (message.case === "missedBytes") {
      bytes.missed += Number(message.value);
    }
  }
  expect(bytes.stdout).toBeLessThan(2_000);
  expect(bytes.stdout + bytes.missed).toBe(2_000);
  expect(cases.slice(-2)).toEqual(["missedBytes", "exitStatus"]);
});
