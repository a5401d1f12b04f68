import { describe, expect, test } from "bun:test";
import { addressText, parseAddress } from "./address.ts";

describe("parseAddress", () => {
  test("reads an IPv6 address with a zone, as the contract writes it", () => {
    expect(parseAddress("[fe80::2%4]:8080")).toEqual({
      kind: "tcp",
      host: "fe80::2",
      zone: "4",
      port: 8080,
    });
    expect(parseAddress("[fe80::2%eth0]:8080")).toMatchObject({ zone: "eth0" });
  });

  test("reads IPv6, IPv4 and names with a port", () => {
    expect(parseAddress("[::1]:1")).toEqual({ kind: "tcp", host: "::1", port: 1 });
    expect(parseAddress("127.0.0.1:65535")).toEqual({
      kind: "tcp",
      host: "127.0.0.1",
      port: 65_535,
    });
    expect(parseAddress("a-1.example:80")).toMatchObject({ host: "a-1.example", port: 80 });
  });

  test("reads the port of a virtual machine by its monitor's socket", () => {
    const path = "/run/aurae/vms/a/vsock.sock";
    expect(parseAddress(`vsock:${path}:8080`)).toEqual({ kind: "vsock", path, port: 8080 });
    expect(parseAddress("vsock:./a:b:1")).toEqual({ kind: "vsock", path: "./a:b", port: 1 });
    // A machine may be called so, and a socket, too.
    expect(parseAddress("vsock:8080")).toMatchObject({ kind: "tcp", host: "vsock" });
    expect(parseAddress("vsock:/a")).toEqual({ kind: "unix", path: "vsock:/a" });
    expect(() => parseAddress("vsock:/a:0")).toThrow("want a port of 1 to 65535");
    expect(() => parseAddress(`vsock:${"/".padEnd(108, "x")}:1`)).toThrow("this has 108");
  });

  test("takes all else for the path of a socket", () => {
    for (const path of ["/var/run/aurae/aurae.sock", "aurae.sock", "./host:80", "/a:80", "::1"]) {
      expect(parseAddress(path)).toEqual({ kind: "unix", path });
    }
  });

  test("refuses what is almost an address", () => {
    for (const text of [
      "[::1]",
      "[::1:80",
      "[nonsense]:80",
      "[::zz]:80",
      "[::1]:0",
      "a:65536",
      "",
    ]) {
      expect(() => parseAddress(text)).toThrow("read address");
    }
  });

  test("refuses a path that does not fit a sockaddr_un, telling both lengths", () => {
    expect(parseAddress("/".padEnd(107, "x")).kind).toBe("unix");
    expect(() => parseAddress("/".padEnd(108, "x"))).toThrow("at most 107 bytes, this has 108");
  });
});

test("addressText writes what parseAddress reads", () => {
  for (const text of [
    "[fe80::2%4]:8080",
    "[::1]:80",
    "127.0.0.1:80",
    "host:80",
    "/a/b.sock",
    "vsock:/a:1",
  ]) {
    expect(addressText(parseAddress(text))).toBe(text);
  }
});
