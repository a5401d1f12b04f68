import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuraeError } from "../base/errors.ts";
import { type Authority, createAuthority, issueCertificate } from "../pki/authority.ts";
import { loadTlsFiles } from "./tls-files.ts";
import type { TlsFilePaths } from "./tls-remedies.ts";

let root = "";
let dir = "";
let authority: Authority;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "auraed-tls-files-"));
});
afterAll(() => rmSync(root, { recursive: true }));

beforeEach(async () => {
  dir = mkdtempSync(join(root, "pki-"));
  authority = await createAuthority({ trustDomain: "td.example", commonName: "td.example" });
  put("ca.crt", authority.certificatePem);
  put("ca.key", authority.keyPem);
  await putServer();
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(name: string, text: string): void {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
}

async function putServer(dates: { notBefore?: Date; notAfter?: Date } = {}, from = authority) {
  const uris = ["spiffe://td.example/auraed"];
  const server = await issueCertificate(from, { commonName: "s", uris, usage: "server", ...dates });
  put("_signed.server.crt", server.certificatePem);
  put("server.key", server.keyPem);
}

function load(now?: Date, paths: Partial<TlsFilePaths> = {}) {
  return loadTlsFiles(
    {
      caCrt: join(dir, "ca.crt"),
      serverCrt: join(dir, "_signed.server.crt"),
      serverKey: join(dir, "server.key"),
      ...paths,
      // The daemon hands in its whole configuration.
      ...{ sockets: [], verbose: false },
    },
    now,
  );
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { cwd: dir, encoding: "utf8" });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
}

/** The message, after checking what all of them have in common. */
function failure(now?: Date, paths?: Partial<TlsFilePaths>): string {
  try {
    load(now, paths);
  } catch (error) {
    expect(error).toBeInstanceOf(AuraeError);
    const { kind, message } = error as AuraeError;
    expect(kind).toBe("failed_precondition");
    expect(message).not.toMatch(/[\0-\x1f\x7f]/);
    return message;
  }
  throw new Error("loadTlsFiles did not throw");
}

const daysFromNow = (days: number) => new Date(Date.now() + days * 86_400_000);

describe("loadTlsFiles", () => {
  test("gives the three files and the trust domain of the server's SPIFFE ID", () => {
    expect(load()).toEqual({
      caPem: authority.certificatePem,
      certificatePem: readFileSync(join(dir, "_signed.server.crt"), "utf8"),
      keyPem: readFileSync(join(dir, "server.key"), "utf8"),
      trustDomain: "td.example",
      warnings: [],
    });
  });

  test("accepts the original's RSA-4096 certificates, without names and purposes", () => {
    const dn = "/C=IS/ST=aurae/L=aurae/O=Aurae/OU=Runtime/CN=";
    const rsa = ["-newkey", "rsa:4096", "-nodes", "-days", "9999"];
    openssl("req", "-x509", ...rsa, "-keyout", "ca.key", "-out", "ca.crt", "-subj", `${dn}ca`);
    openssl("req", ...rsa.slice(0, 3), "-keyout", "server.key", "-out", "csr", "-subj", `${dn}s`);
    const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "9999"];
    openssl("x509", "-req", "-in", "csr", ...sign, "-out", "_signed.server.crt");
    const loaded = load();
    expect(loaded.warnings).toEqual([]);
    expect(loaded).not.toHaveProperty("trustDomain");
  }, 30_000);

  test.each([
    [
      "SEC1 with its parameters",
      ["ecparam", "-out", "server.key", "-name", "prime256v1", "-genkey"],
    ],
    ["PKCS#1", ["genrsa", "-out", "server.key", "-traditional", "2048"]],
  ])("accepts a key in the form of %s", (_, generate) => {
    put("ca.key", authority.keyPem);
    openssl(...generate);
    openssl("req", "-new", "-key", "server.key", "-subj", "/CN=s", "-out", "csr");
    const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "90"];
    openssl("x509", "-req", "-in", "csr", ...sign, "-out", "_signed.server.crt");
    chmodSync(join(dir, "server.key"), 0o600);
    expect(load().warnings).toEqual([]);
  });

  test("finds the CA among several, and beyond an intermediate in the server's file", async () => {
    const other = await createAuthority({ trustDomain: "other", commonName: "other" });
    put("ca.crt", `# two of them\n${other.certificatePem}${authority.certificatePem}`);
    expect(load().trustDomain).toBe("td.example");

    openssl(
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "mid.key",
      "-out",
      "mid.csr",
      "-subj",
      "/CN=mid",
    );
    put("root.crt", authority.certificatePem);
    put("root.key", authority.keyPem);
    put("ext", "basicConstraints=critical,CA:TRUE\n");
    const sign = ["-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial", "-days", "90"];
    openssl("x509", "-req", "-in", "mid.csr", ...sign, "-extfile", "ext", "-out", "mid.crt");
    const mid = {
      certificatePem: readFileSync(join(dir, "mid.crt"), "utf8"),
      keyPem: readFileSync(join(dir, "mid.key"), "utf8"),
      trustDomain: "td.example",
    };
    await putServer({}, mid);
    expect(failure()).toContain("is not signed by the CA");
    const leaf = readFileSync(join(dir, "_signed.server.crt"), "utf8");
    put("_signed.server.crt", `${leaf}${mid.certificatePem}`);
    expect(load().certificatePem).toContain(mid.certificatePem);
  });

  test("warns of a key that every user can read", () => {
    chmodSync(join(dir, "server.key"), 0o644);
    expect(load().warnings).toEqual([
      `every user of this machine can get at the private key "${join(dir, "server.key")}": take that away with: chmod 600 ${join(dir, "server.key")}`,
    ]);
  });

  test("warns thirty days before the end, of short-lived certificates in their last third", async () => {
    await putServer({ notAfter: daysFromNow(20), notBefore: daysFromNow(-300) });
    expect(load().warnings[0]).toContain(`"${join(dir, "_signed.server.crt")}" expires on `);
    await putServer({ notAfter: daysFromNow(20), notBefore: daysFromNow(-1) });
    expect(load().warnings).toEqual([]);
  });
});

describe("loadTlsFiles names the file and the remedy for", () => {
  const missing = (name: string) =>
    `Aurae requires a signed TLS certificate to run as a server, but failed to load: '${join(dir, name)}': no such file; `;

  test.each([
    ["_signed.server.crt", "server.key"],
    ["server.key", "_signed.server.crt"],
  ])("a missing %s", (name, other) => {
    rmSync(join(dir, name));
    expect(failure()).toBe(
      `${missing(name)}restore it, or remove "${join(dir, other)}" and run: auraed pki --dir ${dir}`,
    );
    rmSync(join(dir, other));
    expect(failure()).toBe(
      `${missing("_signed.server.crt")}make the missing ones with: auraed pki --dir ${dir}`,
    );
  });

  test("a missing CA, or all three", () => {
    rmSync(join(dir, "ca.crt"));
    expect(failure()).toBe(
      `${missing("ca.crt")}restore it, or start over with: auraed pki --force --dir ${dir}`,
    );
    rmSync(dir, { recursive: true });
    expect(failure()).toBe(
      `${missing("ca.crt")}make the missing ones with: auraed pki --dir ${dir}`,
    );
    mkdirSync(dir);
  });

  test.each(["ca.crt", "_signed.server.crt", "server.key"])("an unreadable %s", (name) => {
    const path = join(dir, name);
    rmSync(path);
    symlinkSync(name, path);
    expect(failure()).toMatch(new RegExp(`^can't read "${path}": ELOOP.*; make it a file that`));
    rmSync(path);
    mkdirSync(path);
    expect(failure()).toBe(
      `can't read "${path}": it is not a regular file; make it a file that the user of auraed may read`,
    );
  });

  test("a FIFO, without waiting for its writer", () => {
    rmSync(join(dir, "server.key"));
    expect(spawnSync("mkfifo", [join(dir, "server.key")]).status).toBe(0);
    expect(failure()).toContain("it is not a regular file");
  });

  test("a file without end", () => {
    writeFileSync(join(dir, "_signed.server.crt"), "x".repeat(1024 * 1024 + 1));
    expect(failure()).toContain("it has 1048577 bytes, 1048576 at most");
  });

  test.each(["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])(
    "certificates that are not PEM: %j",
    (text) => {
      for (const name of ["_signed.server.crt", "ca.crt"]) {
        put(name, text);
        expect(failure()).toContain(`"${join(dir, name)}" holds no valid certificate in PEM form`);
      }
    },
  );

  test("a key that is not PEM, or encrypted", () => {
    cpSync(join(dir, "_signed.server.crt"), join(dir, "server.key"));
    expect(failure()).toBe(
      `"${join(dir, "server.key")}" holds no valid private key in PEM form: restore it, or remove "${join(dir, "_signed.server.crt")}" and "${join(dir, "server.key")}" and run: auraed pki --dir ${dir}`,
    );
    openssl("genrsa", "-aes256", "-passout", "pass:secret", "-out", "server.key", "2048");
    expect(failure()).toContain(`the key "${join(dir, "server.key")}" is encrypted`);
  });

  test("an expired server certificate", async () => {
    await putServer({ notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") });
    expect(failure()).toBe(
      `the certificate "${join(dir, "_signed.server.crt")}" has expired on 2021-01-01T00:00:00Z: renew it, or remove "${join(dir, "_signed.server.crt")}" and "${join(dir, "server.key")}" and run: auraed pki --dir ${dir}`,
    );
  });

  test("an expired CA", async () => {
    const dates = { notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") };
    const old = await createAuthority({ trustDomain: "t", commonName: "t", ...dates });
    put("ca.crt", old.certificatePem);
    await putServer({ notAfter: daysFromNow(1) }, old);
    expect(failure()).toBe(
      `the certificate "${join(dir, "ca.crt")}" has expired on 2021-01-01T00:00:00Z: renew it, or start over with: auraed pki --force --dir ${dir}`,
    );
  });

  test("a clock before the certificate's time", () => {
    expect(failure(new Date(0))).toMatch(
      /server\.crt" is not valid before \d{4}-.*Z, and now it is 1970-01-01T00:00:00Z: set the clock/,
    );
  });

  test("a certificate of another CA of the same name", async () => {
    const other = await createAuthority({ trustDomain: "td.example", commonName: "td.example" });
    await putServer({}, other);
    expect(failure()).toStartWith(
      `the certificate "${join(dir, "_signed.server.crt")}" is not signed by the CA "${join(dir, "ca.crt")}": name the CA that signed it with --ca-crt`,
    );
  });

  test("the same in certificates that name no key identifiers, where only the signature tells", async () => {
    put("ca.key", authority.keyPem);
    put("csr.key", authority.keyPem);
    openssl("req", "-new", "-key", "csr.key", "-subj", "/CN=s", "-out", "csr");
    const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "90"];
    openssl("x509", "-req", "-in", "csr", ...sign, "-out", "_signed.server.crt");
    put("server.key", authority.keyPem);
    expect(load().warnings).toEqual([]);
    const other = await createAuthority({ trustDomain: "td.example", commonName: "td.example" });
    put("ca.crt", other.certificatePem);
    expect(failure()).toContain("is not signed by the CA");
  });

  test("a key of another certificate", () => {
    put("server.key", authority.keyPem);
    const fault = `the key "${join(dir, "server.key")}" does not belong to the certificate "${join(dir, "_signed.server.crt")}": name the two files of one pair with --server-key and --server-crt`;
    expect(failure()).toBe(
      `${fault}, or remove "${join(dir, "_signed.server.crt")}" and "${join(dir, "server.key")}" and run: auraed pki --dir ${dir}`,
    );
    rmSync(join(dir, "ca.key"));
    expect(failure()).toBe(
      `${fault}, or put a new pair there, issued where the key of the CA "${join(dir, "ca.crt")}" is`,
    );
  });
});

/** There `auraed pki` would make files that nobody reads, or fail after a healthy file was removed. */
describe("loadTlsFiles advises no auraed pki where the files are not the three of one of its folders", () => {
  let other = "";
  const fit = (paths: Partial<TlsFilePaths>) =>
    `so that "${paths.serverKey ?? join(dir, "server.key")}" is the key of "${paths.serverCrt ?? join(dir, "_signed.server.crt")}" and "${paths.caCrt ?? join(dir, "ca.crt")}" the CA that signed it`;

  beforeEach(() => {
    other = join(dir, "other");
    mkdirSync(other);
  });

  test("for a key of another certificate", () => {
    for (const serverKey of [join(other, "server.key"), join(dir, "my.key")]) {
      writeFileSync(serverKey, authority.keyPem, { mode: 0o600 });
      expect(failure(undefined, { serverKey })).toBe(
        `the key "${serverKey}" does not belong to the certificate "${join(dir, "_signed.server.crt")}": name the two files of one pair with --server-key and --server-crt`,
      );
    }
  });

  test("for a certificate of another CA", async () => {
    const caCrt = join(other, "ca.crt");
    const stranger = await createAuthority({ trustDomain: "td.example", commonName: "x" });
    writeFileSync(caCrt, stranger.certificatePem);
    expect(failure(undefined, { caCrt })).toBe(
      `the certificate "${join(dir, "_signed.server.crt")}" is not signed by the CA "${caCrt}": name the CA that signed it with --ca-crt`,
    );
  });

  test("for a missing file, and one that is no good", () => {
    const serverKey = join(other, "server.key");
    expect(failure(undefined, { serverKey })).toEndWith(
      `: no such file; put one there ${fit({ serverKey })}, or name another with --server-key`,
    );
    writeFileSync(serverKey, "rubbish");
    expect(failure(undefined, { serverKey })).toBe(
      `"${serverKey}" holds no valid private key in PEM form: restore it, or replace it ${fit({ serverKey })}`,
    );
    const caCrt = join(dir, "root.crt");
    expect(failure(undefined, { caCrt })).toEndWith(
      `: no such file; put one there ${fit({ caCrt })}, or name another with --ca-crt`,
    );
  });

  test("for a certificate that has expired", async () => {
    await putServer({ notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") });
    cpSync(join(dir, "server.key"), join(other, "server.key"));
    const serverKey = join(other, "server.key");
    expect(failure(undefined, { serverKey })).toEndWith(
      `: renew it, or replace it ${fit({ serverKey })}`,
    );
  });
});
