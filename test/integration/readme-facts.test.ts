/** What the documents for people state, held against the code that decides it. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { numbersIn } from "../../build/bench-readme.ts";
import { parseGrants } from "../../src/authz/grants.ts";
import { commandsOf } from "../../src/cli/commands.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { GLOBAL_FLAG_LIST } from "../../src/cli/flags.ts";
import { flagsOf } from "../../src/cli/parse.ts";
import { loadConfig } from "../../src/client/config.ts";
import { DEFAULT_SERVER_NAME } from "../../src/client/credentials.ts";
import { loadGroups } from "../../src/cli/groups.ts";
import { USAGE } from "../../src/daemon/config.ts";
import { VERSION } from "../../src/daemon/version.ts";
import { LIMITS } from "../../src/transport/limits.ts";
import { run } from "../harness/curl.ts";
import { AURAED, TestDaemon } from "../harness/daemon.ts";
import { missingForCgroups } from "../harness/host.ts";
import { fencesOf, printsAsShown, stepsOf } from "../harness/readme.ts";

const ROOT = resolve(import.meta.dir, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...[...new Bun.Glob("docs/**/*.md").scanSync(ROOT)].toSorted(),
];
const missing = missingForCgroups();

/** The cells of the table under a heading, without backticks. */
function tableOf(path: string, heading: string): string[][] {
  const section = read(path).split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** A heading as GitHub's link to it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

describe.each(DOCUMENTS)("%s", (path) => {
  const text = read(path);

  test("has no block of commands that nothing tests", () => {
    expect(() => stepsOf(text, path)).not.toThrow();
  });

  test("has commands that are run in the README alone", () => {
    expect(path === "README.md" || stepsOf(text, path).length === 0).toBe(true);
  });

  test("has links that lead somewhere", () => {
    // What is code is no link, however it looks.
    const prose = text.replace(/`[^`\n]*`/g, "");
    for (const [, link = ""] of prose.matchAll(/\]\(([^)]+)\)/g)) {
      const [file = "", anchor] = link.split("#");
      if (!link.startsWith("https://")) {
        const target = file === "" ? path : join(dirname(path), file);
        expect({ link, exists: existsSync(join(ROOT, target)) }).toEqual({ link, exists: true });
        const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, it = ""]) => it);
        expect(anchor === undefined || headings.map(anchorOf).includes(anchor)).toBe(true);
      }
    }
  });

  test("names only commands of build.ts and of package.json that exist", async () => {
    const help = (await run([process.execPath, join(ROOT, "build.ts"), "help"])).stdout;
    for (const [, name = ""] of text.matchAll(/\bbun build\.ts ([a-z]+)/g)) {
      expect(help).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
    }
    const { scripts } = JSON.parse(read("package.json"));
    for (const [, name = ""] of text.matchAll(/\bnpm run ([a-z]+)/g)) {
      expect(Object.keys(scripts)).toContain(name);
    }
  });

  test("names only files of the repository that are there", () => {
    const named = text.matchAll(
      /`((?:src|test|build|ffi|initramfs|proto|examples|docs)\/[\w./-]*)`/g,
    );
    const files = [...named].map(([, file = ""]) => file);
    for (const file of files.filter((it) => !/[A-Z]{4}/.test(it))) {
      expect({ file, exists: existsSync(join(ROOT, file)) }).toEqual({ file, exists: true });
    }
  });
});

describe("README.md", () => {
  test("has auraed's flags as --help has them", () => {
    const rows = tableOf("README.md", "auraed").map(([flag = "", short = ""]) =>
      `${short} ${flag}`.trim(),
    );
    const flags = [...USAGE.matchAll(/^ {2,}(?:(-\w), )?(--[\w-]+(?: [A-Z]+)?)/gm)].map(
      ([, short = "", flag = ""]) => `${short} ${flag}`.trim(),
    );
    expect(rows.toSorted()).toEqual(flags.toSorted());
    const defaults = USAGE.match(/\/(?:etc|var)\/[\w./-]*\w/g) ?? [];
    expect(defaults.length).toBeGreaterThan(5);
    for (const value of defaults) {
      expect(read("README.md")).toContain(`\`${value}\``);
    }
  });

  test("has aer's exit codes as --help has them", () => {
    const wanted = EXIT_CODES.map(({ code, meaning }) => [`${code}`, meaning.replaceAll("`", "")]);
    expect(tableOf("README.md", "aer")).toEqual(wanted);
  });

  test("shows a configuration that aer takes without a warning", () => {
    const toml = fencesOf(read("README.md"), "README.md").find((it) => it.language === "toml");
    const directory = mkdtempSync(join(tmpdir(), "aurae-readme-"));
    const path = join(directory, "config");
    try {
      writeFileSync(path, toml?.body ?? "");
      const warnings: string[] = [];
      const config = loadConfig({ path, home: "/home/you", warn: (it) => warnings.push(it) });
      expect(warnings).toEqual([]);
      expect(config).toMatchObject({
        paths: { clientKey: "/home/you/.aurae/pki/client.nova.key" },
        address: { kind: "unix", path: "/var/run/aurae/aurae.sock" },
        serverName: DEFAULT_SERVER_NAME,
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("teaches only flags of aer that --help shows", async () => {
    const shown = new Set(
      (await loadGroups())
        .flatMap(commandsOf)
        .flatMap((it) => [...[...GLOBAL_FLAG_LIST, ...flagsOf(it)].map(({ name }) => `--${name}`)]),
    );
    const scripts = stepsOf(read("README.md"), "README.md").map(({ script }) => script);
    const taught =
      scripts
        .flatMap((script) => script.match(/^aer .*$/gm) ?? [])
        .join(" ")
        .match(/--[a-z-]+/g) ?? [];
    expect(taught).toContain("--memory-max");
    expect(taught.filter((flag) => !shown.has(flag))).toEqual([]);
  });

  test("has a place for the numbers of the benchmarks, and nothing else there", () => {
    const written = numbersIn(read("README.md"));
    // Empty until `bun build.ts bench --readme` has been run.
    expect(written === undefined || /^ {2}\S.* \d/m.test(written.numbers)).toBe(true);
  });
});

test("SECURITY.md has the server's limits as they are", () => {
  const MIB = 1024 * 1024;
  const rows = tableOf("SECURITY.md", "What a peer may make the daemon hold or wait for");
  const shown = rows.map(([name = "", value = ""]) => {
    const [, amount = "", unit = ""] = /^(\d+)(?: (\w+))?$/.exec(value) ?? [];
    const factor = { MiB: MIB, KiB: 1024, s: 1000, "": 1 }[unit];
    return [name, Number(amount) * (factor ?? Number.NaN)];
  });
  expect(Object.fromEntries(shown)).toEqual({ ...LIMITS });
});

test("docs/boot.md has the flags of the vm command as help has them", async () => {
  const help = (await run([process.execPath, join(ROOT, "build.ts"), "help"])).stdout;
  const usage = /^ {2}(vm .*?) {2}/m.exec(help)?.[1];
  expect(usage).toContain("--kvm");
  expect(read("docs/boot.md")).toContain(`\nbun build.ts ${usage}\n`);
  const shown = tableOf("docs/boot.md", "The image").map(([flag = ""]) => flag);
  expect(usage?.match(/--[a-z]+/g)?.every((flag) => shown.some((it) => it.startsWith(flag)))).toBe(
    true,
  );
});

test("CHANGELOG.md speaks of this version", () => {
  expect(read("CHANGELOG.md")).toContain(VERSION);
});

describe("examples/policy.toml", () => {
  const path = join(ROOT, "examples/policy.toml");

  test("is a policy", () => {
    expect(parseGrants(read("examples/policy.toml"), path).length).toBe(5);
  });

  test.skipIf(missing !== undefined)(
    `lets the principals in that it names, and no others ${missing ?? ""}`,
    async () => {
      const daemon = await TestDaemon.start("--policy", path);
      try {
        const clients = ["grafana:monitor", "bob:deployer", "eve:visitor"];
        const flags = clients.flatMap((client) => ["--client", client]);
        const made = await run([AURAED, "pki", "--dir", daemon.pki(), ...flags]);
        expect(made.code).toBe(0);
        const ask = async (as: string, method: string) => {
          const { body } = await daemon.call(
            `aurae.cells.v0.CellService/${method}`,
            { ...(method === "Free" ? { cellName: "nowhere" } : {}) },
            { as },
          );
          return body.code;
        };
        expect(await ask("grafana", "List")).toBeUndefined();
        expect(await ask("grafana", "Free")).toBe("permission_denied");
        expect(await ask("bob", "Free")).toBe("not_found");
        expect(await ask("eve", "List")).toBe("permission_denied");
      } finally {
        await daemon.stop();
      }
    },
  );
});

describe("stepsOf", () => {
  test.each([
    ["```sh\nls\n```", "commands that nothing tests"],
    ["```sh notest\nls\n```", "commands that nothing tests"],
    ["```sh notest: \nls\n```", "commands that nothing tests"],
    ["```bash tour\nls\n```", 'a block in "bash"'],
    ["```\nls\n```", 'a block in ""'],
    ["```sh tour\nls", "not closed"],
    ["\n    npm start\n", "indented code"],
    ["```sh tour\nls\n```\n```text status=x\n```", "after text comes"],
    ["```sh tour\nls\n```\n```json\n{}\n```\n```text\n1\n```", "output of no command"],
  ])("refuses %j", (markdown, message) => {
    expect(() => stepsOf(markdown, "x.md")).toThrow(message);
  });

  test("takes what was measured for no command's output", () => {
    const measured = "```text measured\n1 ms\n```\n";
    expect(stepsOf(`\`\`\`sh tour\nls\n\`\`\`\n${measured}`, "x.md")).toMatchObject([
      { script: "ls", expectations: [] },
    ]);
    expect(stepsOf(`\`\`\`sh notest: x\nls\n\`\`\`\n${measured}`, "x.md")).toEqual([]);
  });

  test("gives each command what follows it", () => {
    const markdown =
      "```sh tour eventually\nls\n```\nwords\n```text if=a\n1\n```\n```text if=b status=3\n2\n```\n";
    expect(stepsOf(markdown, "x.md")).toEqual([
      {
        kind: "tour",
        isEventual: true,
        script: "ls",
        line: 1,
        expectations: [
          { condition: "a", status: 0, text: "1" },
          { condition: "b", status: 3, text: "2" },
        ],
      },
    ]);
  });
});

describe("printsAsShown", () => {
  test.each([
    ["a  b \nc\n", "a b\nc", true],
    ["a\n", "b", false],
    ["a\nb\n", "a", false],
    ["", "", true],
    ["x", "", false],
    ["a\nb\nc\n", "…\nc", true],
    ["a\nb\nc\n", "…\nb", false],
    ["a\nb\nc\n", "a\n…\nb\n…", true],
    ["a.c\n", "abc", false],
  ])("of %j and %j is %p", (text, shown, isSame) => {
    expect(printsAsShown(text, shown)).toBe(isSame);
  });
});
