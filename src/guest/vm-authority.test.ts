import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuraeError } from "../base/errors.ts";
import { createAuthority, issueCertificate } from "../pki/authority.ts";
import { loadVmAuthority } from "./vm-authority.ts";

const root = mkdtempSync(join(tmpdir(), "auraed-vm-authority-"));
const certificate = join(root, "vm-ca.crt");
const key = join(root, "vm-ca.key");
const DAY_MS = 86_400_000;

afterAll(() => rmSync(root, { recursive: true }));

const ours = await createAuthority({ trustDomain: "td.example", commonName: "VMs" });
const another = await createAuthority({ trustDomain: "td.example", commonName: "others" });

/** A root that may have CAs under it, and one of these, by openssl: `auraed pki` makes none. */
function makeIntermediate(): { rootPem: string; pem: string; keyPem: string } {
  const home = join(root, "openssl");
  mkdirSync(home);
  const openssl = (...args: string[]) => {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: home });
    expect(`${exitCode} ${exitCode === 0 ? "" : stderr.toString()}`).toBe("0 ");
  };
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(
    join(home, "ca.ext"),
    "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign\n",
  );
  openssl(
    "req",
    "-x509",
    ...ec,
    "-keyout",
    "r.key",
    "-out",
    "r.crt",
    "-days",
    "90",
    "-subj",
    "/CN=root",
  );
  openssl("req", ...ec, "-keyout", "i.key", "-out", "i.csr", "-subj", "/CN=guests");
  openssl(
    ...["x509", "-req", "-in", "i.csr", "-CA", "r.crt", "-CAkey", "r.key", "-CAcreateserial"],
    ...["-days", "60", "-extfile", "ca.ext", "-out", "i.crt"],
  );
  const read = (name: string) => readFileSync(join(home, name), "utf8");
  return { rootPem: read("r.crt"), pem: read("i.crt"), keyPem: read("i.key") };
}

let intermediate: ReturnType<typeof makeIntermediate>;
beforeAll(() => {
  intermediate = makeIntermediate();
});

beforeEach(() => {
  writeFileSync(certificate, ours.certificatePem);
  writeFileSync(key, ours.keyPem, { mode: 0o600 });
  chmodSync(key, 0o600);
});

const load = (now?: Date, clientCaPem = another.certificatePem) =>
  loadVmAuthority({ certificate, key }, { trustDomain: "td.example", clientCaPem }, now);

function faultOf(now?: Date): string {
  try {
    load(now);
    return "none";
  } catch (error) {
    expect(error).toBeInstanceOf(AuraeError);
    expect((error as AuraeError).kind).toBe("failed_precondition");
    return (error as AuraeError).message;
  }
}

describe("loadVmAuthority", () => {
  test("takes a root, with nothing to stand after a leaf", () => {
    const { authority, chainPem, warnings, notAfter } = load();
    expect(chainPem).toBe("");
    expect(warnings).toEqual([]);
    expect(authority.trustDomain).toBe("td.example");
    expect(notAfter).toEqual(new X509Certificate(ours.certificatePem).validToDate);
  });

  test("takes an intermediate, which goes along with a leaf, and ends with what is above it", async () => {
    writeFileSync(certificate, intermediate.pem + intermediate.rootPem);
    writeFileSync(key, intermediate.keyPem);
    const { authority, chainPem, notAfter } = load();
    const above = new X509Certificate(intermediate.pem);
    expect(new X509Certificate(chainPem).fingerprint256).toBe(above.fingerprint256);
    expect(chainPem.match(/BEGIN/g)).toHaveLength(1);
    expect(notAfter).toEqual(above.validToDate);
    const leaf = await issueCertificate(authority, { commonName: "a", usage: "server", notAfter });
    expect(new X509Certificate(leaf.certificatePem).verify(above.publicKey)).toBe(true);
  });

  test("has guests know its root besides the clients' CA, unless that is the same, or above it", () => {
    const fingerprints = (pem: string) =>
      (pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(
        (each) => new X509Certificate(each).fingerprint256,
      );
    const both = another.certificatePem + ours.certificatePem;
    expect(fingerprints(load().caPem)).toEqual(fingerprints(both));
    expect(fingerprints(load(undefined, both).caPem)).toEqual(fingerprints(both));
    writeFileSync(certificate, intermediate.pem);
    writeFileSync(key, intermediate.keyPem);
    const { rootPem } = intermediate;
    expect(fingerprints(load(undefined, rootPem).caPem)).toEqual(fingerprints(rootPem));
  });

  test("names guests in its own trust domain where the daemon's certificate has none", () => {
    const context = { trustDomain: undefined, clientCaPem: another.certificatePem };
    const { authority } = loadVmAuthority({ certificate, key }, context);
    expect(authority.trustDomain).toBe("td.example");
    writeFileSync(certificate, intermediate.pem);
    writeFileSync(key, intermediate.keyPem);
    expect(loadVmAuthority({ certificate, key }, context).authority.trustDomain).toBe("guests");
  });

  test("warns of a key that others can read", () => {
    chmodSync(key, 0o640);
    expect(load().warnings).toEqual([expect.stringContaining(`chmod 600 ${key}`) as string]);
  });

  test.each([
    ["a file that is missing", () => rmSync(certificate), '"auraed pki --dir DIR"'],
    ["a key that is missing", () => rmSync(key), "--vm-ca-key"],
    ["no PEM", () => writeFileSync(certificate, "certificate"), "holds no certificate in PEM form"],
    [
      "a broken certificate",
      () =>
        writeFileSync(
          certificate,
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
      "holds no valid certificate",
    ],
    [
      "a broken key",
      () => writeFileSync(key, "-----BEGIN PRIVATE KEY-----\n"),
      "holds no private key",
    ],
    ["another's key", () => writeFileSync(key, another.keyPem), "the key does not belong to"],
    [
      "a folder",
      () => {
        rmSync(certificate);
        mkdirSync(certificate);
      },
      "not a regular file",
    ],
    [
      "strangers in one file",
      () => writeFileSync(certificate, ours.certificatePem + another.certificatePem),
      "its certificate was not issued by the one after it",
    ],
    [
      "too many certificates",
      () => writeFileSync(certificate, ours.certificatePem.repeat(11)),
      "has 11 certificates, 10 at most",
    ],
  ])("refuses %s", (_what, spoil, fault) => {
    spoil();
    try {
      expect(faultOf()).toContain(fault);
    } finally {
      rmSync(certificate, { recursive: true, force: true });
    }
  });

  test("refuses a leaf, which can sign nothing", async () => {
    const leaf = await issueCertificate(ours, { commonName: "leaf", usage: "server" });
    writeFileSync(certificate, leaf.certificatePem);
    writeFileSync(key, leaf.keyPem);
    expect(faultOf()).toContain("its certificate is not of a CA");
  });

  test("refuses one before its time and after it", () => {
    expect(faultOf(new Date(Date.now() - DAY_MS))).toContain("is valid from");
    expect(faultOf(new Date(Date.now() + 4000 * DAY_MS))).toContain("only");
  });
});
