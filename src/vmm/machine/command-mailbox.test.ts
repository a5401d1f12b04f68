import { describe, expect, test } from "bun:test";
import { CommandError, CommandMailbox } from "./command-mailbox.ts";
import { type LogLine, Reports } from "./reports.ts";

/** A mailbox whose thread does each command when it is woken, in this one. */
function mailboxFor(handle: (command: unknown) => unknown): CommandMailbox<unknown> {
  const here: CommandMailbox<unknown> = new CommandMailbox({ signal: () => there.serve(handle) });
  const there = new CommandMailbox<unknown>({ signal: () => undefined }, here.memory);
  return here;
}

describe("CommandMailbox", () => {
  test("carries a command there and its answer back", () => {
    const mailbox = mailboxFor((command) => ({ got: command }));
    expect(mailbox.call({ do: "it", text: "é\0" }, 1000)).toEqual({
      got: { do: "it", text: "é\0" },
    });
    expect(mailbox.call([1, 2], 1000)).toEqual({ got: [1, 2] });
  });

  test("carries what was thrown, with its name", () => {
    const mailbox = mailboxFor(() => {
      throw new RangeError("too far");
    });
    let caught: unknown;
    try {
      mailbox.call({}, 1000);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(CommandError);
    expect(caught).toMatchObject({ original: "RangeError", message: "too far" });
    expect(() => mailbox.call({}, 1000)).toThrow("too far");
  });

  test("gives up on a thread that does not answer, and takes nothing more", () => {
    const mailbox = new CommandMailbox<unknown>({ signal: () => undefined });
    expect(() => mailbox.call({}, 10)).toThrow("has not answered in 10 ms");
    expect(() => mailbox.call({}, 10)).toThrow("still has its last command");
  });

  test("gives no answer that came too late to whoever asks next", () => {
    let ring = (): void => undefined;
    const here = new CommandMailbox<unknown>({ signal: () => ring() });
    const there = new CommandMailbox<unknown>({ signal: () => undefined }, here.memory);
    const echo = (command: unknown) => ({ got: command });
    expect(() => here.call("slow", 10)).toThrow("has not answered in 10 ms");
    there.serve((command) => {
      // It has taken the command, and works on it still.
      expect(() => here.call("meanwhile", 10)).toThrow("still has its last command");
      return echo(command);
    });
    ring = () => void there.serve(echo);
    expect(here.call("next", 1000)).toEqual({ got: "next" });
  });

  test("refuses the first command of a thread that is not to be", () => {
    const here = new CommandMailbox<unknown>({ signal: () => undefined });
    new CommandMailbox<unknown>({ signal: () => undefined }, here.memory).refuse(
      new Error("no disk"),
    );
    expect(() => here.call({}, 1000)).toThrow("no disk");
  });

  test("refuses a command that is too long", () => {
    const mailbox = mailboxFor(() => undefined);
    expect(() => mailbox.call("x".repeat(1024 * 1024), 10)).toThrow("1048578 bytes");
    expect(mailbox.call("x".repeat(1024 * 1000), 1000)).toBe(null);
  });
});

describe("Reports", () => {
  test("the first end counts, and lines that nobody takes are not waited for", () => {
    let rings = 0;
    const main = new Reports({ signal: () => undefined });
    const thread = new Reports({ signal: () => (rings += 1) }, main.memory);
    expect([main.takeEnd(), main.takeLog()]).toEqual([undefined, undefined]);
    thread.end({ kind: "off", message: "first" });
    thread.end({ kind: "crash", message: "second" });
    const line = { level: "warn", message: "x", fields: { device: "block" } } as const;
    thread.log(line);
    thread.log({ ...line, message: "lost" });
    expect(main.takeEnd()).toEqual({ kind: "off", message: "first" });
    expect(main.takeLog()).toEqual(line);
    expect(main.takeLog()).toBeUndefined();
    expect(rings).toBe(3);
  });

  test("long texts are cut", () => {
    const main = new Reports({ signal: () => undefined });
    main.log({
      level: "warn",
      message: "m".repeat(9999),
      fields: { error: "e".repeat(99_999), at: 1 },
    });
    const line = {
      level: "warn",
      message: "m".repeat(1024),
      fields: { error: "e".repeat(1024), at: 1 },
    };
    expect(main.takeLog()).toEqual(line as LogLine);
    main.end({ kind: "crash", message: "x".repeat(99_999) });
    expect(main.takeEnd()?.message.length).toBe(4096);
  });
});
