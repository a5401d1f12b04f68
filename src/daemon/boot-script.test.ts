import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CellsFixture } from "../../test/harness/cells-fixture.ts";
import { eventually } from "../../test/harness/eventually.ts";
import { setLogSink } from "../base/log.ts";
import { BOOT_NAME, RESERVED } from "./boot-name.ts";
import {
  addressFromHere,
  type BootFiles,
  type BootScriptParts,
  startBootScript,
} from "./boot-script.ts";
import { ConsoleRelay, MAX_LINE_CHARACTERS, MAX_LINES_PER_SECOND } from "./console-relay.ts";

let directory: string;
let files: BootFiles;
let fixture: CellsFixture;
let logged: string[];
let unlog: () => void;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "aurae-boot-"));
  const pki = join(directory, "pki");
  mkdirSync(pki);
  files = {
    script: join(directory, "boot.ts"),
    caCrt: join(pki, "ca.crt"),
    clientCrt: join(pki, "_signed.client.boot.crt"),
    clientKey: join(pki, "client.boot.key"),
  };
  for (const path of Object.values(files)) {
    writeFileSync(path, "");
  }
  fixture = new CellsFixture({ reserved: RESERVED });
  logged = [];
  // Without the time.
  unlog = setLogSink((line) => logged.push(line.trimEnd().slice(25)));
});

afterEach(() => {
  unlog();
  rmSync(directory, { recursive: true });
});

function begin(more: Partial<BootScriptParts> = {}): void {
  startBootScript({
    ...{ cells: fixture.cells, files, executable: "/bin/auraed" },
    addresses: [{ kind: "tcp", host: "::", port: 8080 }],
    ...more,
  });
}

const all = () => fixture.kernel.processes.running;

function only() {
  const [process, ...others] = all();
  expect(others).toEqual([]);
  return process!;
}

const said = (text: string) => eventually(text, async () => logged.some((it) => it.includes(text)));

describe("startBootScript", () => {
  test("runs the script by this executable, with its own certificate, once a boot", async () => {
    begin();
    const { options } = only();
    expect(options.argv).toEqual([
      ...["/bin/auraed", "auraescript", "--socket", "[::1]:8080", "--ca-crt", files.caCrt],
      ...["--client-crt", files.clientCrt, "--client-key", files.clientKey, files.script],
    ]);
    expect(fixture.cells.outside.get(BOOT_NAME)?.spec.oncePerBoot).toBe(true);
    only().exit({ kind: "exited", code: 0 });
    await said("INFO  the boot script has ended");
    begin();
    await fixture.cells.stop(undefined, BOOT_NAME);
    begin();
    expect(all()).toEqual([]);
    expect(logged.at(-1)).toEndWith("boot.ts was run since the machine booted");
  });

  test("writes what it prints to the log, and its failure", async () => {
    begin();
    const { stdout, stderr } = only();
    stdout.push("one\ntw");
    stderr.push("bad \x1b[31m\n");
    stdout.push("o");
    await eventually("its lines", async () => logged.length > 2);
    only().exit({ kind: "exited", code: 7 });
    await said("has failed");
    expect(logged.filter((line) => line.includes("boot.ts: ")).sort()).toEqual([
      "INFO  boot.ts: bad  [31m",
      "INFO  boot.ts: one",
      "INFO  boot.ts: two",
    ]);
    expect(logged.at(-1)).toBe(
      'ERROR the boot script has failed: it ended with exit code 7; the machine goes on output="aer cell logs --no-cell boot.ts"',
    );
  });

  test("calls nothing a failure that was stopped", async () => {
    begin();
    await fixture.cells.stop(undefined, BOOT_NAME);
    await said("INFO  the boot script was stopped");
    expect(logged.join()).not.toContain("failed");
  });

  test("is not there without a script, and says how to make a certificate where it has none", () => {
    rmSync(files.clientKey);
    begin();
    expect(logged).toEqual([
      `WARN  ${files.script} is not run: it has no certificate. Make one with "auraed pki --client boot" where the CA's key is, and put its two files into the machine's site missing=${files.clientKey}`,
    ]);
    rmSync(files.script);
    begin();
    expect(logged.length).toBe(1);
    expect(all()).toEqual([]);
  });

  test("says why it could not be started, and may be started then", () => {
    fixture.kernel.processes.failNext = "ENOENT";
    begin();
    expect(logged[0]).toMatch(/^ERROR .*boot\.ts could not be run cause=.*ENOENT/);
    begin();
    only();
  });

  test("calls only what was started this boot run, and any other refusal by its reason", () => {
    fixture.kernel.cgroups.create("_");
    fixture.kernel.cgroups.create("_/exe.boot.ts");
    begin();
    expect(logged).toEqual([
      expect.stringMatching(/^ERROR .*boot\.ts could not be run cause=.*not controlled by auraed/),
    ]);
  });

  test("takes nobody else's executable for it, since nobody else gets its name", () => {
    const WHY = "the name is that of the machine's own script; take another one, or a cell";
    expect(() => fixture.start(undefined, BOOT_NAME, { oncePerBoot: true })).toThrow(WHY);
    fixture.allocate("a");
    fixture.start("a", BOOT_NAME, { oncePerBoot: true });
    begin();
    expect(fixture.cells.outside.get(BOOT_NAME)?.state).toBe("running");
  });

  test("listens to one that runs when the daemon was killed, and starts none beside it", async () => {
    begin();
    fixture.kill();
    await fixture.restore();
    begin();
    only().stdout.push("still here\n");
    await said("boot.ts: still here");
    only().exit({ kind: "exited", code: 0 });
    await said("the boot script has ended");
    fixture.kill();
    await fixture.restore();
    begin();
    expect(all()).toEqual([]);
  });
});

test("addressFromHere leads to a listener from the machine itself", () => {
  const from = (host: string) => addressFromHere({ kind: "tcp", host, port: 1 });
  expect(["::", "0.0.0.0", "10.0.0.1", "fe80::1"].map(from)).toEqual([
    ...["[::1]:1", "127.0.0.1:1", "10.0.0.1:1", "[fe80::1]:1"],
  ]);
  expect(addressFromHere({ kind: "unix", path: "/a" })).toBe("/a");
});

describe("ConsoleRelay", () => {
  test("leaves lines out that are too many in a second, and counts them", () => {
    let now = 0;
    const relay = new ConsoleRelay("x", () => now);
    const add = (count: number) => relay.add("stdout", Buffer.from("line\n".repeat(count)));
    add(MAX_LINES_PER_SECOND + 3);
    expect(logged.length).toBe(MAX_LINES_PER_SECOND);
    now = 999;
    add(2);
    now = 1_000;
    add(1);
    relay.end();
    expect(logged.slice(MAX_LINES_PER_SECOND)).toEqual([
      "WARN  x: 5 lines are not shown here",
      "INFO  x: line",
    ]);
  });

  test("cuts a long line, and keeps what it was given apart from its buffer", () => {
    const relay = new ConsoleRelay("x");
    const buffer = Buffer.from("a".repeat(MAX_LINE_CHARACTERS + 1));
    relay.add("stderr", buffer);
    buffer.fill("b");
    relay.end();
    expect(logged).toEqual([`INFO  x: ${"a".repeat(MAX_LINE_CHARACTERS)}…`]);
  });
});
