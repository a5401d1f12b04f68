/** The README's tour, run as a newcomer would: every command of it, in order, and what it prints. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForCgroups } from "../harness/host.ts";
import { printsAsShown, type Step, stepsOf } from "../harness/readme.ts";
import { type Printed, TourShell } from "../harness/readme-shell.ts";
import { StartedClone } from "../harness/readme-start.ts";

const ROOT = resolve(import.meta.dir, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const START_TIMEOUT_MS = 90_000;
const DEBIAN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What the README calls by a name of its own: the cell, the port, and the process ids in the order they come. */
const SHOWN_CELL = "lab";
const SHOWN_PORT = "8080";
const FIRST_SHOWN_PID = 4711;

const missing = missingForCgroups();
const steps = stepsOf(README, "README.md");

function hostConditions(): readonly string[] {
  const offered = readFileSync(join(findCgroup2(), "cgroup.controllers"), "utf8").split(/\s+/);
  return [offered.includes("memory") ? "memory" : "no-memory"];
}

/** Gives the tour a cell and a port of its own, and takes that out of what it prints. */
class Disguise {
  readonly #cell = `${SHOWN_CELL}-${crypto.randomUUID().slice(0, 8)}`;
  readonly #port: number;
  readonly #pids: string[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  on(script: string): string {
    return script
      .replaceAll(new RegExp(`\\b${SHOWN_CELL}\\b`, "g"), this.#cell)
      .replaceAll(SHOWN_PORT, `${this.#port}`);
  }

  off(text: string): string {
    for (const [, first, second] of text.matchAll(/^host_pid {2}(\d+)$|\((\d+)\)/gm)) {
      const pid = first ?? second ?? "";
      if (!this.#pids.includes(pid)) {
        this.#pids.push(pid);
      }
    }
    const shown = text
      .replaceAll(this.#cell, SHOWN_CELL)
      .replaceAll(`127.0.0.1:${this.#port}`, `127.0.0.1:${SHOWN_PORT}`);
    return this.#pids.reduce(
      (result, pid, index) =>
        result.replaceAll(new RegExp(`\\b${pid}\\b`, "g"), `${FIRST_SHOWN_PID + index}`),
      shown,
    );
  }
}

test("the README starts with its two commands", () => {
  const commands = [...README.matchAll(/```sh.*\n([^`]*)```/g)].map(([, body]) => body?.trim());
  expect(commands.slice(0, 2)).toEqual(["npm start", "npm test"]);
});

describe.skipIf(missing !== undefined)(`the README's tour on this host ${missing ?? ""}`, () => {
  const start = steps.find(({ kind }) => kind === "start");
  const resources = new AsyncDisposableStack();
  let clone: StartedClone;
  let shell: TourShell;
  let disguise: Disguise;

  beforeAll(async () => {
    clone = resources.use(await StartedClone.start(start?.script ?? ""));
    disguise = new Disguise(clone.port);
    const env = { PATH: DEBIAN_PATH, HOME: clone.directory, LANG: "C.UTF-8" };
    shell = resources.use(new TourShell(clone.directory, env));
  }, START_TIMEOUT_MS);

  afterAll(() => resources.disposeAsync(), START_TIMEOUT_MS);

  /** What the README shows of a step on a host like this one. */
  function shownOf(step: Step): Printed {
    const conditions = hostConditions();
    const fitting = step.expectations.filter(
      ({ condition }) => condition === undefined || conditions.includes(condition),
    );
    expect(fitting.length).toBe(step.expectations.length === 0 ? 0 : 1);
    return fitting[0] ?? { text: "", status: 0 };
  }

  async function runStep(step: Step, title: string): Promise<void> {
    const shown = shownOf(step);
    let printed: Printed | undefined;
    const isAsShown = async (): Promise<boolean> => {
      const { text, status } = await shell.run(disguise.on(step.script));
      printed = { status, text: disguise.off(text) };
      return status === shown.status && printsAsShown(printed.text, shown.text);
    };
    const isRight = step.isEventual
      ? await eventually(title, isAsShown).catch(() => false)
      : await isAsShown();
    if (!isRight) {
      expect(printed).toEqual(shown);
      throw new Error("what is printed is what is shown but for blanks that matter");
    }
  }

  for (const step of steps) {
    const title = `README.md:${step.line}: ${step.script.split("\n").at(-1)}`;
    test(title, async () => {
      if (step.kind === "start") {
        const text = disguise.off(clone.output);
        expect(text).toContain("curl --cacert .aurae/pki/ca.crt");
        expect(step.expectations.length).toBe(1);
        expect(printsAsShown(text, step.expectations[0]?.text ?? "")).toBe(true);
      } else {
        await runStep(step, title);
      }
    });
  }

  test("the start's own examples of asking work as they are printed", async () => {
    const lines = clone.output
      .split("\n")
      .filter((line) => /^ {2}(curl .*|dist\/aer .* (check|discover|list))$/.test(line));
    expect(lines.length).toBeGreaterThanOrEqual(4);
    for (const line of lines) {
      expect({ line, ...(await shell.run(line)) }).toMatchObject({ line, status: 0 });
    }
  });

  test("the example script runs as it is", async () => {
    const { text, status } = await shell.run(`sh examples/cell.sh https://127.0.0.1:${clone.port}`);
    expect({ status, text }).toEqual({ status: 0, text: expect.stringContaining("hello from ") });
  });

  test("Ctrl-C ends npm start with the daemon, and leaves no socket", async () => {
    await clone.interrupt();
    expect(existsSync(join(clone.directory, ".aurae/run/aurae.sock"))).toBe(false);
    expect(clone.output).toContain("shut down");
  });
});
