import { generateKeyPairSync, X509Certificate as NodeCertificate } from "node:crypto";
import { expect, test } from "bun:test";
import { createAuthority, issueCertificate, loadAuthority } from "./authority.ts";
import { loadX509 } from "./x509.ts";

const {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate,
} = await loadX509();

const authority = await createAuthority({ trustDomain: "td.example", commonName: "td.example" });
const server = await issueCertificate(authority, {
  commonName: "server.td.example",
  dnsNames: ["server.td.example", "localhost"],
  uris: ["spiffe://td.example/auraed"],
  ipAddresses: ["127.0.0.1", "::1"],
  usage: "server",
});

test("createAuthority makes a critical CA of path length 0 that signs certificates and CRLs only", () => {
  const certificate = new X509Certificate(authority.certificatePem);
  const byType = new Map(certificate.extensions.map((extension) => [extension.type, extension]));
  expect(byType.get("2.5.29.19")).toMatchObject({ critical: true, ca: true, pathLength: 0 });
  expect(byType.get("2.5.29.15")).toMatchObject({
    critical: true,
    usages: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
  });
  expect(byType.has("2.5.29.14")).toBe(true);
  expect(new NodeCertificate(authority.certificatePem).subjectAltName).toBe(
    "URI:spiffe://td.example, DNS:td.example",
  );
});

test("issueCertificate makes a leaf shaped as an X509-SVID", () => {
  const certificate = new X509Certificate(server.certificatePem);
  expect(certificate.getExtension("2.5.29.19")).toMatchObject({ critical: true, ca: false });
  expect(certificate.getExtension(KeyUsagesExtension)).toMatchObject({
    critical: true,
    usages: KeyUsageFlags.digitalSignature,
  });
  expect(certificate.getExtension(ExtendedKeyUsageExtension)?.usages).toEqual([
    ExtendedKeyUsage.serverAuth,
    ExtendedKeyUsage.clientAuth,
  ]);
  expect(new NodeCertificate(server.certificatePem).subjectAltName).toBe(
    "URI:spiffe://td.example/auraed, DNS:server.td.example, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
  );
});

test("issueCertificate backdates by five minutes and ends after a year", () => {
  const { validFromDate, validToDate } = new NodeCertificate(server.certificatePem);
  const ageMs = Date.now() - validFromDate.getTime();
  expect(ageMs).toBeGreaterThanOrEqual(5 * 60_000);
  expect(ageMs).toBeLessThan(6 * 60_000);
  expect((validToDate.getTime() - Date.now()) / 86_400_000).toBeCloseTo(365, 1);
});

test("issueCertificate never outlives an authority that ends sooner", async () => {
  const notAfter = new Date(Date.now() + 3_600_000);
  const brief = await createAuthority({ trustDomain: "b", commonName: "b", notAfter });
  const leaf = await issueCertificate(brief, { commonName: "x", usage: "client" });
  expect(new NodeCertificate(leaf.certificatePem).validTo).toBe(
    new NodeCertificate(brief.certificatePem).validTo,
  );
});

test("issueCertificate takes dates beyond 2049 and in the past as given", async () => {
  const [notBefore, notAfter] = [
    new Date("2001-01-02T03:04:05Z"),
    new Date("2060-01-02T03:04:05Z"),
  ];
  const leaf = await issueCertificate(authority, {
    commonName: "x",
    usage: "client",
    notBefore,
    notAfter,
  });
  const certificate = new NodeCertificate(leaf.certificatePem);
  expect(certificate.validFromDate).toEqual(notBefore);
  expect(certificate.validToDate).toEqual(notAfter);
});

test("issueCertificate gives every certificate its own positive serial of 16 bytes", async () => {
  const serials = new Set<string>();
  for (let i = 0; i < 16; i++) {
    const leaf = await issueCertificate(authority, { commonName: "x", usage: "client" });
    serials.add(new NodeCertificate(leaf.certificatePem).serialNumber);
  }
  expect(serials.size).toBe(16);
  expect([...serials].filter((serial) => !/^[4-7][0-9A-F]{31}$/.test(serial))).toEqual([]);
});

test("issueCertificate takes no character of a name for syntax", async () => {
  const commonName = 'a, CN=root + O="x" #00\\';
  const leaf = await issueCertificate(authority, {
    commonName,
    uris: ["spiffe://td.example/a, URI:spiffe://evil/x"],
    usage: "client",
  });
  const { subject, subjectAltName } = new NodeCertificate(leaf.certificatePem);
  expect(subject.split("\n")).toHaveLength(2);
  expect(subjectAltName?.split(", ")).toHaveLength(1);
  expect(new X509Certificate(leaf.certificatePem).subjectName.getField("CN")).toEqual([commonName]);
});

test.each([
  { dnsNames: ["server.td.example"] },
  { dnsNames: ["localhost"] },
  { ipAddresses: ["::1"] },
])("issueCertificate refuses a client the names of a server: %j", async (names) => {
  const issued = issueCertificate(authority, { commonName: "x", usage: "client", ...names });
  await expect(issued).rejects.toThrow("must not carry the server's name");
});

test("loadAuthority reads back what createAuthority made", async () => {
  expect(loadAuthority(authority.certificatePem, authority.keyPem)).toEqual(authority);
});

test("issueCertificate refuses an authority whose certificate is not PEM", async () => {
  const issued = issueCertificate(
    { ...authority, certificatePem: "x" },
    { commonName: "x", usage: "client" },
  );
  await expect(issued).rejects.toThrow("the CA certificate can't be read");
});

test("loadAuthority refuses what is not PEM, naming which of the two", () => {
  expect(() => loadAuthority("x", authority.keyPem)).toThrow("the CA certificate can't be read");
  expect(() => loadAuthority(authority.certificatePem, "x")).toThrow("private key can't be read");
});

test("issueCertificate says which keys can sign when the authority's can't", async () => {
  const keyPem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  const odd = { ...authority, keyPem: String(keyPem) };
  const issued = issueCertificate(odd, { commonName: "x", usage: "client" });
  await expect(issued).rejects.toThrow("only RSA, P-256, P-384 and P-521 keys can sign");
});
