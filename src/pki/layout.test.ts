import { expect, test } from "bun:test";
import {
  clientFiles,
  clientNames,
  guestNames,
  isTrustDomain,
  SERVER_FILES,
  serverNames,
} from "./layout.ts";

test("clientFiles and SERVER_FILES are the contract's names", () => {
  expect(clientFiles("nova")).toEqual({
    certificate: "_signed.client.nova.crt",
    key: "client.nova.key",
  });
  expect(SERVER_FILES).toEqual({ certificate: "_signed.server.crt", key: "server.key" });
});

test("serverNames has the name the original's clients ask for, in any trust domain, once", () => {
  expect(serverNames("prod.example").dnsNames).toEqual([
    "server.prod.example",
    "server.unsafe.aurae.io",
    "localhost",
  ]);
  expect(serverNames("unsafe.aurae.io").dnsNames).toEqual(["server.unsafe.aurae.io", "localhost"]);
});

test("clientNames puts the role and the name into the SPIFFE ID", () => {
  expect(clientNames("prod.example", { name: "ci", role: "reader" })).toMatchObject({
    commonName: "ci.prod.example",
    uris: ["spiffe://prod.example/role/reader/ci"],
    dnsNames: ["ci.prod.example"],
  });
});

test("guestNames has the id, the name that clients ask for, and no role", () => {
  expect(guestNames("prod.example", "Web-1", ["192.168.248.1"])).toEqual({
    commonName: "web-1.vm.prod.example",
    uris: ["spiffe://prod.example/vm/Web-1"],
    dnsNames: ["web-1.vm.prod.example", "server.unsafe.aurae.io", "localhost"],
    ipAddresses: ["127.0.0.1", "::1", "fe80::2", "192.168.248.1"],
    usage: "server",
  });
  const long = guestNames(`${"a".repeat(63)}.`.repeat(3).slice(0, 189), "i".repeat(63));
  expect(long.dnsNames).toEqual(["server.unsafe.aurae.io", "localhost"]);
  expect(long.commonName).toHaveLength(63);
});

test("clientNames and serverNames stay within 64 characters of common name for the longest domain", () => {
  const domain = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(61)}`;
  expect(isTrustDomain(domain)).toBe(true);
  const client = clientNames(domain, { name: "n".repeat(63), role: "admin" });
  expect(client.commonName).toHaveLength(63);
  expect(client.dnsNames[0]?.length).toBeLessThanOrEqual(253);
  expect(serverNames(domain).commonName).toBe("server");
});
