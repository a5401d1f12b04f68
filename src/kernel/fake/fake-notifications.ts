/** Notifications in memory. For tests. */
import { openSync } from "node:fs";
import type { Notification, Notifications, NotifySocket } from "../process/notifications.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { FakePipe } from "./fake-processes.ts";

export class FakeNotifications implements Notifications {
  readonly sockets = new Map<string, (notification: Notification) => void>();
  readonly pipes: FakePipe[] = [];
  #serial = 0;

  socket(onMessage: (notification: Notification) => void, earlier?: string): NotifySocket {
    this.#serial += 1;
    const path = earlier ?? `/fake/notify/${this.#serial}`;
    this.sockets.set(path, onMessage);
    return {
      path,
      [Symbol.dispose]: () => {
        if (this.sockets.get(path) === onMessage) {
          this.sockets.delete(path);
        }
      },
    };
  }

  pipe(): ReturnType<Notifications["pipe"]> {
    const pipe = new FakePipe();
    this.pipes.push(pipe);
    return { pipe, writer: new FileDescriptor(openSync("/dev/null", "w")) };
  }
}
