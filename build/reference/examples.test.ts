/** Every example of the API reference, against what it is meant for: the rules, aer's own parser, curl's bytes. */
import { describe, expect, test } from "bun:test";
import { type DescMethod, fromJson, toJson } from "@bufbuild/protobuf";
import { assignmentsFrom } from "../../src/cli/assignments.ts";
import { requestsFrom } from "../../src/cli/call-method.ts";
import { loadGroups } from "../../src/cli/groups.ts";
import { findMethod } from "../../src/cli/methods.ts";
import { parseLine } from "../../src/cli/parse.ts";
import { requestFrom } from "../../src/cli/request.ts";
import type { CliIo } from "../../src/cli/run.ts";
import { violationsOf } from "../../src/service/rules/message-rules.ts";
import { SERVICES } from "../../src/service/services.ts";
import { aerLine, commandOf } from "./aer-words.ts";
import { curlLine } from "./curl.ts";
import { EXAMPLE_NAMES, exampleOf } from "./examples.ts";

const GROUPS = await loadGroups();
const METHODS = SERVICES.flatMap(({ methods }) => methods);
const idOf = ({ parent, name }: DescMethod): string => `${parent.typeName}.${name}`;
const EACH = METHODS.map((method) => [idOf(method), method] as const);

/** What a shell makes of a line: its words, or the bytes that a program gets. */
async function shell(script: string, ...words: string[]): Promise<Uint8Array> {
  const child = Bun.spawn(["sh", "-euc", script, "sh", ...words], {
    stdin: "ignore",
    stderr: "inherit",
  });
  const bytes = await new Response(child.stdout).bytes();
  expect(await child.exited).toBe(0);
  return bytes;
}

const wordsOf = async (line: string): Promise<string[]> => {
  const bytes = await shell(`words() { printf '%s\\0' "$@"; }; ${line.replace(/^\w+/, "words")}`);
  return Buffer.from(bytes).toString().split("\0").slice(0, -1);
};

test("every method has an example, and every example a method", () => {
  for (const method of METHODS) {
    expect(exampleOf(method).length).toBeGreaterThan(0);
  }
  const names = METHODS.map(idOf);
  expect(EXAMPLE_NAMES.filter((name) => !names.includes(name))).toEqual([]);
});

describe("an example is a request that the daemon takes", () => {
  test.each(EACH)("%s", (_, method) => {
    for (const json of exampleOf(method)) {
      const message = fromJson(method.input, json);
      expect(violationsOf(method.input, message)).toEqual([]);
      // Nothing in it goes unread, and nothing is written in another way than the API writes it.
      expect(toJson(method.input, message)).toEqual(json);
    }
  });
});

describe("the line for curl sends that request", () => {
  test.each(EACH)("%s", async (_, method) => {
    const requests = exampleOf(method);
    const line = curlLine(method, requests);
    expect(line).toEndWith(` https://localhost/${method.parent.typeName}/${method.name}`);
    if (method.methodKind === "unary") {
      const words = await wordsOf(line.replaceAll("$", ""));
      expect(JSON.parse(words[words.indexOf("--json") + 1]!)).toEqual(requests[0]!);
      return;
    }
    expect(line).toContain("-H 'content-type: application/connect+json' --data-binary @-");
    const bytes = Buffer.from(await shell(line.split(" | ")[0]!));
    const sent: unknown[] = [];
    for (let at = 0; at < bytes.length;) {
      expect(bytes[at]).toBe(0);
      const length = bytes.readUInt32BE(at + 1);
      sent.push(JSON.parse(bytes.subarray(at + 5, at + 5 + length).toString()));
      at += 5 + length;
    }
    expect(sent).toEqual([...requests]);
  });
});

describe("the line for aer makes that request", () => {
  test.each(EACH)("%s", async (_, method) => {
    const requests = exampleOf(method);
    const line = parseLine(await wordsOf(aerLine(method, requests)), GROUPS);
    if (commandOf(method) === undefined) {
      const [name = "", ...words] = line.words;
      expect(line.builtin?.name).toBe("call");
      expect(findMethod(name)).toBe(method);
      const what = {
        method,
        words,
        output: "json" as const,
        options: { signal: new AbortController().signal, timeoutMs: undefined },
      };
      const sent = await Array.fromAsync(requestsFrom(what, {} as CliIo));
      expect(sent.map((message) => toJson(method.input, message))).toEqual([...requests]);
      return;
    }
    const { command, words, flags, rest } = line;
    expect(command?.method).toBe(method);
    const { message } = requestFrom(command!, assignmentsFrom(command!, words, flags, rest));
    expect(toJson(method.input, message)).toEqual(requests[0]!);
  });
});
