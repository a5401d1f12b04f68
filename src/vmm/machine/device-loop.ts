/**
 * What the thread of devices does: answers processors, does what the main thread says, works on the queues that the guest
 * has notified of, and on what the host's descriptors have for the guest. It sleeps in one system call, and each of these
 * wakes it.
 *
 * Notifications come as edges of eventfds, so none of them is read; the devices' own descriptors are polled for as long as
 * they are wanted.
 */
import { POLLIN } from "../../kernel/abi/poll.ts";
import { EdgePoll } from "../../kernel/io/edge-poll.ts";
import { PollList } from "../../kernel/io/poll-list.ts";
import type { Wait } from "../virtio/device.ts";
import type { AccessHandler, AccessMailbox } from "./access-mailbox.ts";
import type { CommandMailbox } from "./command-mailbox.ts";

/** Something that waits for descriptors of the host's: a virtio device's transport, the serial line. */
export interface LoopSource {
  /** What it waits for now. */
  waits(): readonly Wait[];
  /** A descriptor is ready. @returns whether it is to be called again without waiting. Throws nothing */
  ready(fd: number, events: number): boolean;
  /** Before the thread sleeps. @returns after how many milliseconds at most it is to be called again */
  settle?(): number | undefined;
}

/** A source with queues. */
export interface QueueSource extends LoopSource {
  /** @returns whether there is more to do. Throws nothing */
  drain(queue: number): boolean;
}

interface Queue {
  readonly source: QueueSource;
  readonly index: number;
  isPending: boolean;
}

interface Again {
  readonly source: LoopSource;
  readonly fd: number;
  readonly events: number;
}

export interface DeviceLoopOptions<Command> {
  readonly doorbellFd: number;
  readonly access: AccessMailbox;
  readonly commands: CommandMailbox<Command>;
  readonly onAccess: AccessHandler;
  readonly onCommand: (command: Command) => unknown;
  /** After sources had their turn. */
  readonly onWork?: () => void;
}

const FOR_EVER = -1;

export class DeviceLoop<Command> implements Disposable {
  readonly #options: DeviceLoopOptions<Command>;
  readonly #edges = new EdgePoll();
  readonly #list = new PollList();
  /** Whose the entries of the list are, from the second on. */
  readonly #owners: LoopSource[] = [];
  readonly #sources: LoopSource[] = [];
  readonly #queues: Queue[] = [];
  readonly #queueOf = new Map<number, Queue>();
  #again: Again[] = [];
  #isPaused = true;
  #isOver = false;
  readonly #onEdge = (fd: number): void => {
    const queue = this.#queueOf.get(fd);
    if (queue !== undefined) {
      queue.isPending = true;
    }
  };

  /** It is paused at first. */
  constructor(options: DeviceLoopOptions<Command>) {
    this.#options = options;
    this.#edges.add(options.doorbellFd);
  }

  add(source: LoopSource): void {
    this.#sources.push(source);
  }

  /** @param notifyFds an eventfd for each queue, which the guest's notification signals */
  addQueues(source: QueueSource, notifyFds: readonly number[]): void {
    this.add(source);
    for (const [index, fd] of notifyFds.entries()) {
      const queue = { source, index, isPending: false };
      this.#queues.push(queue);
      this.#queueOf.set(fd, queue);
      this.#edges.add(fd);
    }
  }

  /** The queue is to be worked on. */
  notify(source: QueueSource, index: number): void {
    const queue = this.#queues.find((it) => it.source === source && it.index === index);
    if (queue !== undefined) {
      queue.isPending = true;
    }
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Goes on with every queue, since notifications may have been lost: those before a snapshot are not in it. */
  resume(): void {
    this.#isPaused = false;
    for (const queue of this.#queues) {
      queue.isPending = true;
    }
  }

  /** {@link run} returns. */
  end(): void {
    this.#isOver = true;
  }

  /** Until {@link end} is called, by a command. */
  run(): void {
    const { access, commands, onAccess, onCommand, onWork } = this.#options;
    const onCommandAfterAccess = (command: Command): unknown => {
      access.serve(onAccess); // what came before the command
      return onCommand(command);
    };
    while (!this.#isOver) {
      this.#wait();
      access.serveAll(onAccess);
      commands.serve(onCommandAfterAccess);
      if (!this.#isPaused) {
        this.#workOnSources();
        this.#workOnQueues();
        onWork?.();
      }
    }
  }

  /** Sleeps for as long as there is nothing to do, and takes down what there is. */
  #wait(): void {
    const { access } = this.#options;
    this.#gather();
    let timeoutMs = this.#timeout();
    if (timeoutMs !== 0 && !access.prepareSleep()) {
      timeoutMs = 0;
    }
    if (this.#owners.length === 0) {
      this.#edges.take(this.#onEdge, timeoutMs);
    } else {
      this.#list.wait(timeoutMs);
      if (this.#list.events(0) !== 0) {
        this.#edges.take(this.#onEdge);
      }
    }
    access.endSleep();
  }

  #gather(): void {
    this.#list.clear();
    this.#owners.length = 0;
    if (this.#isPaused) {
      return;
    }
    this.#list.add(this.#edges.fd, POLLIN);
    for (const source of this.#sources) {
      for (const { fd, events } of source.waits()) {
        this.#list.add(fd, events);
        this.#owners.push(source);
      }
    }
  }

  #timeout(): number {
    if (this.#isPaused) {
      return FOR_EVER;
    }
    if (this.#again.length > 0 || this.#queues.some(({ isPending }) => isPending)) {
      return 0;
    }
    let timeoutMs = FOR_EVER;
    for (const source of this.#sources) {
      const wanted = source.settle?.();
      if (wanted !== undefined && (timeoutMs === FOR_EVER || wanted < timeoutMs)) {
        timeoutMs = wanted;
      }
    }
    return timeoutMs;
  }

  #workOnSources(): void {
    const again = this.#again;
    this.#again = [];
    for (const { source, fd, events } of again) {
      this.#ready(source, fd, events);
    }
    for (const [at, source] of this.#owners.entries()) {
      const events = this.#list.events(at + 1);
      if (events !== 0) {
        this.#ready(source, this.#list.fd(at + 1), events);
      }
    }
  }

  #ready(source: LoopSource, fd: number, events: number): void {
    if (source.ready(fd, events)) {
      this.#again.push({ source, fd, events });
    }
    this.#options.access.serve(this.#options.onAccess);
  }

  /** Each queue once; processors do not wait for all of them. */
  #workOnQueues(): void {
    for (const queue of this.#queues) {
      if (queue.isPending) {
        queue.isPending = false;
        if (queue.source.drain(queue.index)) {
          queue.isPending = true;
        }
        this.#options.access.serve(this.#options.onAccess);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#edges[Symbol.dispose]();
  }
}
