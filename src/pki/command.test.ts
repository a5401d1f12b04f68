import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "./authority.ts";
import { runPkiCommand } from "./command.ts";

const FILES = [
  "_signed.client.boot.crt",
  "_signed.client.nova.crt",
  "_signed.client.system.crt",
  "_signed.client.unsafe.crt",
  "_signed.server.crt",
  "ca.crt",
  "ca.key",
  "client.boot.key",
  "client.nova.key",
  "client.system.key",
  "client.unsafe.key",
  "server.key",
];

let root = "";
let dir = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "auraed-pki-command-"));
  dir = join(root, "pki");
});
afterEach(() => rmSync(root, { recursive: true }));

async function run(...args: string[]) {
  let stdout = "";
  let stderr = "";
  const code = await runPkiCommand(["--dir", dir, ...args], {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

/** Every file with its bytes, to see that nothing changed. */
function snapshot(at = dir): Record<string, string> {
  return Object.fromEntries(
    readdirSync(at)
      .sort()
      .map((name) => [name, readFileSync(join(at, name), "utf8")]),
  );
}

/** The same without following links. */
function entries(): string[] {
  return readdirSync(dir)
    .sort()
    .map((name) => {
      const { ino, size, mtimeMs, mode } = lstatSync(join(dir, name));
      return [name, ino, size, mtimeMs, mode].join(" ");
    });
}

function sanOf(name: string): string | undefined {
  return new X509Certificate(readFileSync(join(dir, name))).subjectAltName;
}

describe("runPkiCommand", () => {
  test("makes the contract's files, with keys that only their owner reads", async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(dir).sort()).toEqual(FILES);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of FILES) {
      expect(statSync(join(dir, name)).mode & 0o777).toBe(name.endsWith(".key") ? 0o600 : 0o644);
    }
    expect(stdout).toContain(`${dir}\n  ca.key`);
    expect(stdout).toMatch(
      /_signed\.client\.nova\.crt +created +until \d{4}-\d\d-\d\d {2}spiffe:\/\/unsafe\.aurae\.io\/role\/admin\/nova\n/,
    );
    expect(sanOf("_signed.server.crt")).toBe(
      "URI:spiffe://unsafe.aurae.io/auraed, DNS:server.unsafe.aurae.io, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
  });

  test("keeps all that exists, and says so", async () => {
    await run();
    const before = snapshot();
    const { code, stdout } = await run();
    expect(code).toBe(0);
    expect(stdout).not.toContain("created");
    expect(stdout.match(/ kept/g)).toHaveLength(FILES.length);
    expect(snapshot()).toEqual(before);
  });

  test("issues a missing certificate from the authority that is there, in its trust domain", async () => {
    await run("--trust-domain", "prod.example");
    const before = snapshot();
    expect((await run("--client", "ci:reader")).code).toBe(0);
    expect(snapshot()).toMatchObject(before);
    expect(sanOf("_signed.client.ci.crt")).toBe(
      "URI:spiffe://prod.example/role/reader/ci, DNS:ci.prod.example",
    );
    expect(sanOf("_signed.server.crt")).toContain("DNS:server.unsafe.aurae.io");
  });

  test("with --force replaces everything, keeps the trust domain, and names what became useless", async () => {
    await run("--trust-domain", "prod.example", "--client", "nova", "--client", "ci");
    const before = snapshot();
    const { code, stdout, stderr } = await run("--force", "--client", "nova");
    expect(code).toBe(0);
    expect(stdout.match(/ replaced/g)).toHaveLength(6);
    expect(stderr).toContain(`"${join(dir, "client.ci.key")}" belongs to the authority that was`);
    const after = snapshot();
    for (const name of ["ca.crt", "ca.key", "server.key", "client.nova.key"]) {
      expect(after[name]).not.toBe(before[name]!);
    }
    expect(after["client.ci.key"]).toBe(before["client.ci.key"]!);
    expect(sanOf("ca.crt")).toContain("spiffe://prod.example");
  });

  test("with --force heals a directory full of rubbish", async () => {
    await run();
    writeFileSync(join(dir, "ca.crt"), "rubbish");
    rmSync(join(dir, "server.key"));
    expect((await run("--force")).code).toBe(0);
    expect((await run()).stderr).toBe("");
  });

  test("--days sets the end of leaves, and of a new authority where that is later", async () => {
    await run("--days", "10000");
    const { validToDate } = new X509Certificate(readFileSync(join(dir, "_signed.server.crt")));
    expect((validToDate.getTime() - Date.now()) / 86_400_000).toBeCloseTo(10_000, 1);
    expect(await run("--days", "10000")).toMatchObject({ code: 0, stderr: "" });
  });

  test("--config writes a client's configuration once, for the first admin", async () => {
    const config = join(root, "home/.aurae/config");
    const args = ["--client=ci", "--client=ops:admin", "--config", config];
    await run(...args, "--socket", "[::1]:8080");
    expect(Bun.TOML.parse(readFileSync(config, "utf8"))).toEqual({
      auth: {
        ca_crt: join(dir, "ca.crt"),
        client_crt: join(dir, "_signed.client.ops.crt"),
        client_key: join(dir, "client.ops.key"),
      },
      system: { socket: "[::1]:8080" },
    });
    const before = readFileSync(config, "utf8");
    expect((await run(...args)).stdout).toMatch(/ {2}config +kept\n$/);
    expect(readFileSync(config, "utf8")).toBe(before);
    await run(...args, "--force");
    expect(readFileSync(config, "utf8")).not.toBe(before);
  });

  test("a kept certificate of another role is named, not silently taken for what was asked", async () => {
    await run("--client", "ci:reader");
    const { code, stderr } = await run("--client", "ci:admin");
    expect(code).toBe(0);
    expect(stderr).toContain(
      'kept client "ci" is spiffe://unsafe.aurae.io/role/reader/ci, not spiffe://unsafe.aurae.io/role/admin/ci',
    );
  });

  test("an unknown role is made, with a note that a policy must name it", async () => {
    expect((await run("--client", "ci:operator")).stderr).toContain('the role "operator"');
  });

  test("the authority's key may be kept elsewhere while nothing has to be signed", async () => {
    await run();
    renameSync(join(dir, "ca.key"), join(root, "ca.key"));
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
    const { code, stderr } = await run("--client", "ci");
    expect(code).toBe(1);
    expect(stderr).toContain(`"${join(dir, "ca.key")}" is missing, and client "ci" must be signed`);
  });

  test("two at once make one PKI: the slower changes nothing or finds it complete", async () => {
    const runs = await Promise.all([run(), run()]);
    expect(runs.map(({ code }) => code)).toContain(0);
    expect(readdirSync(dir).sort()).toEqual(FILES);
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
  });

  test("--help prints the usage; wrong words exit with 2 and one line", async () => {
    expect((await run("--help")).stdout).toStartWith("Usage: auraed pki");
    const { code, stdout, stderr } = await run("--nope");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe("auraed pki: unknown option '--nope'; see: auraed pki --help\n");
    expect(existsSync(dir)).toBe(false);
  });
});

interface BadState {
  readonly what: string;
  readonly breakIt: () => unknown;
  readonly messages: readonly string[];
}

const BAD: BadState[] = [
  {
    what: "a key without its certificate",
    breakIt: () => rmSync(join(dir, "_signed.client.nova.crt")),
    messages: ["client.nova.key", "without its certificate", "remove the lone one"],
  },
  {
    what: "a certificate without its key",
    breakIt: () => rmSync(join(dir, "server.key")),
    messages: ["_signed.server.crt", "without its key"],
  },
  {
    what: "an authority's key without its certificate",
    breakIt: () => rmSync(join(dir, "ca.crt")),
    messages: ["ca.key", "without its certificate"],
  },
  {
    what: "certificates without any authority",
    breakIt: () => ["ca.crt", "ca.key"].forEach((name) => void rmSync(join(dir, name))),
    messages: ["_signed.client.boot.crt", 'ca.crt" is missing'],
  },
  {
    what: "a key of another certificate",
    breakIt: () => copyFileSync(join(dir, "client.nova.key"), join(dir, "server.key")),
    messages: ['server.key" is not the key of', "_signed.server.crt"],
  },
  {
    what: "an authority's key of another authority",
    breakIt: () => copyFileSync(join(dir, "client.nova.key"), join(dir, "ca.key")),
    messages: ['ca.key" is not the key of'],
  },
  {
    what: "a certificate of another authority",
    breakIt: async () => {
      const here = dir;
      dir = join(root, "other");
      await run("--client", "nova");
      cpSync(join(dir, "client.nova.key"), join(here, "client.nova.key"));
      cpSync(join(dir, "_signed.client.nova.crt"), join(here, "_signed.client.nova.crt"));
      dir = here;
    },
    messages: ["_signed.client.nova.crt", "was not issued by"],
  },
  {
    what: "a certificate that is not PEM",
    breakIt: () => writeFileSync(join(dir, "_signed.server.crt"), "\x1b[31mnot PEM"),
    messages: ["_signed.server.crt", "no certificate in PEM form"],
  },
  {
    what: "a key that is not PEM",
    breakIt: () => writeFileSync(join(dir, "ca.key"), ""),
    messages: ["ca.key", "no unencrypted private key"],
  },
  {
    what: "a leaf in the authority's place",
    breakIt: () => {
      copyFileSync(join(dir, "_signed.server.crt"), join(dir, "ca.crt"));
      copyFileSync(join(dir, "server.key"), join(dir, "ca.key"));
    },
    messages: ["ca.crt", "is not the certificate of an authority"],
  },
  {
    what: "a dangling link in a key's place",
    breakIt: () => {
      rmSync(join(dir, "server.key"));
      symlinkSync("nowhere", join(dir, "server.key"));
    },
    messages: [`can't read "`, "server.key"],
  },
  {
    what: "a directory in a certificate's place",
    breakIt: () => {
      rmSync(join(dir, "ca.crt"));
      symlinkSync(root, join(dir, "ca.crt"));
    },
    messages: ["can't read", "ca.crt", "not a small regular file"],
  },
];

describe("runPkiCommand fails with one line and changes nothing for", () => {
  test.each(BAD)("$what", async ({ breakIt, messages }) => {
    await run();
    await breakIt();
    const before = entries();
    const { code, stdout, stderr } = await run("--client", "nova", "--client", "ci");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    for (const message of messages) {
      expect(stderr).toContain(message);
    }
    expect(stderr).toMatch(/^auraed pki: [^\n\x1b]+\n$/);
    expect(entries()).toEqual(before);
  });

  test("an authority that has expired, when something must be signed", async () => {
    await run("--client", "nova");
    const old = await createAuthority({
      trustDomain: "unsafe.aurae.io",
      commonName: "old",
      notBefore: new Date("2020-01-01"),
      notAfter: new Date("2021-01-01"),
    });
    readdirSync(dir).forEach((name) => void rmSync(join(dir, name)));
    writeFileSync(join(dir, "ca.crt"), old.certificatePem);
    writeFileSync(join(dir, "ca.key"), old.keyPem);
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain("has expired on 2021-01-01 and can sign nothing");
    expect(readdirSync(dir).sort()).toEqual(["ca.crt", "ca.key"]);
  });

  test("a trust domain that is not the authority's", async () => {
    await run();
    const before = snapshot();
    const { code, stderr } = await run("--trust-domain", "prod.example", "--client", "ci");
    expect(code).toBe(1);
    expect(stderr).toContain('is the authority of "unsafe.aurae.io", not of "prod.example"');
    expect(snapshot()).toEqual(before);
  });

  test("a file in the directory's place", async () => {
    writeFileSync(dir, "");
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain(dir);
  });
});
