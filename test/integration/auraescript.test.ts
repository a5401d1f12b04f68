/** `auraescript` as a program: how scripts come to it, what they find, and what is said when they fail. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AURAESCRIPT, Scripts } from "../harness/script.ts";

let scripts: Scripts;

beforeAll(() => {
  scripts = new Scripts();
});
afterAll(() => scripts[Symbol.dispose]());

describe("auraescript FILE", () => {
  test("runs a module with its words, imports beside it, and await at its top", async () => {
    scripts.write(
      "parts/greeting.ts",
      'export const greet = (name: string) => ["hello", name].join(" ");\n',
    );
    const text = `
      import { greet } from "./parts/greeting.ts";
      import { basename } from "node:path";
      const [, script = "", ...words] = process.argv;
      console.log(await Promise.resolve(greet(words.join(" "))), basename(script), import.meta.main);
    `;
    expect(await scripts.runText(text, { args: ["you", "--help", "-x"] })).toEqual({
      code: 0,
      stdout: "hello you --help -x script.ts true\n",
      stderr: "",
    });
  });

  test("finds packages in a node_modules beside the script", async () => {
    scripts.write("node_modules/answer/package.json", '{"name":"answer","main":"main.js"}');
    scripts.write("node_modules/answer/main.js", "module.exports = 42;\n");
    expect(await scripts.runText('import answer from "answer";\nconsole.log(answer);\n')).toEqual({
      code: 0,
      stdout: "42\n",
      stderr: "",
    });
  });

  test("runs a file without an ending by its first line", async () => {
    const text =
      "#!/usr/bin/env auraescript\nconst n = <number>3;\nconsole.log(n, process.argv.slice(2));\n";
    const path = scripts.write("tool", text, { isExecutable: true });
    const child = Bun.spawn([path, "a b"], {
      env: { PATH: `${scripts.folder}/bin:${import.meta.dir}/../../dist:${process.env.PATH}` },
      stdout: "pipe",
    });
    expect(await child.stdout.text()).toBe('3 [ "a b" ]\n');
    expect(await child.exited).toBe(0);
  });

  test.each(["q?a.ts", "q?a", "h#a.ts", "p%a.ts", "p%41.ts", "q?a.tsx", "d?r/a.ts", "d#r/a.ts"])(
    "runs a file of the name %j",
    async (name) => {
      scripts.write("parts/part.ts", 'export const part = "part";\n');
      const text = `import { cells } from "aurae";
${name.startsWith("d?") ? 'const part = "part";' : `import { part } from "${name.startsWith("d") ? "../" : "./"}parts/part.ts";`}
console.log(part, typeof cells, process.argv[1], import.meta.main);
throw new Error("end");
`;
      const path = scripts.write(name, text);
      const { stdout, stderr } = await scripts.run([name]);
      expect(stdout).toBe(`part object ${path} true\n`);
      expect(stderr).toBe(`Error: end\n    at ${path.replaceAll("?", "%3F")}:4:11\n`);
    },
  );

  test("goes on as long as there is something to wait for", async () => {
    const text = 'setTimeout(() => console.log("later"), 50);\nconsole.log("now");\n';
    expect((await scripts.runText(text)).stdout).toBe("now\nlater\n");
  });

  test("loads none of a folder's .env and bunfig.toml", async () => {
    scripts.write(".env", "AURAE_SECRET=1\n");
    scripts.write("bunfig.toml", 'preload = ["./nothing.ts"]\n');
    expect((await scripts.runText("console.log(process.env.AURAE_SECRET);\n")).stdout).toBe(
      "undefined\n",
    );
  });
});

describe("auraescript by standard input", () => {
  test.each([["-"], [""]])("runs what is piped to %j", async (word) => {
    scripts.write("parts/one.ts", "export const one = 1;\n");
    const stdin = 'import { one } from "./parts/one.ts";\nconsole.log(<number>one);\n';
    const words = word === "" ? [] : [word, "a"];
    expect(await scripts.run(words, { stdin })).toEqual({ code: 0, stdout: "1\n", stderr: "" });
  });

  test("tells the line of an error", async () => {
    const { code, stderr } = await scripts.run(["-"], { stdin: '\nthrow new Error("no");\n' });
    expect(stderr).toBe(`Error: no\n    at ${scripts.path("[stdin].ts")}:2:11\n`);
    expect(code).toBe(1);
  });
});

describe("the exit code", () => {
  const CODES: readonly [text: string, code: number][] = [
    ["", 0],
    ["process.exit(7);\n", 7],
    ["process.exitCode = 5;\n", 5],
    ["throw new Error();\n", 1],
    ["throw 'text';\n", 1],
    ["setTimeout(() => { throw new Error(); }, 5);\n", 1],
    ["setTimeout(() => { void Promise.reject(new Error()); }, 5);\n", 1],
    ["process.on('uncaughtException', () => process.exit(9));\nthrow new Error();\n", 1],
    [
      "process.on('uncaughtException', () => process.exit(9));\nsetTimeout(() => { throw 1; });\n",
      9,
    ],
  ];
  test.each(CODES)("of %j is %d", async (text, code) => {
    expect((await scripts.runText(text)).code).toBe(code);
  });

  test("of a script that waits for nothing is 1, and is explained", async () => {
    const { code, stderr } = await scripts.runText("await new Promise(() => {});\n");
    expect(stderr).toBe(
      "auraescript: nothing is left to wait for, and an await at the script's top has not ended\n",
    );
    expect(code).toBe(1);
  });

  test("of a script that Ctrl-C ends is that of the signal", async () => {
    for (const text of [
      "console.log(1);\nwhile (true);\n",
      "console.log(1);\nawait Bun.sleep(1e6);\n",
    ]) {
      const child = scripts.spawn([scripts.write("script.ts", text)]);
      await child.stdout.getReader().read();
      child.kill("SIGINT");
      await child.exited;
      // What a shell calls 130.
      expect(child.signalCode).toBe("SIGINT");
    }
  });
});

describe("bad input", () => {
  const at = (file: string, line: string) => `    at ${scripts.path(file)}:${line}\n`;

  test("a script that does not parse is shown where", async () => {
    const { code, stdout, stderr } = await scripts.runText("let a = 1;\nlet b = ;\n");
    expect(stderr).toBe(
      `SyntaxError: Unexpected ;\n${at("script.ts", "2:9")}\nlet b = ;\n        ^\n`,
    );
    expect([code, stdout]).toEqual([1, ""]);
  });

  test("an import that does not parse is shown where it is, not where it is imported", async () => {
    scripts.write("parts/bad.ts", "\n\nexport const = 1;\n");
    const { stderr } = await scripts.runText('import "./parts/bad.ts";\n');
    expect(stderr).toContain(at("parts/bad.ts", "3:14"));
  });

  test("a script that throws says what and where, its own lines only", async () => {
    const text = 'function f(): never {\n  throw new TypeError("no");\n}\nf();\n';
    expect((await scripts.runText(text)).stderr).toBe(
      `TypeError: no\n    at f (${scripts.path("script.ts")}:2:13)\n${at("script.ts", "4:1")}`,
    );
  });

  test("causes are told, and what a terminal would obey is not passed on", async () => {
    const text = 'throw new Error("\\x1b[2J", { cause: new RangeError("deep") });\n';
    const { stderr } = await scripts.runText(text);
    expect(stderr).toStartWith("Error: \\x1b[2J\n");
    expect(stderr).toContain("\ncaused by RangeError: deep\n");
  });

  test("what is thrown and no error is shown", async () => {
    const { stderr } = await scripts.runText("throw { a: 1 };\n");
    expect(stderr).toContain("a: 1");
    expect(stderr).toContain("(thrown, and no Error)");
  });

  const IMPORTS: readonly [specifier: string, message: string][] = [
    ["./nope.ts", "error: cannot find module './nope.ts'\n"],
    ["nope", "error: cannot find package 'nope'; is it in a node_modules beside the script?\n"],
    [
      "../auraescript/gen/cri.ts",
      'error: cannot find module "../auraescript/gen/cri.ts": pods and containers (runtime.v1) are not there yet\n',
    ],
    [
      "../auraescript/gen/nope.ts",
      'error: cannot find module "../auraescript/gen/nope.ts": there are aurae, cells, discovery, grpc_health, health, observe, runtime, vms\n',
    ],
  ];
  test.each(IMPORTS)("an import of %j is told with its line", async (specifier, message) => {
    const { code, stderr } = await scripts.runText(`// first\nimport "${specifier}";\n`);
    expect(stderr).toBe(message + at("script.ts", "2"));
    expect(code).toBe(1);
  });

  test("an import that is told of has a line that is an import", async () => {
    const text = '// see "nope", or\nconst s = "nope";\nimport(s);\nimport\n  "nope";\n';
    expect((await scripts.runText(text)).stderr).toEndWith(at("script.ts", "5"));
    const { stderr } = await scripts.run(["-"], { stdin: '\nimport "./nope.ts";\n' });
    expect(stderr).toEndWith(at("[stdin].ts", "2"));
  });

  const NAMES: readonly [text: string, message: string, place: string][] = [
    [
      'import { nope } from "aurae";\nnope();\n',
      "Export named 'nope' not found in module 'aurae'.",
      "1:10",
    ],
    [
      '// nope\nimport { one,\n  nope as two } from "./parts/one";\none(two);\n',
      "Export named 'nope' not found in module 'ONE'.",
      "3:3",
    ],
    [
      'import one from "./parts/one.ts";\none();\n',
      "module 'ONE' does not have an export named 'default'. Did you mean 'one'?",
      "1:8",
    ],
    [
      'export { nope } from "./parts/one.ts";\n',
      "export 'nope' not found in './parts/one.ts'",
      "1:10",
    ],
    [
      '\nimport { nope } from "fs";\nnope();\n',
      "Export named 'nope' not found in module 'node:fs'.",
      "2:10",
    ],
    [
      'import { nope } from "../auraescript/gen/cells.ts";\nnope();\n',
      "Export named 'nope' not found in module 'auraescript:cells'.",
      "1:10",
    ],
  ];
  test.each(NAMES)(
    "a name that a module does not have, %j, is told with its place",
    async (text, message, place) => {
      const one = scripts.write("parts/one.ts", "export const one = console.log;\n");
      const { code, stderr } = await scripts.runText(text);
      expect(stderr).toBe(`SyntaxError: ${message.replace("ONE", one)}\n${at("script.ts", place)}`);
      expect(code).toBe(1);
    },
  );

  test("a name that a module does not have is told where a module of the script imports it", async () => {
    scripts.write("parts/two.ts", 'import { nope } from "aurae";\nnope();\n');
    const { stderr } = await scripts.runText('await import("./parts/two.ts");\n');
    expect(stderr).toEndWith(at("parts/two.ts", "1:10"));
    const given = await scripts.run(["-"], { stdin: 'import { nope } from "aurae";\nnope();\n' });
    expect(given.stderr).toEndWith(at("[stdin].ts", "1:10"));
  });

  test.each([
    [["nope.ts"], 1, 'auraescript: cannot run "nope.ts": no such file\n'],
    [["/"], 1, 'auraescript: cannot run "/": it is a directory\n'],
    [["--sockt", "x"], 2, 'auraescript: no flag "--sockt"; did you mean "--socket"?\n'],
    [["--socket"], 2, "auraescript: --socket: want a value\n"],
  ] as const)("%j is refused", async (words, code, stderr) => {
    expect(await scripts.run(words)).toEqual({ code, stdout: "", stderr });
  });

  test("warnings and refusals pass on nothing that a terminal would obey", async () => {
    const home = scripts.path("escapes");
    scripts.write("escapes/.aurae/config", '[auth]\n"\\u001b[2Jx" = "1"\n');
    const text = 'import { createClient } from "aurae";\nawait createClient();\n';
    const warned = await scripts.runText(text, { env: { HOME: home } });
    expect(warned.stderr).toStartWith("auraescript: warning: ");
    expect(warned.stderr).toContain("\\x1b[2Jx");
    expect(warned.stderr).not.toContain("\x1b");
    const refused = await scripts.run(["\x1b[2J.ts"]);
    expect(refused.stderr).toBe('auraescript: cannot run "\\x1b[2J.ts": no such file\n');
  });

  test("nobody reading any more ends a script that writes, without a word", async () => {
    const text = `for (let i = 0; i < 1e4; i++) {
  process.stdout.write(\`\${"x".repeat(100)}\\n\`);
  await Bun.sleep(0);
}
`;
    const shell = `"${AURAESCRIPT}" "${scripts.write("script.ts", text)}" | head -n1; echo "\${PIPESTATUS[0]}"`;
    const child = Bun.spawn(["bash", "-c", shell], { stdout: "pipe", stderr: "pipe" });
    expect(await child.stdout.text()).toBe(`${"x".repeat(100)}\n141\n`);
    expect(await child.stderr.text()).toBe("");
    await child.exited;
  });
});

test("--help and --version are answered", async () => {
  const help = await scripts.run(["--help"]);
  expect(help.stdout).toContain("usage: auraescript [flag...] [FILE [argument...]]\n");
  expect(help.code).toBe(0);
  expect((await scripts.run(["-V"])).stdout).toMatch(/^auraescript \d+\.\d+\.\d+\n$/);
});
