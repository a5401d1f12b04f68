/** The daemon in a process of its own under a flood from one connection, and how long somebody else waits meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { TestDaemon } from "../harness/daemon.ts";
import { missingForCgroups } from "../harness/host.ts";
import { data, FRAME, frame, headers, PREFACE } from "./http2-frames.ts";

const LIST = "aurae.cells.v0.CellService/List";
const JSON_TYPE = { "content-type": "application/json" };
const missing = missingForCgroups();

let daemon: TestDaemon;
beforeAll(async () => {
  if (missing === undefined) {
    daemon = await TestDaemon.start();
  }
});
afterAll(async () => {
  await daemon?.stop();
});

/** Sends requests as fast as the daemon takes them, from a certificate of a reader. */
async function flood() {
  const socket = connect({
    ...{ host: "127.0.0.1", port: daemon.port, servername: "server.unsafe.aurae.io" },
    ca: readFileSync(daemon.pki("ca.crt")),
    cert: readFileSync(daemon.pki("_signed.client.unsafe.crt")),
    key: readFileSync(daemon.pki("client.unsafe.key")),
    ALPNProtocols: ["h2"],
  });
  socket.on("error", () => undefined);
  socket.resume();
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  const requests: Buffer[] = [PREFACE, frame(FRAME.settings, 0, 0)];
  for (let stream = 1; stream < 100_000; stream += 2) {
    requests.push(headers(stream, LIST, JSON_TYPE), data(stream, Buffer.from("{}")));
  }
  socket.write(Buffer.concat(requests));
  return { socket, ended };
}

describe("auraed", () => {
  test.skipIf(missing !== undefined)(
    `answers others soon while one connection floods it ${missing ?? ""}`,
    async () => {
      const { socket, ended } = await flood();
      const start = performance.now();
      const answer = await daemon.call(LIST, {}, { as: "nova" });
      expect(answer.status).toBe(200);
      expect(performance.now() - start).toBeLessThan(2_000);
      await ended;
      socket.destroy();
      expect(daemon.log).toContain("too many of its requests were refused");
    },
  );
});
