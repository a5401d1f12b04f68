/**
 * `bun build.ts vm`, as a person has it who leaves its terminal alone: it boots, tells what to type, and what it tells
 * works. Its state is the repository's own, `.aurae/vm`. The tests are the steps of one story and run in order.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { inRoot, ROOT } from "../../build/paths.ts";
import { killTree } from "../../build/process-tree.ts";
import { type Ended, run } from "../harness/curl.ts";
import { eventually } from "../harness/eventually.ts";

const READY = "The machine is up.";
const BOOT_TIMEOUT_MS = 120_000;
const END_TIMEOUT_MS = 60_000;
const TAIL_CHARACTERS = 4_000;

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once("error", reject);
  probe.listen({ host: "127.0.0.1", port: 0 }, () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
  });
  return promise;
}

function vmCommand(...args: readonly string[]) {
  return Bun.spawn([process.execPath, "build.ts", "vm", ...args], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

let port = 0;
let output = "";
let child: ReturnType<typeof vmCommand> | undefined;

async function collect(stream: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    output += decoder.decode(chunk, { stream: true });
  }
}

const aer = (...args: readonly string[]): Promise<Ended> =>
  run([inRoot("dist/aer"), "--config", inRoot(".aurae/vm/config"), ...args]);

beforeAll(async () => {
  port = await freePort();
  const started = vmCommand("--port", `${port}`);
  child = started;
  collect(started.stdout);
  collect(started.stderr);
  const isUp = () => output.includes(READY) || started.exitCode !== null;
  await eventually("the machine's boot", isUp, BOOT_TIMEOUT_MS).catch((cause) => {
    throw new Error(`bun build.ts vm:\n${output.slice(-TAIL_CHARACTERS)}`, { cause });
  });
  if (started.exitCode !== null) {
    throw new Error(`bun build.ts vm ended with ${started.exitCode}:\n${output}`);
  }
}, BOOT_TIMEOUT_MS + END_TIMEOUT_MS);

afterAll(async () => {
  if (child !== undefined && child.exitCode === null) {
    killTree(child.pid);
    await child.exited;
  }
});

describe("bun build.ts vm", () => {
  test("shows the console, and what to type in another terminal", () => {
    expect(output).toContain("TCP Access Socket created");
    expect(output).toMatch(/dist\/aer --config \S*\.aurae\/vm\/config machine power-off/);
    expect(output.indexOf(READY)).toBeGreaterThan(output.indexOf("Running as pid 1"));
  });

  test("forwards its port to the API, for the certificates that it made", async () => {
    const discovered = await aer("--output", "json", "discovery", "discover");
    expect(discovered).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(discovered.stdout)).toMatchObject({ healthy: true });
  });

  test("tells the curl command that works as it stands", async () => {
    const line = /^ +(curl .*Discover)\s*$/m.exec(output)?.[1] ?? "false";
    expect(line).toContain(`https://127.0.0.1:${port}/`);
    const child = Bun.spawn(["sh", "-c", `${line} --silent`], { cwd: ROOT, stderr: "pipe" });
    expect(await child.stdout.json()).toMatchObject({ healthy: true });
    expect(await child.exited).toBe(0);
  });

  test("does not take a port that is taken, and says what to do", async () => {
    const second = vmCommand("--port", `${port}`);
    expect(await second.exited).not.toBe(0);
    expect(await second.stderr.text()).toContain("`bun build.ts vm --port N`");
  });

  test(
    "ends with status 0 when the machine is powered off",
    async () => {
      const answer = await aer("machine", "power-off");
      expect(answer).toMatchObject({ code: 0, stderr: "" });
      await eventually("its end", () => child?.exitCode !== null, END_TIMEOUT_MS).catch((cause) => {
        throw new Error(output.slice(-TAIL_CHARACTERS), { cause });
      });
      expect(child?.exitCode).toBe(0);
      expect(output).toContain("powering the machine off");
      expect(output).not.toContain("Kernel panic");
      expect(output).not.toContain("the machine does not answer");
    },
    END_TIMEOUT_MS * 2,
  );
});
