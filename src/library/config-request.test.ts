import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addContext, useContext } from "../client/context-store.ts";
import type { ClientOptions } from "./client-options.ts";
import { configRequest } from "./config-request.ts";
import { createClient } from "./create-client.ts";
import { cells } from "./index.ts";
import { configure } from "./settings.ts";

test("configRequest takes nothing, a path, and options in both spellings", () => {
  expect(configRequest(undefined)).toEqual({ path: undefined, context: undefined, overrides: {} });
  expect(configRequest("/c")).toEqual({ path: "/c", context: undefined, overrides: {} });
  expect(configRequest({ config: "/c", socket: "/s", serverName: undefined })).toEqual({
    path: "/c",
    context: undefined,
    overrides: { socket: "/s" },
  });
  expect(configRequest({ kind: "default" })).toEqual({
    path: undefined,
    context: undefined,
    overrides: {},
  });
  expect(configRequest({ kind: "path", path: "/c" })).toEqual({
    path: "/c",
    context: undefined,
    overrides: {},
  });
  const files = { ca_crt: "/ca", client_crt: "/crt", client_key: "/key", socket: "/s" };
  expect(configRequest(files)).toEqual({
    path: undefined,
    context: undefined,
    overrides: { caCrt: "/ca", clientCrt: "/crt", clientKey: "/key", socket: "/s" },
  });
});

test("createClient goes to the context that it names, that its caller names, or that is in use", async () => {
  const home = mkdtempSync(join(tmpdir(), "aurae-library-"));
  try {
    const pem = join(home, "pem");
    writeFileSync(pem, "PEM");
    const paths = { caCrt: pem, clientCrt: pem, clientKey: pem };
    for (const [name, port] of [
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ] as const) {
      const address = { kind: "tcp", host: "127.0.0.1", port } as const;
      addContext(home, name, { paths, address, serverName: "x", source: undefined }, false);
    }
    const addressOf = async (options?: ClientOptions) => (await createClient(options)).address;
    useContext(home, "a");
    configure({ home });
    expect(await addressOf()).toBe("127.0.0.1:1");
    expect(await addressOf({ context: "b" })).toBe("127.0.0.1:2");
    configure({ home, context: "c", overrides: { socket: "/s" } });
    expect(await addressOf()).toBe("/s");
    expect(await addressOf({ context: "b" })).toBe("127.0.0.1:2");
    configure({ home, context: "c" });
    expect(await addressOf()).toBe("127.0.0.1:3");
    await expect(createClient({ config: "/c" })).rejects.toThrow('config "/c": no such file');
    configure({ home, environmentContext: "c" });
    expect(await addressOf()).toBe("127.0.0.1:3");
    expect(await addressOf({ context: "a" })).toBe("127.0.0.1:1");
    configure({ home, context: "b", environmentContext: "c" });
    expect(await addressOf()).toBe("127.0.0.1:2");
    configure({ home, context: "e", environmentContext: "c" });
    await expect(createClient()).rejects.toThrow('no context "e" (asked for)');
    configure({ home, environmentContext: "e" });
    await expect(createClient()).rejects.toThrow('no context "e" (AURAE_CONTEXT)');
    configure({ home, config: "/c", context: "b" });
    await expect(createClient()).rejects.toThrow("not both");
    await expect(createClient({ context: "d" })).rejects.toThrow('no context "d" (asked for)');
    await expect(createClient({ context: "a", config: "/c" })).rejects.toThrow("not both");
  } finally {
    configure({});
    rmSync(home, { recursive: true });
  }
});

const WRONG: readonly [options: unknown, message: string][] = [
  [3, "createClient: want a configuration file's path or options, not 3"],
  ["", 'createClient: path: want a string that is not empty, not ""'],
  [{ sockt: "/s" }, 'createClient: no option "sockt"; did you mean "socket"?'],
  [{ socket: 8080 }, "createClient: socket: want a string that is not empty, not 8080"],
  [{ kind: "other" }, 'createClient: kind: want one of default, path, opts, not "other"'],
];

test.each(WRONG)("configRequest refuses %j", (options, message) => {
  expect(() => configRequest(options)).toThrow(message);
});

test("createClient tells of a configuration that is not there, with a status", async () => {
  await expect(createClient("/nowhere/config")).rejects.toMatchObject({
    rawMessage: expect.stringContaining('config "/nowhere/config": no such file'),
  });
});

test("the class of a service refuses what is no client", () => {
  expect(() => new cells.CellServiceClient(3 as never)).toThrow(
    "CellServiceClient: want a client, not 3; make one with createClient()",
  );
  expect(() => new cells.CellServiceClient(Promise.resolve() as never)).toThrow(
    "await createClient()",
  );
});
