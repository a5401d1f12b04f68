import { describe, expect, test } from "bun:test";
import {
  addressFromSocket,
  type DaemonConfig,
  listenAddresses,
  parseDaemonArgs,
} from "./config.ts";

function config(...args: string[]): DaemonConfig {
  const command = parseDaemonArgs(args);
  if (command.kind !== "run") {
    throw new Error(command.kind);
  }
  return command.config;
}

describe("parseDaemonArgs", () => {
  test("has the original's defaults", () => {
    expect(config()).toEqual({
      serverCrt: "/etc/aurae/pki/_signed.server.crt",
      serverKey: "/etc/aurae/pki/server.key",
      caCrt: "/etc/aurae/pki/ca.crt",
      vmCa: undefined,
      sockets: [],
      runtimeDir: "/var/run/aurae",
      libraryDir: "/var/lib/aurae",
      policy: { path: "/etc/aurae/policy.toml", required: false },
      verbose: false,
      nested: false,
      pid1: false,
    });
  });

  test("takes the short forms, the hidden alias, and --socket more than once", () => {
    const it = config("-s", "/a", "--socket", "127.0.0.1:1", "-r", "/r", "-l", "/l", "--ritz");
    expect(it).toMatchObject({
      sockets: [
        { kind: "unix", path: "/a" },
        { kind: "tcp", host: "127.0.0.1", port: 1 },
      ],
      runtimeDir: "/r",
      libraryDir: "/l",
      verbose: true,
    });
  });

  test.each([
    ["--nope"],
    ["extra"],
    ["--socket"],
    ["--verbose=1"],
    ["--socket="],
    ["-s127.0.0.1:99999"],
  ])("refuses %s", (arg) => {
    expect(() => parseDaemonArgs([arg])).toThrow();
  });
});

describe("addressFromSocket", () => {
  test.each([
    ["127.0.0.1:8080", { kind: "tcp", host: "127.0.0.1", port: 8080 }],
    ["[::1]:0", { kind: "tcp", host: "::1", port: 0 }],
    ["[fe80::2%eth0]:8080", { kind: "tcp", host: "fe80::2%eth0", port: 8080 }],
    ["/run/a.sock", { kind: "unix", path: "/run/a.sock" }],
    ["./localhost:1", { kind: "unix", path: "./localhost:1" }],
    ["a.sock", { kind: "unix", path: "a.sock" }],
    ["a:b", { kind: "unix", path: "a:b" }],
  ] as const)("reads %s", (text, address) => {
    expect(addressFromSocket(text)).toEqual(address);
  });

  test("refuses a port beyond 65535, an empty value, and a path that no socket can have", () => {
    expect(() => addressFromSocket("127.0.0.1:65536")).toThrow("no such port");
    expect(() => addressFromSocket("")).toThrow("--socket");
    expect(() => addressFromSocket(`/${"a".repeat(106)}`)).not.toThrow();
    expect(() => addressFromSocket(`/${"é".repeat(54)}`)).toThrow("109 bytes");
  });

  test.each(["localhost:8080", "*:8080", ":8080", "::1:8080", "[localhost]:1", "[::1]", "1.2.3:4"])(
    "refuses %s, which nobody means as a path",
    (text) => {
      expect(() => addressFromSocket(text)).toThrow(
        `--socket "${text}": give IP:PORT, such as 127.0.0.1:8080 or [::]:8080, or ./${text} for a socket of that name`,
      );
    },
  );
});

test("parseDaemonArgs takes a CA for virtual machines whole, or none", () => {
  const both = ["--vm-ca-crt", "/vm/ca.crt", "--vm-ca-key", "/vm/ca.key"];
  expect(config(...both).vmCa).toEqual({ certificate: "/vm/ca.crt", key: "/vm/ca.key" });
  for (const half of [both.slice(0, 2), both.slice(2)]) {
    expect(() => config(...half)).toThrow("--vm-ca-crt and --vm-ca-key go together");
  }
});

describe("listenAddresses", () => {
  test("is TCP on all addresses as PID 1, and a socket in the runtime directory otherwise", () => {
    const everywhere = { kind: "tcp", host: "::", port: 8080 } as const;
    expect(listenAddresses(config(), true, false)).toEqual([everywhere]);
    expect(listenAddresses(config("-r", "/r"), false, true)).toEqual([
      { kind: "unix", path: "/r/aurae.sock" },
    ]);
  });

  test("is vsock, too, as PID 1 of a machine that has it, wherever else it is told to listen", () => {
    const relay = {
      kind: "relay",
      path: "/run/aurae/vsock.sock",
      from: "vsock port 8080",
    } as const;
    expect(listenAddresses(config(), true, true).at(-1)).toEqual(relay);
    const told = { kind: "unix", path: "/a" } as const;
    expect(listenAddresses(config("-s", "/a"), true, true)).toEqual([told, relay]);
    expect(listenAddresses(config("-s", "/a"), false, true)).toEqual([told]);
  });
});
