import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigSources, defaultSearchPaths, expandHome, loadConfig } from "./config.ts";

let directory = "";
let warnings: string[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "aurae-config-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function load(sources: Partial<ConfigSources>) {
  warnings = [];
  return loadConfig({ home: "/home/a", warn: (message) => warnings.push(message), ...sources });
}

const AUTH = `[auth]
ca_crt = "~/pki/ca.crt"
client_crt = "/pki/client.crt"
client_key = "pki/client.key"
`;

describe("loadConfig", () => {
  test("reads the contract's keys and expands a leading ~/", () => {
    const path = file("whole", `${AUTH}[system]\nsocket = "[fe80::2%4]:8080"\n`);
    expect(load({ path })).toEqual({
      paths: {
        caCrt: "/home/a/pki/ca.crt",
        clientCrt: "/pki/client.crt",
        clientKey: "pki/client.key",
      },
      address: { kind: "tcp", host: "fe80::2", zone: "4", port: 8080 },
      serverName: "server.unsafe.aurae.io",
      source: path,
    });
    expect(warnings).toEqual([]);
  });

  test("takes the daemon's default socket, and another server name when told", () => {
    const path = file("name", `${AUTH}server_name = "here.example"\n`);
    expect(load({ path })).toMatchObject({
      address: { kind: "unix", path: "/var/run/aurae/aurae.sock" },
      serverName: "here.example",
    });
  });

  test("puts what the command line says over the file", () => {
    const path = file("over", AUTH);
    const overrides = { caCrt: "~/other.crt", socket: "~/a.sock", serverName: "x" };
    expect(load({ path, overrides })).toMatchObject({
      paths: { caCrt: "/home/a/other.crt", clientCrt: "/pki/client.crt" },
      address: { kind: "unix", path: "/home/a/a.sock" },
      serverName: "x",
    });
  });

  test("needs no file when the command line names all three PEM files", () => {
    const overrides = { caCrt: "a", clientCrt: "b", clientKey: "c" };
    expect(load({ overrides, searchPaths: [] })).toMatchObject({
      paths: overrides,
      source: undefined,
    });
  });

  test("takes the rest from the file that is found, also when the command line names all three PEM files", () => {
    const overrides = { caCrt: "a", clientCrt: "b", clientKey: "c" };
    const system = '[system]\nsocket = "127.0.0.1:18080"\n';
    const whole = file("rest", `${AUTH}server_name = "here.example"\n${system}`);
    const found = {
      paths: overrides,
      address: { kind: "tcp", host: "127.0.0.1", port: 18080 },
    };
    expect(load({ overrides, searchPaths: [join(directory, "none"), whole] })).toMatchObject({
      ...found,
      serverName: "here.example",
      source: whole,
    });
    const alone = file("system", system);
    expect(load({ overrides, searchPaths: [alone] })).toMatchObject({ ...found, source: alone });
  });

  test("warns of a wrong file and goes on when the command line names all three PEM files", () => {
    const overrides = { caCrt: "a", clientCrt: "b", clientKey: "c" };
    const wrong = file("wrong-rest", "nonsense");
    expect(load({ overrides, searchPaths: [wrong] }).source).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining(`failed to parse config at ${wrong}: `)]);
    expect(() => load({ overrides, path: join(directory, "none") })).toThrow("no such file");
  });

  test("names the file, the section and the key that is missing or of a wrong type", () => {
    const missing = file("missing", '[auth]\nca_crt = "a"\nclient_crt = "b"\n');
    expect(() => load({ path: missing })).toThrow(
      `config "${missing}": [auth] client_key is missing; make one with "auraed pki --config FILE"`,
    );
    const wrong = file("wrong", "[auth]\nca_crt = 1\n");
    expect(() => load({ path: wrong })).toThrow("[auth] ca_crt: want a text in quotes");
    expect(() => load({ path: file("empty", " \n") })).toThrow("empty config");
    expect(() => load({ path: file("broken", "[auth\n") })).toThrow("TOML Parse error");
    expect(() => load({ path: join(directory, "none") })).toThrow("no such file; make one with");
  });

  test("warns of keys and sections that mean nothing", () => {
    const path = file("unknown", `toString = 1\n${AUTH}cacrt = "x"\n[more]\na = 1\n`);
    load({ path });
    expect(warnings).toEqual([
      `config "${path}": [toString] means nothing here`,
      `config "${path}": [auth] cacrt means nothing here`,
      `config "${path}": [more] means nothing here`,
    ]);
  });

  test("takes the first of the search path that is right, and warns of the wrong ones before it", () => {
    mkdirSync(join(directory, "folder"));
    const broken = file("first", "nonsense");
    const good = file("second", AUTH);
    const searchPaths = [join(directory, "none"), join(directory, "folder"), broken, good];
    expect(load({ searchPaths }).source).toBe(good);
    expect(warnings.map((text) => text.split(":")[0])).toEqual([
      `failed to parse config at ${join(directory, "folder")}`,
      `failed to parse config at ${broken}`,
    ]);
  });

  test("warns of each wrong file before it says that none is right", () => {
    const searchPaths = [file("bad-1", "garbage ["), file("bad-2", " "), "/none/a"];
    expect(() => load({ searchPaths })).toThrow("; mend what the warnings name, or make one with");
    expect(warnings).toEqual([
      expect.stringMatching(/^failed to parse config at .*bad-1: TOML Parse error/),
      expect.stringMatching(/^failed to parse config at .*bad-2: empty config$/),
    ]);
  });

  test("says where it looked when there is none", () => {
    expect(() => load({ searchPaths: ["/none/a", "/none/b"] })).toThrow(
      'unable to find valid config file: looked for "/none/a", "/none/b"; make one with "auraed pki --config FILE"',
    );
  });
});

test("defaultSearchPaths is the contract's order, without the home where there is none", () => {
  expect(defaultSearchPaths("/home/a")).toEqual([
    "/home/a/.aurae/config",
    "/etc/aurae/config",
    "/var/lib/aurae/config",
  ]);
  expect(defaultSearchPaths(undefined)).toEqual(["/etc/aurae/config", "/var/lib/aurae/config"]);
});

test("expandHome leaves other users' homes alone and says when there is no home", () => {
  expect(expandHome("~user/x", "/h")).toBe("~user/x");
  expect(expandHome("a/~/x", "/h")).toBe("a/~/x");
  expect(() => expandHome("~/x", undefined)).toThrow("HOME is not set");
});
