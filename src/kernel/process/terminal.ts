/** Terminals of processes: the daemon has the one side, as who looks at a screen and types, and the process the other (pty(7)). */
import { AT_FDCWD, F_DUPFD_CLOEXEC, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR } from "../abi/open.ts";
import { TIOCGPTPEER, TIOCSPTLCK, TIOCSWINSZ, WINSIZE } from "../abi/tty.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { cString, syscall } from "../sys/syscall.ts";
import { KernelInput } from "./input-pipe.ts";
import type { TerminalSize } from "./processes.ts";
import { TerminalOutput } from "./terminal-output.ts";

export const DEFAULT_TERMINAL_SIZE: TerminalSize = { rows: 24, columns: 80 };

/** Control-D, which ends the input where a program reads lines (VEOF, termios(3)). */
const END_OF_INPUT = Uint8Array.of(4);

const MAX_SIZE = 0xffff;

const clamp = (value: number): number => Math.min(Math.max(Math.trunc(value), 0), MAX_SIZE);

function openMaster(): FileDescriptor {
  const flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  const path = "/dev/ptmx";
  return new FileDescriptor(
    syscall("openat", JSON.stringify(path), AT_FDCWD, cString(path), flags, 0),
  );
}

/** A second descriptor of the same open file. */
function duplicate(descriptor: FileDescriptor): FileDescriptor {
  return new FileDescriptor(syscall("fcntl", "terminal", descriptor.number, F_DUPFD_CLOEXEC, 0));
}

export class Terminal implements Disposable {
  readonly output: TerminalOutput;
  readonly input: KernelInput;
  readonly #master: FileDescriptor;
  #isClosed = false;

  private constructor(master: FileDescriptor, output: TerminalOutput, input: KernelInput) {
    this.#master = master;
    this.output = output;
    this.input = input;
  }

  /** Makes a terminal, and the side for the process; the caller closes that once the process has it. */
  static create(size: TerminalSize): { terminal: Terminal; slave: FileDescriptor } {
    using stack = new DisposableStack();
    const master = stack.use(openMaster());
    syscall("ioctl", "TIOCSPTLCK", master.number, TIOCSPTLCK, new Int32Array(1));
    const flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    const peer = syscall("ioctl", "TIOCGPTPEER", master.number, TIOCGPTPEER, flags);
    const slave = stack.use(new FileDescriptor(peer));
    const input = stack.use(new KernelInput(duplicate(master), END_OF_INPUT));
    const terminal = new Terminal(master, new TerminalOutput(duplicate(master)), input);
    stack.move();
    terminal.resize(size);
    return { terminal, slave };
  }

  /** The foreground process group gets SIGWINCH, if that is another size than before. */
  resize({ rows, columns }: TerminalSize): void {
    if (!this.#isClosed) {
      const size = new DataView(new ArrayBuffer(WINSIZE.size));
      WINSIZE.write(size, { ws_row: clamp(rows), ws_col: clamp(columns) });
      syscall("ioctl", "TIOCSWINSZ", this.#master.number, TIOCSWINSZ, size);
    }
  }

  /** The process is gone: nothing more goes in, and what has come out can still be read. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.input[Symbol.dispose]();
    this.#master[Symbol.dispose]();
  }
}
