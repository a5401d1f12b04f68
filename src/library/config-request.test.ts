import { expect, test } from "bun:test";
import { configRequest } from "./config-request.ts";
import { createClient } from "./create-client.ts";
import { cells } from "./index.ts";

test("configRequest takes nothing, a path, and options in both spellings", () => {
  expect(configRequest(undefined)).toEqual({ path: undefined, overrides: {} });
  expect(configRequest("/c")).toEqual({ path: "/c", overrides: {} });
  expect(configRequest({ config: "/c", socket: "/s", serverName: undefined })).toEqual({
    path: "/c",
    overrides: { socket: "/s" },
  });
  expect(configRequest({ kind: "default" })).toEqual({ path: undefined, overrides: {} });
  expect(configRequest({ kind: "path", path: "/c" })).toEqual({ path: "/c", overrides: {} });
  const files = { ca_crt: "/ca", client_crt: "/crt", client_key: "/key", socket: "/s" };
  expect(configRequest(files)).toEqual({
    path: undefined,
    overrides: { caCrt: "/ca", clientCrt: "/crt", clientKey: "/key", socket: "/s" },
  });
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
