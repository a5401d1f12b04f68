import { expect, test } from "bun:test";
import { clientFiles, clientNames, isTrustDomain, SERVER_FILES, serverNames } from "./layout.ts";

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

test("clientNames and serverNames stay within 64 characters of common name for the longest domain", () => {
  const domain = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(61)}`;
  expect(isTrustDomain(domain)).toBe(true);
  const client = clientNames(domain, { name: "n".repeat(63), role: "admin" });
  expect(client.commonName).toHaveLength(63);
  expect(client.dnsNames[0]?.length).toBeLessThanOrEqual(253);
  expect(serverNames(domain).commonName).toBe("server");
});
