import { beforeEach, describe, expect, test } from "bun:test";
import { HeldBytes } from "../../kernel/process/held-bytes.ts";
import { MemoryOutput } from "./memory-outputs.ts";
import { TappedOutput } from "./taps.ts";

const waiting = (text: string): HeldBytes => new HeldBytes(Buffer.from(text));

let kept: MemoryOutput;
let output: TappedOutput;
let seen: string[];

const listen = (name: string): Disposable =>
  output.tap((stream, chunk) => seen.push(`${name} ${stream} ${Buffer.from(chunk)}`));

beforeEach(() => {
  kept = new MemoryOutput();
  output = new TappedOutput(kept);
  seen = [];
});

describe("TappedOutput", () => {
  test("hands every chunk to all who listen, by stream, and keeps it", () => {
    listen("a");
    listen("b");
    output.stdout.drain(waiting("1"));
    output.stderr.drain(waiting("2"));
    expect(seen).toEqual(["a stdout 1", "b stdout 1", "a stderr 2", "b stderr 2"]);
    expect(kept.texts).toEqual({ stdout: "1", stderr: "2" });
  });

  test("shows one stream alone to who wants that, and has nothing of the other copied", () => {
    const watched: boolean[] = [];
    const { drain } = kept.stdout;
    kept.stdout.drain = (bytes, witness) => {
      watched.push(witness !== undefined);
      drain(bytes, witness);
    };
    const a = output.tap(
      (stream, chunk) => seen.push(`a ${stream} ${Buffer.from(chunk)}`),
      "stderr",
    );
    output.stdout.drain(waiting("1"));
    output.stderr.drain(waiting("2"));
    listen("b");
    output.stdout.drain(waiting("3"));
    a[Symbol.dispose]();
    output.stderr.drain(waiting("4"));
    expect(seen).toEqual(["a stderr 2", "b stdout 3", "b stderr 4"]);
    expect([kept.texts, watched]).toEqual([{ stdout: "13", stderr: "24" }, [false, true]]);
  });

  test("keeps what comes while nobody listens, and does not show it to those who come later", () => {
    output.stdout.drain(waiting("1"));
    listen("a");
    expect([seen, kept.texts.stdout]).toEqual([[], "1"]);
  });

  test("shows nothing to one who has gone, also if that is in the middle of a chunk", () => {
    const b = listen("b");
    const a = output.tap(() => {
      seen.push("a");
      a[Symbol.dispose]();
    });
    output.stdout.drain(waiting("1"));
    b[Symbol.dispose]();
    output.stdout.drain(waiting("2"));
    expect(seen).toEqual(["b stdout 1", "a"]);
    expect(kept.texts.stdout).toBe("12");
  });

  test("tells who keeps it of beginnings and ends, and of nothing once it is closed", () => {
    output.begin({ pid: 7, namespacePid: 7, startTime: 1n });
    expect([kept.writers, kept.hasEnded]).toEqual([[7], false]);
    output.end();
    expect(kept.hasEnded).toBe(true);
    output.begin({ pid: 8, namespacePid: 8, startTime: 2n });
    output.close();
    output.end();
    expect([kept.isClosed, kept.hasEnded]).toEqual([true, false]);
  });

  test("closes what keeps it once", () => {
    let closed = 0;
    kept.close = () => {
      closed += 1;
    };
    output.close();
    output.close();
    expect(closed).toBe(1);
  });
});
