/**
 * The host that is this process. Bun puts a terminal back as it was when the process ends, by a signal too; what is
 * undone here is what has to be undone earlier, before messages are written.
 */
import { ReadStream, WriteStream } from "node:tty";
import type { Host, TerminalSize } from "./host.ts";

export function createProcessHost(): Host {
  const { stdin } = process;
  const size = () => sizeOf(process.stdout) ?? sizeOf(process.stderr);
  return {
    isInputTerminal: stdin.isTTY === true,
    input: () => readAll(stdin),
    rawMode: async () => await rawMode(stdin),
    size,
    onResize: (listener) => {
      // A stream hears of its new size by a listener that it adds when it is first used: it has to be before ours.
      size();
      process.on("SIGWINCH", listener);
      return { [Symbol.dispose]: () => void process.off("SIGWINCH", listener) };
    },
    onSignals,
  };
}

async function* readAll(stdin: NodeJS.ReadStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of stdin) {
    yield chunk as Uint8Array;
  }
}

async function rawMode(stdin: NodeJS.ReadStream): Promise<Disposable> {
  if (!(stdin instanceof ReadStream)) {
    throw new Error("standard input is no terminal");
  }
  const set = async (): Promise<void> => {
    stdin.setRawMode(false);
    stdin.setRawMode(true);
    await passOutput();
  };
  const onContinue = (): void => void set();
  process.on("SIGCONT", onContinue);
  await set();
  return {
    [Symbol.dispose]: () => {
      process.off("SIGCONT", onContinue);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

/**
 * Bun's raw mode leaves the terminal to turn a line feed into carriage return and line feed, which breaks programs that
 * go down a line in the same column. Where there is no stty(1), that is how it stays.
 */
async function passOutput(): Promise<void> {
  try {
    await Bun.spawn(["stty", "-opost"], { stdin: "inherit", stdout: "ignore", stderr: "ignore" })
      .exited;
  } catch {
    // ENOENT
  }
}

function sizeOf(stream: NodeJS.WriteStream): TerminalSize | undefined {
  if (!(stream instanceof WriteStream)) {
    return undefined;
  }
  const [columns, rows] = stream.getWindowSize();
  return { rows, columns };
}

function onSignals(
  names: readonly NodeJS.Signals[],
  listener: (name: NodeJS.Signals) => void,
): Disposable {
  const undo = new DisposableStack();
  for (const name of names) {
    const before = process.rawListeners(name) as ((...args: unknown[]) => void)[];
    for (const one of before) {
      process.off(name, one);
    }
    process.on(name, listener);
    undo.defer(() => {
      process.off(name, listener);
      for (const one of before) {
        process.on(name, one);
      }
    });
  }
  return undo;
}
