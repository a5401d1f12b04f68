import { afterAll, describe, expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCpio } from "../../test/harness/read-cpio.ts";
import { principalFromCertificate } from "../authz/identity.ts";
import { AuraeError } from "../base/errors.ts";
import { parseMounts, parseNetwork } from "../base/machine-files.ts";
import { loadTlsFiles } from "../daemon/tls-files.ts";
import { createAuthority } from "../pki/authority.ts";
import { GUEST_CERTIFICATE_DAYS, type GuestNeeds, GuestSites } from "./guest-sites.ts";
import { loadVmAuthority } from "./vm-authority.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-guest-sites-"));
const paths = { certificate: join(folder, "ca.crt"), key: join(folder, "ca.key") };
const DAY_MS = 86_400_000;

afterAll(() => rmSync(folder, { recursive: true }));

const LIFE = "0123456789abcdef0123456789abcdef";
const NOTHING: GuestNeeds = { life: LIFE, mounts: [], nics: [] };
const NEEDS: GuestNeeds = {
  life: LIFE,
  mounts: [
    { device: "/dev/vdb", path: "/data", fsType: "", isReadOnly: false },
    { device: "/dev/vdc", path: "/more", fsType: "xfs", isReadOnly: true },
  ],
  nics: [
    { mac: "02:00:00:00:00:01" },
    {
      mac: "02:00:00:00:00:02",
      ipv4: { host: "192.168.248.0", guest: "192.168.248.1", prefixLength: 31 },
    },
    {
      mac: "02:00:00:00:00:03",
      ipv4: { host: "192.168.248.2", guest: "192.168.248.3", prefixLength: 31 },
    },
  ],
};

const clients = await createAuthority({ trustDomain: "td.example", commonName: "clients" });

async function sitesWith(options: { notAfter?: Date } = {}): Promise<GuestSites> {
  const made = await createAuthority({ trustDomain: "vms.example", commonName: "VMs", ...options });
  writeFileSync(paths.certificate, made.certificatePem);
  writeFileSync(paths.key, made.keyPem, { mode: 0o600 });
  const context = { trustDomain: "td.example", clientCaPem: clients.certificatePem };
  return new GuestSites(loadVmAuthority(paths, context));
}

async function filesOf(sites: GuestSites, id: string, needs: GuestNeeds) {
  const archive = await sites.siteFor(id, needs);
  const records = archive === undefined ? [] : readCpio(archive);
  const files = records.filter(({ mode }) => (mode & 0o170000) === 0o100000);
  return {
    modes: Object.fromEntries(files.map(({ path, mode }) => [path, (mode & 0o777).toString(8)])),
    text: (path: string) => files.find((file) => file.path === path)?.body.toString() ?? "",
  };
}

const CERTIFICATE = "etc/aurae/pki/_signed.server.crt";
const KEY = "etc/aurae/pki/server.key";

describe("GuestSites", () => {
  test("gives a guest a certificate of its own, its name, its drives and its addresses", async () => {
    const { modes, text } = await filesOf(await sitesWith(), "Web-1", NEEDS);
    expect(modes).toEqual({
      "etc/aurae/hostname": "644",
      "etc/aurae/life": "644",
      "etc/aurae/mounts.json": "644",
      "etc/aurae/network.json": "644",
      "etc/aurae/pki/_signed.server.crt": "644",
      "etc/aurae/pki/ca.crt": "644",
      "etc/aurae/pki/server.key": "600",
    });
    expect(text("etc/aurae/hostname")).toBe("Web-1\n");
    expect(text("etc/aurae/pki/ca.crt")).toStartWith(clients.certificatePem);
    expect(parseMounts(text("etc/aurae/mounts.json"))).toEqual([
      { device: "/dev/vdb", path: "/data", readOnly: false },
      { device: "/dev/vdc", path: "/more", fsType: "xfs", readOnly: true },
    ]);
    expect(parseNetwork(text("etc/aurae/network.json"))).toEqual([
      { mac: "02:00:00:00:00:02", addresses: ["192.168.248.1/31"], gateway: "192.168.248.0" },
      { mac: "02:00:00:00:00:03", addresses: ["192.168.248.3/31"] },
    ]);
    const certificate = new X509Certificate(text(CERTIFICATE));
    expect(certificate.checkPrivateKey(createPrivateKey(text(KEY)))).toBe(true);
    expect(certificate.checkHost("server.unsafe.aurae.io")).toBeDefined();
    expect(certificate.checkHost("web-1.vm.td.example")).toBeDefined();
    expect(certificate.checkIP("fe80::2")).toBeDefined();
    expect(certificate.checkIP("192.168.248.3")).toBeDefined();
  });

  test("gives what auraed takes for a server's certificate, and clients for one of the VMs' CA", async () => {
    const { text } = await filesOf(await sitesWith(), "web", NOTHING);
    const files = { caCrt: "ca.crt", serverCrt: "server.crt", serverKey: "server.key" };
    const contents = ["etc/aurae/pki/ca.crt", CERTIFICATE, KEY].map(text);
    const written = Object.entries(files).map(([what, name], at) => {
      const path = join(folder, `guest-${name}`);
      writeFileSync(path, contents[at] ?? "", { mode: 0o600 });
      return [what, path];
    });
    const loaded = loadTlsFiles(Object.fromEntries(written) as Record<keyof typeof files, string>);
    expect(loaded.trustDomain).toBe("td.example");
    expect(loaded.warnings).toEqual([]);
    const vmCa = new X509Certificate(readFileSync(paths.certificate));
    expect(new X509Certificate(text(CERTIFICATE)).verify(vmCa.publicKey)).toBe(true);
  });

  test("names a guest by its id in the clients' trust domain, and with no role", async () => {
    const { text } = await filesOf(await sitesWith(), "web", NOTHING);
    const { name, spiffeId } = principalFromCertificate(new X509Certificate(text(CERTIFICATE)).raw);
    expect(name).toBe("spiffe://td.example/vm/web");
    expect(spiffeId?.segments).toEqual(["vm", "web"]);
  });

  test("makes each boot's key and certificate anew, for a bounded time", async () => {
    const sites = await sitesWith();
    const [one, other] = await Promise.all([
      filesOf(sites, "web", NOTHING),
      filesOf(sites, "web", NOTHING),
    ]);
    expect(one.text(KEY)).not.toBe(other.text(KEY));
    const [first, second] = [one, other].map(({ text }) => new X509Certificate(text(CERTIFICATE)));
    expect(first?.serialNumber).not.toBe(second?.serialNumber);
    const days = ((first?.validToDate.getTime() ?? 0) - Date.now()) / DAY_MS;
    expect(Math.round(days)).toBe(GUEST_CERTIFICATE_DAYS);
  });

  test("never lets a guest's certificate outlive what signed it", async () => {
    const notAfter = new Date(Date.now() + DAY_MS);
    const { text } = await filesOf(await sitesWith({ notAfter }), "web", NOTHING);
    const end = new X509Certificate(text(CERTIFICATE)).validToDate.getTime();
    expect(Math.abs(end - notAfter.getTime())).toBeLessThan(2000);
  });

  test("without an authority, tells a guest its drives and addresses, and nothing where it has none", async () => {
    const sites = new GuestSites(undefined);
    expect(Object.keys((await filesOf(sites, "web", NEEDS)).modes)).toEqual([
      "etc/aurae/mounts.json",
      "etc/aurae/network.json",
    ]);
    expect(await sites.siteFor("web", NOTHING)).toBeUndefined();
  });

  test("tells a restored guest of all its cards, and leaves its drives as they are", async () => {
    const sites = await sitesWith();
    const files = await sites.filesFor("copy", NEEDS);
    const text = (path: string) => files.find((file) => `/${path}` === file.path)?.text ?? "";
    expect(files.map(({ path }) => path)).not.toContain("/etc/aurae/mounts.json");
    expect(text("etc/aurae/life")).toBe(`${LIFE}\n`);
    expect(text("etc/aurae/hostname")).toBe("copy\n");
    expect(parseNetwork(text("etc/aurae/network.json"))).toMatchObject([
      { mac: "02:00:00:00:00:01", addresses: [] },
      { mac: "02:00:00:00:00:02", addresses: ["192.168.248.1/31"] },
      { mac: "02:00:00:00:00:03", addresses: ["192.168.248.3/31"] },
    ]);
    const again = await sites.filesFor("copy", NEEDS);
    expect(again.find(({ path }) => `/${KEY}` === path)?.text).not.toBe(text(KEY));
    expect(await new GuestSites(undefined).filesFor("copy", NOTHING)).toEqual([]);
  });

  test("refuses a drive that the guest could not mount, and names it", async () => {
    const mounts = [{ device: "/dev/vdb", path: "/proc/x", fsType: "", isReadOnly: false }];
    const error = await new GuestSites(undefined)
      .siteFor("web", { ...NOTHING, mounts })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AuraeError);
    expect((error as AuraeError).message).toContain('drive "/dev/vdb".path: "/proc/x" is where');
    const many = Array.from({ length: 65 }, () => mounts[0]!);
    expect(new GuestSites(undefined).siteFor("web", { ...NOTHING, mounts: many })).rejects.toThrow(
      "65 drives to mount, 64 at most",
    );
  });
});
