import { expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RULES } from "../authz/rules.ts";
import { CellService } from "../gen/aurae/cells/v0/cells_pb.ts";
import { SERVICES } from "../service/services.ts";
import { Client } from "./client.ts";
import { isSafeToRetry, READ_ONLY, retrying } from "./retry.ts";
import { noteConnected } from "./wire.ts";

const { list, allocate } = CellService.method;

function broken(code: string): ConnectError {
  const cause = Object.assign(new Error(code), { code });
  return new ConnectError("connect", Code.Unavailable, undefined, undefined, cause);
}

/** What a reader may call; and Inspect, which changes nothing either and tells more. */
function isRead(name: string): boolean {
  const rule = RULES[name];
  return rule === "any" || rule?.includes("reader") === true || name.endsWith("/Inspect");
}

test("READ_ONLY names the methods with one answer that change nothing", () => {
  const methods = new Map<string, string>(
    SERVICES.flatMap(({ typeName, methods }) =>
      methods.map((method) => [`${typeName}/${method.name}`, method.methodKind] as const),
    ),
  );
  for (const name of READ_ONLY) {
    expect([name, methods.get(name)]).toEqual([name, "unary"]);
    expect(isRead(name)).toBe(true);
  }
  const reads = [...methods].filter(([name, kind]) => kind === "unary" && isRead(name));
  expect(reads.map(([name]) => name).toSorted()).toEqual([...READ_ONLY].toSorted());
});

test("isSafeToRetry takes what was never sent, and reads whose connection broke", () => {
  expect(isSafeToRetry(broken("ECONNREFUSED"), allocate)).toBe(true);
  expect(isSafeToRetry(broken("ECONNRESET"), allocate)).toBe(false);
  expect(isSafeToRetry(broken("ECONNRESET"), list)).toBe(true);
});

test("isSafeToRetry leaves alone what the daemon answered", () => {
  expect(isSafeToRetry(new ConnectError("busy", Code.Unavailable), list)).toBe(false);
  expect(isSafeToRetry(new ConnectError("no", Code.NotFound), list)).toBe(false);
  expect(isSafeToRetry(new Error("other"), list)).toBe(false);
});

/** A call that fails so often before it works. */
function failing(times: number): { readonly call: () => Promise<string>; tries: number } {
  const it = {
    tries: 0,
    call: async () => {
      it.tries += 1;
      if (it.tries <= times) {
        throw broken("ECONNREFUSED");
      }
      return "done";
    },
  };
  return it;
}

test("retrying fails at once where the client was never connected", async () => {
  const it = failing(1);
  await expect(retrying(new Client({}), list, undefined, it.call)).rejects.toThrow("connect");
  expect(it.tries).toBe(1);
});

test("retrying goes on until a call works, and not without a bound", async () => {
  const client = new Client({});
  noteConnected(client);
  expect(await retrying(client, allocate, undefined, failing(2).call)).toBe("done");
  const it = failing(100);
  await expect(retrying(client, allocate, undefined, it.call)).rejects.toThrow("connect");
  expect(it.tries).toBe(6);
});

test("retrying ends when the call's signal does", async () => {
  const client = new Client({});
  noteConnected(client);
  const controller = new AbortController();
  const it = failing(100);
  const done = retrying(client, allocate, controller.signal, it.call);
  controller.abort();
  await expect(done).rejects.toThrow(ConnectError);
  expect(it.tries).toBe(1);
});
