import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigSources, loadConfig } from "./config.ts";
import { addContext, removeContext, useContext } from "./context-store.ts";
import { chosenContext, contextName, contextNames, currentContext } from "./contexts.ts";

let home = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "aurae-contexts-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const PEM = { caCrt: "/pki/ca.crt", clientCrt: "/pki/c.crt", clientKey: "/pki/c.key" };

function load(sources: Partial<ConfigSources> = {}) {
  return loadConfig({
    home,
    searchPaths: [join(home, "config")],
    warn: () => undefined,
    ...sources,
  });
}

function add(name: string, socket: string, replace = false): string {
  const overrides = { ...PEM, socket };
  return addContext(home, name, load({ overrides, context: "default" }), replace);
}

function writeConfig(socket: string): void {
  writeFileSync(
    join(home, "config"),
    `[auth]\nca_crt = "a"\nclient_crt = "b"\nclient_key = "c"\n[system]\nsocket = "${socket}"\n`,
  );
}

describe("loadConfig with contexts", () => {
  const portOf = (sources: Partial<ConfigSources> = {}) => {
    const { address } = load(sources);
    return address.kind === "tcp" ? address.port : undefined;
  };

  test("takes the context asked for, then the environment's, then the one in use, then the search", () => {
    writeConfig("127.0.0.1:1");
    add("two", "127.0.0.1:2");
    add("three", "127.0.0.1:3");
    add("four", "127.0.0.1:4");
    expect(portOf()).toBe(1);
    useContext(home, "two");
    expect(portOf()).toBe(2);
    expect(portOf({ environmentContext: "three" })).toBe(3);
    expect(portOf({ environmentContext: "three", context: "four" })).toBe(4);
    expect(portOf({ environmentContext: "" })).toBe(2);
    expect(load().context).toBe("two");
    expect(load().source).toBe(join(home, ".aurae/contexts/two.toml"));
  });

  test("takes `default` for the search, whatever is in use", () => {
    writeConfig("127.0.0.1:1");
    add("two", "127.0.0.1:2");
    useContext(home, "two");
    expect(portOf({ context: "default" })).toBe(1);
    expect(portOf({ environmentContext: "default" })).toBe(1);
    expect(load({ context: "default" }).context).toBeUndefined();
    useContext(home, "default");
    expect(portOf()).toBe(1);
  });

  test("puts what the command line says over a context", () => {
    add("two", "127.0.0.1:2");
    expect(load({ context: "two", overrides: { socket: "/x.sock" } })).toMatchObject({
      address: { kind: "unix", path: "/x.sock" },
      paths: PEM,
      context: "two",
    });
  });

  test("names the file asked for over the environment's context, and refuses both flags", () => {
    writeConfig("127.0.0.1:1");
    const path = join(home, "config");
    expect(portOf({ path, environmentContext: "nowhere" })).toBe(1);
    expect(() => load({ path, context: "two" })).toThrow("a configuration file or a context");
  });

  test("refuses a context that is not there, by what chose it, and names those that are", () => {
    writeConfig("127.0.0.1:1");
    expect(() => load({ context: "two" })).toThrow(
      'no context "two" (asked for): there is none yet',
    );
    add("one", "127.0.0.1:1");
    expect(() => load({ environmentContext: "two" })).toThrow(
      'no context "two" (AURAE_CONTEXT): there are one; make it with "aer context add two"',
    );
    useContext(home, "one");
    rmSync(join(home, ".aurae/contexts/one.toml"));
    expect(() => load()).toThrow('no context "one" (in use)');
  });

  test("does not pass over a context that is wrong", () => {
    writeConfig("127.0.0.1:1");
    const path = add("one", "127.0.0.1:1");
    writeFileSync(path, "nonsense");
    expect(() => load({ context: "one" })).toThrow(`config "${path}": TOML`);
  });

  test("needs no home where no context is asked for", () => {
    expect(chosenContext({ home: undefined })).toBeUndefined();
    expect(() => load({ home: undefined, context: "one" })).toThrow("HOME is not set");
  });

  test("says what is wrong with the file that names the one in use", () => {
    mkdirSync(join(home, ".aurae"));
    writeFileSync(join(home, ".aurae/current-context"), "../../etc/passwd\n");
    expect(() => load()).toThrow(
      /^read the context in use, ".*current-context": context ".*aer context use/,
    );
  });
});

test.each(["", "..", "a/b", ".a", "-a", "a b", "a\n", "ä", "a".repeat(64)])(
  "contextName refuses %j",
  (name) => {
    expect(() => contextName(name)).toThrow("a name has 1 to 63 letters");
  },
);

describe("the store of contexts", () => {
  test("writes for the user alone, with absolute paths, and leaves nothing half-made", () => {
    const overrides = { ...PEM, caCrt: "relative.crt", socket: 'a"b.sock' };
    const path = addContext(home, "one", load({ overrides }), false);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, ".aurae/contexts")).mode & 0o777).toBe(0o700);
    expect(load({ context: "one" })).toMatchObject({
      paths: { ...PEM, caCrt: join(process.cwd(), "relative.crt") },
      address: { kind: "unix", path: join(process.cwd(), 'a"b.sock') },
    });
    expect(readdirSync(join(home, ".aurae/contexts"))).toEqual(["one.toml"]);
  });

  test("overwrites nothing unless asked", () => {
    const path = add("one", "127.0.0.1:1");
    const before = readFileSync(path, "utf8");
    expect(() => add("one", "127.0.0.1:2")).toThrow('context "one" exists already');
    expect(readFileSync(path, "utf8")).toBe(before);
    add("one", "127.0.0.1:2", true);
    expect(readFileSync(path, "utf8")).toContain("127.0.0.1:2");
    expect(readdirSync(join(home, ".aurae/contexts"))).toEqual(["one.toml"]);
  });

  test("removes one in use only when asked, and then none is", () => {
    add("one", "127.0.0.1:1");
    useContext(home, "one");
    expect(() => removeContext(home, "one", false)).toThrow('context "one" is in use');
    removeContext(home, "one", true);
    expect(contextNames(home)).toEqual([]);
    expect(currentContext(home)).toBeUndefined();
    expect(() => removeContext(home, "one", true)).toThrow('no context "one"');
  });

  test("keeps the name `default` for the search, and refuses to use what is not there", () => {
    expect(() => add("default", "127.0.0.1:1")).toThrow("take another name");
    expect(() => removeContext(home, "default", true)).toThrow("take another name");
    expect(() => useContext(home, "nowhere")).toThrow('no context "nowhere"');
    expect(currentContext(home)).toBeUndefined();
  });
});
