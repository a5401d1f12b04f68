import { expect, test } from "bun:test";
import { errorReport } from "./error-report.ts";
import { MissingModuleError } from "./modules.ts";

function withStack(error: Error, ...frames: string[]): Error {
  return Object.assign(error, { stack: [String(error), ...frames].join("\n") });
}

test("errorReport begins with the message and leaves out frames of the executable", () => {
  const error = withStack(
    new TypeError("no"),
    "    at f (/srv/a.ts:1:2)",
    "    at g (/$bunfs/root/chunk.js:1:2)",
    "    at h (src/library/calls.ts:3:4)",
    "    at processTicksAndRejections (native:7:39)",
    "    at async node:internal/x:1:2",
    "    at async /srv/b.ts:3:4",
  );
  expect(errorReport(error)).toBe(
    "TypeError: no\n    at f (/srv/a.ts:1:2)\n    at async /srv/b.ts:3:4\n",
  );
});

test("errorReport tells each of many errors, and where they come from", () => {
  const one = withStack(new Error("one"), "    at /srv/a.ts:1:2");
  const many = withStack(new AggregateError([one, "two"], "all"));
  expect(errorReport(many)).toBe(
    "AggregateError: all\nError: one\n    at /srv/a.ts:1:2\nerror: two (thrown, and no Error)\n",
  );
  const caused = withStack(new Error("outer", { cause: one }));
  expect(errorReport(caused)).toBe("Error: outer\ncaused by Error: one\n    at /srv/a.ts:1:2\n");
});

test("errorReport ends, also for an error that is its own cause", () => {
  const error = withStack(new Error("round"));
  error.cause = error;
  expect(errorReport(error).split("\n").length).toBeLessThan(20);
});

test("errorReport passes no control characters on", () => {
  expect(errorReport(withStack(new Error("a\x1b[31m\x07\x9b\tb")))).toBe(
    "Error: a\\x1b[31m\\x07\\x9b\tb\n",
  );
});

test("errorReport names no module of the executable's own as where an import is", () => {
  const report = (referrer: string) =>
    errorReport(new MissingModuleError({ specifier: "./x.ts", referrer }, "none"));
  expect(report("/$bunfs/root/chunk.js")).toBe('error: cannot find module "./x.ts": none\n');
  expect(report("/srv/a.ts")).toEndWith("\n    at /srv/a.ts\n");
});

test("errorReport takes whatever can be thrown", () => {
  expect(errorReport(undefined)).toBe("error: undefined (thrown, and no Error)\n");
  expect(errorReport(null)).toBe("error: null (thrown, and no Error)\n");
  expect(errorReport(withStack(new Error("")))).toBe("Error\n");
});
