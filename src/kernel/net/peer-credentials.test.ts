import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { peerUid } from "./peer-credentials.ts";

test("peerUid knows nobody behind a TCP socket, a file and no descriptor", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd = Reflect.get(handle as object, "fd") as number;
  expect(fd).toBeGreaterThan(2);
  expect(peerUid(fd)).toBeUndefined();
  socket.destroy();
  server.close();

  const file = openSync("/dev/null", "r");
  expect(peerUid(file)).toBeUndefined();
  closeSync(file);
  expect(peerUid(-1)).toBeUndefined();
});
