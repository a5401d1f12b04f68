import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BuildError } from "./error.ts";
import { run } from "./run.ts";
import { checkSite, MAX_SITE_BYTES, siteArchive } from "./site.ts";

const folder = mkdtempSync(join(tmpdir(), "auraed-site-"));

afterAll(() => rmSync(folder, { recursive: true }));

const newSite = () => mkdtempSync(join(folder, "site-"));

/** Writes a file with exactly this mode, whatever the umask. */
function write(path: string, mode: number, text = ""): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

/** What an archive holds: modes in octal, and bodies, by path. */
function contentsOf(archive: Uint8Array): Record<string, readonly [mode: string, body: string]> {
  const text = Buffer.from(archive).toString("latin1");
  const found: Record<string, readonly [string, string]> = {};
  for (let at = 0; ;) {
    const field = (index: number) => parseInt(text.substr(at + 6 + index * 8, 8), 16);
    const nameEnd = at + 110 + field(11);
    const name = text.slice(at + 110, nameEnd - 1);
    const start = Math.ceil(nameEnd / 4) * 4;
    if (name === "TRAILER!!!") {
      return found;
    }
    found[name] = [field(1).toString(8), text.substr(start, field(6))];
    at = Math.ceil((start + field(6)) / 4) * 4;
  }
}

describe("siteArchive", () => {
  test("puts files, folders and links below etc/aurae, with their modes", () => {
    const site = newSite();
    mkdirSync(join(site, "pki/deep"), { recursive: true });
    chmodSync(join(site, "pki"), 0o750);
    chmodSync(join(site, "pki/deep"), 0o755);
    write(join(site, "pki/ca.crt"), 0o644, "certificate");
    write(join(site, "script"), 0o755, "#!/bin/sh\n");
    write(join(site, ".hidden"), 0o600);
    symlinkSync("pki/ca.crt", join(site, "link"));
    expect(contentsOf(siteArchive(site))).toEqual({
      etc: ["40755", ""],
      "etc/aurae": ["40755", ""],
      "etc/aurae/.hidden": ["100600", ""],
      "etc/aurae/link": ["120777", "pki/ca.crt"],
      "etc/aurae/pki": ["40750", ""],
      "etc/aurae/pki/ca.crt": ["100644", "certificate"],
      "etc/aurae/pki/deep": ["40755", ""],
      "etc/aurae/script": ["100755", "#!/bin/sh\n"],
    });
  });

  test("lets nobody but root read a key, wherever it is and whatever its mode was", () => {
    const site = newSite();
    mkdirSync(join(site, "pki"));
    write(join(site, "pki/server.key"), 0o644, "secret");
    write(join(site, "x.key"), 0o777);
    write(join(site, "key"), 0o644);
    write(join(site, "x.key.txt"), 0o644);
    const contents = contentsOf(siteArchive(site));
    expect(contents["etc/aurae/pki/server.key"]).toEqual(["100600", "secret"]);
    expect(contents["etc/aurae/x.key"]?.[0]).toBe("100600");
    expect(contents["etc/aurae/key"]?.[0]).toBe("100644");
    expect(contents["etc/aurae/x.key.txt"]?.[0]).toBe("100644");
  });

  test("drops the set-user-id bit", () => {
    const site = newSite();
    write(join(site, "program"), 0o4755);
    expect(contentsOf(siteArchive(site))["etc/aurae/program"]?.[0]).toBe("100755");
  });

  test("keeps a link to a file, to an empty folder, and to nothing, as it is", () => {
    const [site, outside] = [newSite(), newSite()];
    write(join(site, "file"), 0o644);
    const targets = { "to-file": "file", "to-folder": outside, "to-nothing": "/no/such" };
    for (const [name, target] of Object.entries(targets)) {
      symlinkSync(target, join(site, name));
    }
    expect(contentsOf(siteArchive(site))).toMatchObject({
      "etc/aurae/to-file": ["120777", "file"],
      "etc/aurae/to-folder": ["120777", outside],
      "etc/aurae/to-nothing": ["120777", "/no/such"],
    });
  });

  test("does not go into a folder that a link leads to", () => {
    const [site, outside] = [newSite(), newSite()];
    write(join(outside, "secret"), 0o600);
    symlinkSync(outside, join(site, "link"));
    symlinkSync(".", join(site, "loop"));
    const contents = contentsOf(siteArchive(site));
    expect(Object.keys(contents)).toEqual(["etc", "etc/aurae", "etc/aurae/link", "etc/aurae/loop"]);
  });

  test("gives the same bytes for the same folder, and an empty one to begin with", () => {
    const [one, other] = [newSite(), newSite()];
    const names = ["a", "b", "c"];
    for (const name of names) {
      write(join(one, name), 0o644, name);
    }
    for (const name of names.toReversed()) {
      write(join(other, name), 0o644, name);
    }
    expect(Buffer.compare(siteArchive(one), siteArchive(other))).toBe(0);
    expect(contentsOf(siteArchive(newSite()))).toEqual({});
  });

  test("refuses a fifo, without waiting for its writer", async () => {
    const site = newSite();
    await run(["mkfifo", join(site, "fifo")]);
    expect(() => siteArchive(site)).toThrow('fifo" is neither a file, a folder nor a link');
  });

  test("refuses a socket", async () => {
    const site = newSite();
    const server = createServer();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(join(site, "socket"), resolve);
    await promise;
    try {
      expect(() => siteArchive(site)).toThrow('socket" is neither a file, a folder nor a link');
    } finally {
      server.close();
    }
  });

  test("refuses more than its bound, in one file or in several, and takes just that much", () => {
    const site = newSite();
    for (const name of ["a", "b"]) {
      write(join(site, name), 0o644);
      truncateSync(join(site, name), MAX_SITE_BYTES / 2);
    }
    expect(siteArchive(site).length).toBeGreaterThan(MAX_SITE_BYTES);
    write(join(site, "c"), 0o644, "x");
    expect(() => siteArchive(site)).toThrow(`pack the site "${site}": more than 67108864 bytes`);
    const single = newSite();
    write(join(single, "a"), 0o644);
    truncateSync(join(single, "a"), MAX_SITE_BYTES + 1);
    expect(() => siteArchive(single)).toThrow("more than 67108864 bytes");
  });

  test("refuses a folder that is not there, and a file", () => {
    const missing = join(folder, "missing");
    expect(() => siteArchive(missing)).toThrow(
      new BuildError(`read the site "${missing}": no such folder`),
    );
    const path = join(folder, "a-file");
    write(path, 0o644);
    expect(() => siteArchive(path)).toThrow(new BuildError(`read the site "${path}": no folder`));
  });
});

describe("checkSite", () => {
  const NEEDED = ["pki/ca.crt", "pki/_signed.server.crt", "pki/server.key"];

  function newPki(...more: readonly string[]): string {
    const site = newSite();
    for (const path of [...NEEDED, ...more]) {
      mkdirSync(dirname(join(site, path)), { recursive: true });
      write(join(site, path), 0o600);
    }
    return site;
  }

  test("takes a folder with what a machine needs, and more of its own", () => {
    checkSite(newPki("policy.toml", "hostname", "scripts/deploy.key"));
  });

  test.each(NEEDED)("names %s where it is missing, and all that is needed", (path) => {
    const site = newPki();
    rmSync(join(site, path));
    mkdirSync(join(site, path));
    expect(() => checkSite(site)).toThrow(
      new BuildError(
        `pack the site "${site}": it has no file ${path}; copy pki/ca.crt, pki/_signed.server.crt, pki/server.key of a PKI there, and nothing else of it`,
      ),
    );
  });

  test("refuses a PKI's folder itself, and one that is empty", () => {
    expect(() => checkSite(join(newPki(), "pki"))).toThrow("it has no file pki/ca.crt");
    expect(() => checkSite(newSite())).toThrow(BuildError);
  });

  test.each(["pki/ca.key", "ca.key", "old/deep/ca.key", "pki/client.nova.key", "client.x.key"])(
    "refuses %s, whose reader could be somebody else",
    (path) => {
      const site = newPki(path);
      expect(() => checkSite(site)).toThrow(
        new BuildError(
          `pack the site "${site}": whoever can read the image would have ${path}; remove it: a machine does not need it`,
        ),
      );
    },
  );

  test("takes the key of the machine's own script, and refuses such a script without it", () => {
    const boot = ["pki/_signed.client.boot.crt", "pki/client.boot.key"];
    expect(() => checkSite(newPki("boot.ts", ...boot))).not.toThrow();
    expect(() => checkSite(newPki("boot.ts", boot[0]!))).toThrow(
      'has boot.ts, which is not run without pki/client.boot.key; make them with "auraed pki --client boot" and copy them there',
    );
    expect(() => checkSite(newPki("pki/client.boot.key", "scripts/boot.ts"))).not.toThrow();
  });

  test("refuses such a key behind a link, too", () => {
    const site = newPki();
    symlinkSync("/root/ca.key", join(site, "pki/ca.key"));
    expect(() => checkSite(site)).toThrow("would have pki/ca.key");
  });
});
