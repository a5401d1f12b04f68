/** Who may call what, from the certificate or the socket to the answer. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { certificateNames } from "../../src/authz/certificate.ts";
import { parseGrants } from "../../src/authz/grants.ts";
import type { Principal } from "../../src/authz/identity.ts";
import { principalKey } from "../../src/authz/principal-key.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";
import { ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { ServerReflection } from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { type Fixture, type Pair, startFixture } from "./server-fixture.ts";

const LIST = "aurae.cells.v0.CellService/List";
const FREE = "aurae.cells.v0.CellService/Free";
const DISCOVER = "aurae.discovery.v0.DiscoveryService/Discover";

let fixture: Fixture;
let seen: Principal[] = [];
let peerIdentity: number | undefined;
beforeAll(async () => {
  fixture = await startFixture({
    peerUid: () => peerIdentity,
    grants: parseGrants(
      `[[grant]]
       principal = "spiffe://test.local/ci/*"
       role = "reader"
       [[grant]]
       principal = "dns:builder.test"
       role = "admin"
       [[grant]]
       principal = "cn:nova.unsafe.aurae.io"
       role = "admin"
       [[grant]]
       principal = "uid:1000"
       role = "reader"`,
      "policy.toml",
    ),
    cells: {
      list(_request, context) {
        seen.push(context.values.get(principalKey));
        return {};
      },
      free: () => ({}),
    },
  });
});
afterAll(() => fixture[Symbol.asyncDispose]());

async function mayCall(pair: Pair, path: string, unix = false): Promise<boolean> {
  const { stdout, exitCode, stderr } = await fixture.curl([
    ...fixture.as(pair),
    ...(unix ? ["--unix-socket", fixture.socketPath] : []),
    ...fixture.resolve,
    ...["-H", "content-type: application/json", "-d", path === FREE ? '{"cell_name":"a"}' : "{}"],
    ...["-o", "/dev/null", "-w", "%{http_code}", fixture.url(path)],
  ]);
  expect(`${exitCode} ${stderr}`).toBe("0 ");
  expect(["200", "403"]).toContain(stdout);
  return stdout === "200";
}

async function access(options: Parameters<Fixture["pair"]>[0], unix = false): Promise<string> {
  const pair = await fixture.pair(options);
  const answers = [];
  for (const [name, path] of Object.entries({ any: DISCOVER, read: LIST, write: FREE })) {
    if (await mayCall(pair, path, unix)) {
      answers.push(name);
    }
  }
  return answers.join(" ");
}

describe("certificateNames", () => {
  test("reads the names of a real certificate", async () => {
    const leaf = await fixture.pair({
      commonName: "somebody",
      dnsNames: ["a.test", "b.test"],
      uris: ["spiffe://test.local/a"],
    });
    expect(certificateNames(new X509Certificate(leaf.certificatePem).raw)).toEqual({
      commonName: "somebody",
      dnsNames: ["a.test", "b.test"],
      uris: ["spiffe://test.local/a"],
      isAuthority: false,
    });
    const authority = new X509Certificate(fixture.authority.certificatePem).raw;
    expect(certificateNames(authority).isAuthority).toBe(true);
  });
});

describe("a peer over TCP", () => {
  test("has the role in its SPIFFE ID, in the daemon's own trust domain only", async () => {
    const spiffe = (...uris: string[]) => access({ uris });
    expect(await spiffe("spiffe://test.local/role/admin/a")).toBe("any read write");
    expect(await spiffe("spiffe://test.local/role/reader/a/b")).toBe("any read");
    expect(await spiffe("spiffe://test.local/role/admin")).toBe("any");
    expect(await spiffe("spiffe://test.local/role/root/a")).toBe("any");
    expect(await spiffe("spiffe://test.local/x/role/admin/a")).toBe("any");
    expect(await spiffe("spiffe://other.local/role/admin/a")).toBe("any");
    expect(await spiffe("spiffe://test.local/role/admin/a?b")).toBe("any");
    expect(await spiffe("spiffe://test.local/role/admin/a", "https://x/")).toBe("any");
  });

  test("has what the policy grants its SPIFFE ID, DNS name or common name", async () => {
    expect(await access({ uris: ["spiffe://test.local/ci/job/7"] })).toBe("any read");
    expect(await access({ uris: ["spiffe://test.local/cii/job"] })).toBe("any");
    expect(await access({ dnsNames: ["BUILDER.test"] })).toBe("any read write");
    expect(await access({ dnsNames: ["x.builder.test"] })).toBe("any");
    expect(await access({ commonName: "nova.unsafe.aurae.io" })).toBe("any read write");
    expect(await access({ commonName: "x nova.unsafe.aurae.io" })).toBe("any");
  });

  test("does not get a role by the names inside its names", async () => {
    // As one string these would read "DNS:a, URI:spiffe://test.local/role/admin/x" (CVE-2021-44532).
    expect(await access({ commonName: "a, URI:spiffe://test.local/role/admin/x" })).toBe("any");
    expect(await access({ uris: ["https://a/, URI:spiffe://test.local/role/admin/x"] })).toBe(
      "any",
    );
  });
});

describe("a peer over the Unix socket", () => {
  test("is admin as root, has its user id's grants, and nothing by being local", async () => {
    peerIdentity = 0;
    expect(await access({ commonName: "somebody" }, true)).toBe("any read write");
    peerIdentity = 1000;
    expect(await access({ commonName: "somebody" }, true)).toBe("any read");
    peerIdentity = 1001;
    expect(await access({ commonName: "somebody" }, true)).toBe("any");
    peerIdentity = undefined;
    expect(await access({ commonName: "somebody" }, true)).toBe("any");
    peerIdentity = 0;
    expect(await access({ commonName: "somebody" })).toBe("any");
    peerIdentity = undefined;
  });

  test("is known by the user id that the kernel tells", async () => {
    const uids: (number | undefined)[] = [];
    await using own = await startFixture({
      cells: {
        list(_request, context) {
          uids.push(context.values.get(principalKey).uid);
          return {};
        },
      },
    });
    for (const version of ["--http1.1", "--http2"]) {
      await own.post(LIST, "{}", version, "--unix-socket", own.socketPath);
      await own.post(LIST, "{}", version);
    }
    const uid = process.getuid?.();
    expect(uids).toEqual([uid, undefined, uid, undefined]);
  });
});

describe("a relay's socket", () => {
  test("says nothing of who is behind the relay: no user id, and not that it is on this machine", async () => {
    const seen: Principal[] = [];
    await using own = await startFixture({
      peerUid: () => 0,
      cells: {
        list(_request, context) {
          seen.push(context.values.get(principalKey));
          return {};
        },
      },
    });
    expect(statSync(own.relayPath).mode & 0o777).toBe(0o666);
    for (const version of ["--http1.1", "--http2"]) {
      await own.post(LIST, "{}", version, "--unix-socket", own.relayPath);
    }
    const name = "spiffe://test.local/role/admin/test";
    expect(seen).toEqual([
      expect.objectContaining({ name, isLocal: false }),
      expect.objectContaining({ name, isLocal: false }),
    ]);
    expect(seen.some((principal) => "uid" in principal)).toBe(false);
    const boot = await own.pair({
      commonName: "boot",
      uris: ["spiffe://test.local/role/boot/boot"],
    });
    const { stdout } = await own.curl([
      ...[...own.as(boot), ...own.resolve, "--unix-socket", own.relayPath],
      ...["--json", "{}", own.url(LIST)],
    ]);
    expect(stdout).toContain("permission_denied");
  });
});

describe("the role boot", () => {
  const BOOT = { commonName: "boot", uris: ["spiffe://test.local/role/boot/boot"] };

  test("counts on a Unix socket and from an address of the machine's own, over both versions of HTTP", async () => {
    const isLocal: (boolean | undefined)[] = [];
    await using own = await startFixture({
      peerUid: () => 1234,
      cells: {
        list(_request, context) {
          isLocal.push(context.values.get(principalKey).isLocal);
          return {};
        },
      },
    });
    const boot = await own.pair(BOOT);
    for (const version of ["--http1.1", "--http2"]) {
      for (const way of [[], ["--unix-socket", own.socketPath]]) {
        const { stdout } = await own.curl([
          ...[...own.as(boot), ...own.resolve, ...way, version],
          ...["--json", "{}", own.url(LIST)],
        ]);
        expect(stdout).toBe("{}");
      }
    }
    expect(isLocal).toEqual([true, true, true, true]);
  });

  test("runs cells, and may not call what switches the machine off", async () => {
    const boot = await fixture.pair(BOOT);
    peerIdentity = 1234;
    expect(await mayCall(boot, FREE)).toBe(true);
    expect(await mayCall(boot, LIST, true)).toBe(true);
    expect(await mayCall(boot, "aurae.machine.v0.MachineService/PowerOff")).toBe(false);
    expect(await mayCall(boot, "aurae.machine.v0.MachineService/Reboot", true)).toBe(false);
    peerIdentity = undefined;
  });
});

describe("the principal", () => {
  test("is made once a connection and handed to the handler", async () => {
    seen = [];
    const transport = createConnectTransport({
      ...{ baseUrl: fixture.baseUrl, httpVersion: "2" },
      nodeOptions: fixture.clientTls(),
    });
    const cells = createClient(CellService, transport);
    await cells.list({});
    await cells.list({});
    expect(seen[0]?.name).toBe("spiffe://test.local/role/admin/test");
    expect(seen[0]?.spiffeId?.segments).toEqual(["role", "admin", "test"]);
    expect(seen[1]).toBe(seen[0]!);
  });

  test("that can't be found out closes the connection", async () => {
    await using own = await startFixture({
      options: {
        identify() {
          throw new Error("no identity");
        },
      },
    });
    for (const alpn of ["h2", "http/1.1"] as const) {
      const peer = await own.rawTls(alpn);
      peer.send(`POST /${DISCOVER} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`);
      await peer.closed;
      expect(peer.text).not.toContain("HTTP/1.1");
    }
  });
});

describe("a refusal", () => {
  function transports(pair: Pair): [string, Transport][] {
    const { baseUrl } = fixture;
    const nodeOptions = fixture.clientTls(pair);
    return [
      ["Connect", createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions })],
      ["gRPC", createGrpcTransport({ baseUrl, nodeOptions })],
      ["gRPC-Web", createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions })],
    ];
  }

  test("is PERMISSION_DENIED and names the principal, the method and the role", async () => {
    for (const [name, transport] of transports(fixture.reader)) {
      const error = await createClient(CellService, transport)
        .free({ cellName: ".." })
        .catch(ConnectError.from);
      // Authorization comes before validation: the name is bad too.
      expect(`${name} ${(error as ConnectError).code}`).toBe(`${name} ${Code.PermissionDenied}`);
      expect((error as ConnectError).rawMessage).toBe(
        `"spiffe://test.local/role/reader/test" may not call ${FREE}: it takes the role "admin" or "boot"`,
      );
    }
  });

  test("reaches streams as well, before they read anything", async () => {
    const nobody = await fixture.pair({ commonName: "nobody" });
    for (const [name, transport] of transports(nobody)) {
      const stream = createClient(ObserveService, transport).getAuraeDaemonLogStream({});
      const error = await Array.fromAsync(stream).catch(ConnectError.from);
      expect(`${name} ${(error as ConnectError).code}`).toBe(`${name} ${Code.PermissionDenied}`);
      expect((await createClient(DiscoveryService, transport).discover({})).healthy).toBe(true);
    }
    const grpc = createGrpcTransport({
      baseUrl: fixture.baseUrl,
      nodeOptions: fixture.clientTls(nobody),
    });
    async function* ask() {
      yield { messageRequest: { case: "listServices", value: "" } as const };
    }
    const answers = await Array.fromAsync(
      createClient(ServerReflection, grpc).serverReflectionInfo(ask()),
    );
    expect(answers.length).toBe(1);
  });

  test("does not wait for the body", async () => {
    for (const alpn of ["http/1.1"] as const) {
      const peer = await fixture.rawTls(alpn, fixture.reader);
      peer.send(
        `POST /${FREE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{`,
      );
      const text = await peer.until((received) => received.includes("}"));
      expect(text).toStartWith("HTTP/1.1 403 ");
      await peer.closed;
    }
  });
});
