import { beforeEach, describe, expect, test } from "bun:test";
import { FakePipe } from "../../kernel/fake/fake-processes.ts";
import { MemoryOutput } from "./memory-outputs.ts";
import { OutputDrain } from "./output-drain.ts";

let pipes: { readonly stdout: FakePipe; readonly stderr: FakePipe };
let kept: MemoryOutput;
let lost: unknown[];

beforeEach(() => {
  pipes = { stdout: new FakePipe(), stderr: new FakePipe() };
  kept = new MemoryOutput();
  lost = [];
});

const drain = (): OutputDrain => new OutputDrain(pipes, kept, (error) => lost.push(error));

describe("OutputDrain", () => {
  test("moves all of both streams, and closes a pipe at its end", async () => {
    const { done } = drain();
    pipes.stdout.push("1");
    pipes.stderr.push("2");
    pipes.stderr.end();
    await Bun.sleep(1);
    expect([pipes.stdout.isClosed, pipes.stderr.isClosed]).toEqual([false, true]);
    pipes.stdout.push("3");
    pipes.stdout.end();
    await done;
    expect([kept.texts, lost]).toEqual([{ stdout: "13", stderr: "2" }, []]);
  });

  test("takes what waits at once, when it is asked to", async () => {
    const output = drain();
    pipes.stdout.push("1");
    pipes.stdout.push("2");
    pipes.stderr.push("3");
    output.take();
    expect(kept.texts).toEqual({ stdout: "12", stderr: "3" });
    pipes.stdout.end();
    pipes.stderr.end();
    await output.done;
    expect([kept.texts, lost]).toEqual([{ stdout: "12", stderr: "3" }, []]);
  });

  test("tells what it can't take for", () => {
    const fault = new Error("EIO");
    const output = drain();
    pipes.stdout.take = () => {
      throw fault;
    };
    pipes.stdout.push("1");
    output.take();
    expect(lost).toEqual([fault]);
  });

  test("tells what one pipe can't be read for, and goes on with the other", async () => {
    const fault = new Error("EIO");
    const { done } = drain();
    pipes.stdout.take = () => {
      throw fault;
    };
    pipes.stdout.push("1");
    pipes.stderr.push("2");
    pipes.stderr.end();
    await done;
    expect([lost, pipes.stdout.isClosed, kept.texts.stderr]).toEqual([[fault], true, "2"]);
  });

  test("waits at its end for what still comes, and then no longer for who holds a pipe", async () => {
    const finished = drain().finish();
    setTimeout(() => pipes.stdout.push("late"), 5);
    await finished;
    expect([kept.texts.stdout, pipes.stdout.isClosed, pipes.stderr.isClosed]).toEqual([
      "late",
      ...[true, true],
    ]);
  });
});
