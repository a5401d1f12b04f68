/** What `auraed pki` makes, judged by others: OpenSSL, curl, Node's TLS and Bun's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, createServer, type Server } from "node:tls";
import { loadTlsFiles } from "../../src/daemon/tls-files.ts";
import { runPkiCommand } from "../../src/pki/command.ts";

let root = "";
let server: Server;
let port = 0;
const dirOf = (name: string) => join(root, name);
const read = (dir: string, name: string) => readFileSync(join(dirOf(dir), name), "utf8");

async function pki(dir: string, ...args: string[]): Promise<void> {
  let said = "";
  const say = (text: string) => {
    said += text;
  };
  const code = await runPkiCommand(["--dir", dirOf(dir), ...args], { stdout: say, stderr: say });
  expect({ code, said }).toMatchObject({ code: 0 });
}

async function run(...command: string[]) {
  const child = Bun.spawn(command, { cwd: root, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "auraed-pki-"));
  await pki("pki");
  await pki("other");
  const files = loadTlsFiles({
    caCrt: join(dirOf("pki"), "ca.crt"),
    serverCrt: join(dirOf("pki"), "_signed.server.crt"),
    serverKey: join(dirOf("pki"), "server.key"),
  });
  const tls = { ca: files.caPem, cert: files.certificatePem, key: files.keyPem };
  server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (socket) => {
    // As little HTTP as a client needs: what the server knows of its peer, once something was asked.
    socket.on("error", () => undefined);
    socket.once("data", () => {
      const body = socket.getPeerCertificate().subjectaltname ?? "";
      const head = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}`;
      socket.end(`${head}\r\n\r\n${body}`);
    });
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  rmSync(root, { recursive: true });
  server.close();
});

const NOVA = "URI:spiffe://unsafe.aurae.io/role/admin/nova, DNS:nova.unsafe.aurae.io";

function credentials(dir: string, ca = "pki"): ConnectionOptions {
  return {
    ca: read(ca, "ca.crt"),
    cert: read(dir, "_signed.client.nova.crt"),
    key: read(dir, "client.nova.key"),
  };
}

/** What the server answers, or the error that ended it. */
async function ask(options: ConnectionOptions): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, ...options });
  socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  let text = "";
  try {
    for await (const chunk of socket) {
      text += String(chunk);
    }
  } catch (error) {
    return String(error);
  }
  return text;
}

describe("auraed pki", () => {
  test("makes certificates that openssl verify -x509_strict accepts, for both purposes", async () => {
    const names = ["_signed.server.crt", "_signed.client.nova.crt", "_signed.client.unsafe.crt"];
    const leaves = names.map((name) => join("pki", name));
    for (const purpose of ["sslserver", "sslclient"]) {
      const strict = ["-x509_strict", "-purpose", purpose, "-CAfile", "pki/ca.crt"];
      const { code, stdout, stderr } = await run("openssl", "verify", ...strict, ...leaves);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout.match(/: OK$/gm)).toHaveLength(leaves.length);
    }
    const foreign = await run("openssl", "verify", "-CAfile", "other/ca.crt", ...leaves);
    expect(foreign.code).not.toBe(0);
  });

  test("makes keys that openssl reads as PKCS#8 on P-256", async () => {
    for (const name of ["ca.key", "server.key", "client.nova.key"]) {
      expect(read("pki", name)).toStartWith("-----BEGIN PRIVATE KEY-----\n");
      const { stdout } = await run("openssl", "pkey", "-in", join("pki", name), "-noout", "-text");
      expect(stdout).toContain("NIST CURVE: P-256");
    }
  });

  test.each(["server.unsafe.aurae.io", "localhost", "127.0.0.1"])(
    "lets Bun's TLS reach the server as %s with a client's certificate",
    async (name) => {
      const as = name === "127.0.0.1" ? {} : { servername: name };
      expect(await ask({ ...credentials("pki"), ...as })).toContain(NOVA);
    },
  );

  test("lets nobody in without a certificate, with another CA's, or to a server of another name", async () => {
    const servername = "localhost";
    const { ca } = credentials("pki");
    expect(await ask({ servername, ca: ca! })).not.toContain("200 OK");
    expect(await ask({ servername, ...credentials("other", "pki") })).not.toContain("200 OK");
    expect(await ask({ servername, ...credentials("pki", "other") })).toMatch(/verif|certificate/i);
    const elsewhere = await ask({ ...credentials("pki"), servername: "nova.unsafe.aurae.io" });
    expect(elsewhere).toMatch(/altname|ERR_TLS/i);
  });

  test("lets Node's TLS reach the server", async () => {
    const script = `
      const { readFileSync: read } = require("node:fs");
      require("node:https").get({
        host: "127.0.0.1", port: ${port}, servername: "server.unsafe.aurae.io", ca: read("pki/ca.crt"),
        cert: read("pki/_signed.client.nova.crt"), key: read("pki/client.nova.key"),
      }, (response) => response.pipe(process.stdout));`;
    expect(await run("node", "-e", script)).toMatchObject({ code: 0, stdout: NOVA });
  });

  test.each(["localhost", "127.0.0.1", "server.unsafe.aurae.io"])(
    "lets curl reach https://%s",
    async (host) => {
      const identity = ["--cert", "pki/_signed.client.nova.crt", "--key", "pki/client.nova.key"];
      const where = ["--resolve", `${host}:${port}:127.0.0.1`, `https://${host}:${port}/`];
      const curl = ["curl", "-sS", "--noproxy", "*", "--cacert", "pki/ca.crt"];
      expect(await run(...curl, ...identity, ...where)).toEqual({
        code: 0,
        stdout: NOVA,
        stderr: "",
      });
    },
  );

  test("issues from an authority that OpenSSL made, RSA or P-384, and OpenSSL accepts it", async () => {
    const rsa = ["-newkey", "rsa:2048"];
    const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    for (const [name, newKey] of Object.entries({ rsa, ec })) {
      await run("mkdir", "-m", "700", name);
      const files = ["-keyout", `${name}/ca.key`, "-out", `${name}/ca.crt`];
      const subject = ["-subj", "/C=IS/O=Aurae/CN=legacy.example", "-days", "9999"];
      const made = await run("openssl", "req", "-x509", ...newKey, "-nodes", ...files, ...subject);
      expect(made.code).toBe(0);
      await pki(name, "--client", "nova");
      const leaf = `${name}/_signed.client.nova.crt`;
      const verified = await run("openssl", "verify", "-CAfile", `${name}/ca.crt`, leaf);
      expect(verified.stdout).toBe(`${leaf}: OK\n`);
      const shown = await run("openssl", "x509", "-in", leaf, "-noout", "-ext", "subjectAltName");
      expect(shown.stdout).toContain("URI:spiffe://legacy.example/role/admin/nova");
    }
  });

  test("works from a bundle, where the order of imports is the bundler's", async () => {
    const source = join(import.meta.dir, "../../src/pki/command.ts");
    const entry = join(root, "entry.ts");
    writeFileSync(
      entry,
      `async function main() {
        const { runPkiCommand } = await import(${JSON.stringify(source)});
        const out = { stdout: (text) => process.stdout.write(text), stderr: (text) => process.stderr.write(text) };
        process.exitCode = await runPkiCommand(process.argv.slice(2), out);
      }
      void main();`,
    );
    const built = await Bun.build({
      entrypoints: [entry],
      outdir: root,
      target: "bun",
      minify: true,
    });
    expect(built.success).toBe(true);
    const dir = dirOf("bundled");
    const result = await run(process.execPath, join(root, "entry.js"), "--dir", dir);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toContain("_signed.server.crt");
  });
});

test("auraed pki makes the server's pair anew once it is removed, as loadTlsFiles advises", async () => {
  await pki("renewed");
  const dir = dirOf("renewed");
  const paths = {
    caCrt: join(dir, "ca.crt"),
    serverCrt: join(dir, "_signed.server.crt"),
    serverKey: join(dir, "server.key"),
  };
  writeFileSync(paths.serverKey, read("other", "server.key"));
  const remedy = `or remove "${paths.serverCrt}" and "${paths.serverKey}" and run: auraed pki --dir ${dir}`;
  expect(() => loadTlsFiles(paths)).toThrow(remedy);
  rmSync(paths.serverCrt);
  rmSync(paths.serverKey);
  await pki("renewed");
  expect(loadTlsFiles(paths).warnings).toEqual([]);
});

test("loadTlsFiles loads no part of @peculiar/x509: the daemon's start must not pay for it", async () => {
  const entrypoints = [join(import.meta.dir, "../../src/daemon/tls-files.ts")];
  const built = await Bun.build({ entrypoints, target: "bun" });
  expect(await built.outputs[0]?.text()).not.toContain("peculiar");
});
