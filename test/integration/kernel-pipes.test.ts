/** Output pipes of the real kernel: what is in them goes into files and memory, whoever writes, and however. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readChunks } from "../../src/domain/executables/read-chunks.ts";
import { O_ASYNC, O_RDONLY } from "../../src/kernel/abi/open.ts";
import { SignalPoll } from "../../src/kernel/io/signal-poll.ts";
import { createOutputPipe, type OutputPipeEnds } from "../../src/kernel/process/pipe.ts";
import { eventually } from "../harness/eventually.ts";

let folder: string;
let poll: SignalPoll;
let undo: DisposableStack;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aurae-pipes-"));
  poll = new SignalPoll();
  undo = new DisposableStack();
  undo.defer(() => rmSync(folder, { recursive: true, force: true }));
  undo.use(poll);
});

afterEach(() => undo.dispose());

function open(name: string, flags: string): number {
  const fd = openSync(name.startsWith("/") ? name : join(folder, name), flags);
  undo.defer(() => closeSync(fd));
  return fd;
}

function ends(): OutputPipeEnds & { write(text: string): void } {
  const it = createOutputPipe(poll);
  undo.defer(() => void it.pipe.close());
  undo.use(it.writer);
  return { ...it, write: (text) => void writeSync(it.writer.number, text) };
}

/** Undefined, or nothing, of a descriptor that was closed meanwhile. */
function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");

/** Whether SIGIO is sent when something is written to a pipe, by what /proc tells of its reading end. */
function sendsSignals(inode: bigint): boolean {
  for (const fd of readdirSync("/proc/self/fd")) {
    const flags = /^flags:\s+0(\d+)/m.exec(readIfThere(`/proc/self/fdinfo/${fd}`))?.[1] ?? "";
    const bits = Number.parseInt(flags, 8);
    if ((bits & 3) === O_RDONLY && linkOf(fd) === `pipe:[${inode}]`) {
      return (bits & O_ASYNC) !== 0;
    }
  }
  throw new Error("there is no such pipe");
}

/** Has a program write to a pipe, and moves all of it into a file. */
async function intoFile(name: string, argv: readonly string[], turnBytes: number): Promise<number> {
  const { pipe, writer } = ends();
  const fd = open(name, "w+");
  const child = Bun.spawn([...argv], { stdio: ["ignore", writer.number, "ignore"] });
  writer[Symbol.dispose]();
  let size = 0;
  while (await pipe.readable()) {
    size += pipe.moveTo(fd, size, turnBytes);
  }
  await child.exited;
  return size;
}

describe("KernelPipe", () => {
  test("moveTo moves what waits to its place in a file, and no more than it is asked to", () => {
    const { pipe, write } = ends();
    const fd = open("out", "w+");
    expect(pipe.moveTo(fd, 0, 10)).toBe(0);
    write("hello world");
    expect(pipe.waitingBytes).toBe(11);
    expect(pipe.moveTo(fd, 2, 6)).toBe(6);
    expect(pipe.moveTo(fd, 0, 2)).toBe(2);
    expect([textOf("out"), pipe.waitingBytes]).toEqual(["wohello ", 3]);
    expect(Buffer.from(pipe.take()).toString()).toBe("rld");
    expect([pipe.take().length, pipe.moveTo(fd, 8, 10)]).toEqual([0, 0]);
  });

  test("moveTo copies where a file can't be spliced to, and loses nothing of what does not fit", () => {
    const { pipe, write } = ends();
    const fd = open("appended", "a+");
    write("hello world");
    expect(pipe.moveTo(fd, 0, 4)).toBe(4);
    expect(pipe.waitingBytes).toBe(7);
    write("!");
    expect(pipe.moveTo(fd, 4, 100)).toBe(7);
    expect(pipe.moveTo(fd, 11, 100)).toBe(1);
    expect(textOf("appended")).toBe("hello world!");
  });

  test("moveTo fails where nothing can be written, and leaves what waits", () => {
    const { pipe, write } = ends();
    write("hello");
    expect(() => pipe.moveTo(open("/dev/full", "w"), 0, 5)).toThrow("ENOSPC");
    expect(() => pipe.moveTo(1_000_000, 0, 5)).toThrow("EBADF");
    expect(pipe.waitingBytes).toBe(5);
    expect(Buffer.from(pipe.take()).toString()).toBe("hello");
  });

  test.skipIf(process.getuid?.() !== 0)(
    "moveTo fills a disk to its end, and leaves the rest",
    () => {
      const { pipe, write } = ends();
      const disk = join(folder, "disk");
      expect(Bun.spawnSync(["mkdir", disk]).exitCode).toBe(0);
      Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
      try {
        const fd = openSync(join(disk, "out"), "w+");
        write("x".repeat(100_000));
        let size = 0;
        const fill = (): void => {
          for (;;) {
            size += pipe.moveTo(fd, size, 100_000);
          }
        };
        expect(fill).toThrow("ENOSPC");
        expect([size, pipe.waitingBytes]).toEqual([65_536, 100_000 - 65_536]);
        closeSync(fd);
      } finally {
        Bun.spawnSync(["umount", disk]);
      }
    },
  );

  test("readable waits for the first byte, and tells the end when all is taken", async () => {
    const { pipe, writer, write } = ends();
    const told: boolean[] = [];
    const first = pipe.readable().then((it) => told.push(it));
    await Bun.sleep(5);
    expect(told).toEqual([]);
    write("last words");
    await first;
    writer[Symbol.dispose]();
    expect([told, await pipe.readable()]).toEqual([[true], true]);
    expect(Buffer.from(pipe.take()).toString()).toBe("last words");
    expect(await pipe.readable()).toBe(false);
  });

  test("readable ends when the pipe is closed, while it waits and while it pauses", async () => {
    const [waiting, pausing] = [ends(), ends()];
    const first = waiting.pipe.readable();
    pausing.write("ab");
    pausing.pipe.moveTo(open("out", "w+"), 0, 1);
    const second = pausing.pipe.readable();
    await Promise.all([waiting.pipe.close(), pausing.pipe.close()]);
    expect(await Promise.all([first, second])).toEqual([false, false]);
  });

  test("readable loses no byte of many who write at a time, and lets others have their turns", async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const sizes = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        intoFile(`${at}`, ["head", "-c", "3000000", "/dev/zero"], 50_000),
      ),
    );
    clearInterval(timer);
    expect(sizes).toEqual(Array(20).fill(3_000_000));
    expect(statSync(join(folder, "7")).size).toBe(3_000_000);
    expect(turns).toBeGreaterThan(10);
  });

  test("readable has one signal sent for all that comes until it is empty, and loses no small write", async () => {
    const { pipe, inode, write } = ends();
    const first = pipe.readable();
    await Bun.sleep(1);
    expect(sendsSignals(inode)).toBe(true);
    write("a");
    expect([await first, sendsSignals(inode)]).toEqual([true, false]);
    pipe.take();
    const second = pipe.readable();
    await eventually("signals again", () => sendsSignals(inode));
    await Bun.sleep(1);
    write("b");
    expect(await second).toBe(true);
    const argv = ["dd", "if=/dev/zero", "bs=1", "count=200000"];
    expect(await intoFile("out", argv, 256 * 1024)).toBe(200_000);
  });

  test("readable hears of few words that come one after the other", async () => {
    const { pipe, writer, write } = ends();
    const heard: string[] = [];
    const all = (async () => {
      for await (const bytes of readChunks(pipe)) {
        heard.push(Buffer.from(bytes).toString());
      }
    })();
    for (const word of ["a", "b", "c"]) {
      write(word);
      await Bun.sleep(3);
    }
    writer[Symbol.dispose]();
    await all;
    expect(heard).toEqual(["a", "b", "c"]);
  });

  test("is no danger once nobody looks any more", async () => {
    const { pipe, write } = ends();
    void pipe.readable();
    poll[Symbol.dispose]();
    write("a SIGIO that nobody handles would end this process");
    await Bun.sleep(5);
    poll = undo.use(new SignalPoll());
  });
});
