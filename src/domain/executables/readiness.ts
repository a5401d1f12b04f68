/**
 * Hears an executable say that it is ready: `READY=1` to a socket (sd_notify(3)), or a newline to a descriptor (s6).
 * What comes from a process that is not of the executable is not heard.
 */
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Notification } from "../../kernel/process/notifications.ts";
import type { StartOptions } from "../../kernel/process/processes.ts";
import type { Readiness } from "./executable-spec.ts";
import { readChunks } from "./read-chunks.ts";

/** What it says of itself is for people: a line. */
const MAX_STATUS_CHARACTERS = 256;
const NEWLINE = 0x0a;

/** The variable that tells the process where its socket is. */
export const NOTIFY_SOCKET = "NOTIFY_SOCKET";

export interface ReadinessEvents {
  readonly onReady: () => void;
  readonly onStatusText: (text: string) => void;
}

/** The ears for one life. Closed, it hears nothing more. */
export interface ReadinessEars extends Disposable {
  /** What the process needs from its start. */
  readonly options: Pick<StartOptions, "env" | "descriptors">;
  /** To be called once the process has its descriptors. */
  launched(): void;
}

function socketEars(
  kernel: Kernel,
  cgroup: string,
  events: ReadinessEvents,
  path?: string,
): ReadinessEars {
  let wasTold = false;
  const hear = ({ text, pid }: Notification): void => {
    // Who has ended already (systemd-notify) can't be looked up. It knew the path, which is a secret of the executable.
    const isGone = kernel.processes.groupOf(pid) === undefined;
    if (!isGone && !kernel.cgroups.processes(cgroup).includes(pid)) {
      // Once: whoever has found the path could fill the log.
      if (!wasTold) {
        wasTold = true;
        log.warn("a notification of somebody else was not heard", { cgroup, pid });
      }
      return;
    }
    for (const line of text.split("\n")) {
      if (line === "READY=1") {
        events.onReady();
      } else if (line.startsWith("STATUS=")) {
        events.onStatusText(line.slice("STATUS=".length, MAX_STATUS_CHARACTERS));
      }
    }
  };
  const socket = kernel.notifications.socket(hear, path);
  return {
    options: { env: { [NOTIFY_SOCKET]: socket.path } },
    launched: () => undefined,
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  };
}

function descriptorEars(kernel: Kernel, fd: number, events: ReadinessEvents): ReadinessEars {
  const { pipe, writer } = kernel.notifications.pipe();
  const listen = async (): Promise<void> => {
    for await (const bytes of readChunks(pipe)) {
      if (bytes.includes(NEWLINE)) {
        events.onReady();
        return;
      }
    }
  };
  listen().catch((error: unknown) => {
    log.warn("lost the descriptor of an executable's readiness", { cause: messageOf(error) });
  });
  return {
    options: { env: {}, descriptors: [{ from: writer, to: fd }] },
    launched: () => writer[Symbol.dispose](),
    [Symbol.dispose]: () => {
      writer[Symbol.dispose]();
      void pipe.close();
    },
  };
}

/** @returns undefined where running is being ready */
export function listenForReadiness(
  kernel: Kernel,
  readiness: Readiness,
  cgroup: string,
  events: ReadinessEvents,
): ReadinessEars | undefined {
  switch (readiness.kind) {
    case "none":
      return undefined;
    case "notify":
      return socketEars(kernel, cgroup, events);
    case "fd":
      return descriptorEars(kernel, readiness.fd, events);
  }
}

/**
 * For a process of an earlier daemon: a socket is there again under its path, a pipe can't be.
 * @param path of its socket, if it has one that is known
 * @returns undefined where nothing can be heard of it any more
 */
export function listenAgain(
  kernel: Kernel,
  path: string | undefined,
  cgroup: string,
  events: ReadinessEvents,
): ReadinessEars | undefined {
  if (path === undefined) {
    return undefined;
  }
  try {
    return socketEars(kernel, cgroup, events, path);
  } catch (error) {
    log.warn("can't hear an executable any more", { cgroup, cause: messageOf(error) });
    return undefined;
  }
}
