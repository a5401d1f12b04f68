/**
 * The door to what executables say of themselves: a socket for sd_notify(3), and a descriptor for a newline (s6).
 * Implemented by the kernel (`notify-sockets.ts`) and in memory (`../fake/fake-notifications.ts`).
 */
import type { FileDescriptor } from "../sys/fd.ts";
import type { OutputPipe } from "./processes.ts";

export interface Notification {
  /** Assignments, one a line: `READY=1`, `STATUS=…`. */
  readonly text: string;
  /** Who sent it, by the kernel's word. */
  readonly pid: number;
}

export interface NotifySocket extends Disposable {
  /** What NOTIFY_SOCKET is to say. */
  readonly path: string;
}

export interface Notifications {
  /**
   * A datagram socket that anybody may write to; who it was is told.
   * @param path of one that an earlier daemon had, which is to be there again
   * @throws {SyscallError}
   */
  socket(onMessage: (notification: Notification) => void, path?: string): NotifySocket;
  /** A pipe; the writing end is for the child, and to be closed here once it has it. @throws {SyscallError} */
  pipe(): { readonly pipe: OutputPipe; readonly writer: FileDescriptor };
}
