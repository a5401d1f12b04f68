import { describe, expect, test } from "bun:test";
import { pipePair, readNow, writeNow } from "../../../test/harness/socket-pair.ts";
import { POLLIN } from "../../kernel/abi/poll.ts";
import { EventFd } from "../../kernel/sys/event-fd.ts";
import { AccessMailbox } from "./access-mailbox.ts";
import { CommandMailbox } from "./command-mailbox.ts";
import { DeviceLoop, type QueueSource } from "./device-loop.ts";

type Step = () => void;

/** A loop that is led by what its sources do: each call takes the next step. */
function loopFor(steps: Step[]) {
  const stack = new DisposableStack();
  const doorbell = stack.use(new EventFd());
  const access = new AccessMailbox(doorbell);
  const commands = new CommandMailbox<unknown>(doorbell);
  const loop = stack.use(
    new DeviceLoop({
      doorbellFd: doorbell.descriptor.number,
      ...{ access, commands },
      onAccess: () => undefined,
      onCommand: () => undefined,
    }),
  );
  const next = () => {
    const step = steps.shift();
    if (step === undefined) {
      loop.end();
    } else {
      step();
    }
  };
  return { loop, doorbell, next, stack, [Symbol.dispose]: () => stack.dispose() };
}

describe("DeviceLoop", () => {
  test("works on every queue when it goes on, and again where there is more to do", () => {
    const steps: Step[] = [];
    using it = loopFor(steps);
    const drained: number[] = [];
    const source: QueueSource = {
      waits: () => [],
      ready: () => false,
      drain: (queue) => {
        drained.push(queue);
        if (drained.length >= 4) {
          it.loop.end();
        }
        return drained.length <= 2;
      },
    };
    const notify = [0, 1].map(() => it.stack.use(new EventFd()));
    it.loop.addQueues(
      source,
      notify.map(({ descriptor }) => descriptor.number),
    );
    it.loop.resume();
    it.loop.run();
    expect(drained).toEqual([0, 1, 0, 1]);
  });

  test("sleeps until a queue is notified of, and works on that one alone", () => {
    using it = loopFor([]);
    const drained: number[] = [];
    const notify = [0, 1, 2].map(() => it.stack.use(new EventFd()));
    const source: QueueSource = {
      waits: () => [],
      ready: () => false,
      drain: (queue) => {
        drained.push(queue);
        if (drained.length === 3) {
          notify[1]!.signal(); // all have had their first turn
        } else if (drained.length === 4) {
          it.loop.end();
        }
        return false;
      },
    };
    it.loop.addQueues(
      source,
      notify.map(({ descriptor }) => descriptor.number),
    );
    it.loop.resume();
    it.loop.run();
    expect(drained).toEqual([0, 1, 2, 1]);
  });

  test("calls a source for what it waits for, and again as long as it wants to", () => {
    const [from, to] = pipePair();
    using _from = from;
    using _to = to;
    using it = loopFor([]);
    const calls: number[] = [];
    writeNow(to, Buffer.from("x"));
    it.loop.add({
      waits: () => [{ fd: from.number, events: POLLIN }],
      ready: (fd, events) => {
        calls.push(fd, events);
        readNow(from);
        if (calls.length === 6) {
          it.loop.end();
        }
        return true; // although there is nothing to read any more
      },
    });
    it.loop.resume();
    it.loop.run();
    expect(calls).toEqual([from.number, POLLIN, from.number, POLLIN, from.number, POLLIN]);
  });

  test("sleeps no longer than a source lets it", () => {
    using it = loopFor([]);
    let settled = 0;
    it.loop.add({
      waits: () => [],
      ready: () => false,
      settle: () => {
        settled += 1;
        if (settled === 3) {
          it.loop.end();
        }
        return 1;
      },
    });
    it.loop.resume();
    it.loop.run();
    expect(settled).toBe(3);
  });

  test("does commands while it is paused, and touches no queue", () => {
    using stack = new DisposableStack();
    const doorbell = stack.use(new EventFd());
    const access = new AccessMailbox(doorbell);
    const commands = new CommandMailbox<string>(doorbell);
    const asked = new CommandMailbox<string>({ signal: () => undefined }, commands.memory);
    const done: string[] = [];
    const loop: DeviceLoop<string> = stack.use(
      new DeviceLoop({
        doorbellFd: doorbell.descriptor.number,
        ...{ access, commands, onAccess: () => undefined },
        onCommand: (command) => {
          done.push(command);
          loop.end();
        },
      }),
    );
    const notify = stack.use(new EventFd());
    const drain = () => {
      throw new Error("not while it is paused");
    };
    loop.addQueues({ waits: drain, ready: drain, drain }, [notify.descriptor.number]);
    notify.signal();
    doorbell.signal();
    expect(() => asked.call("end", 0)).toThrow("has not answered");
    loop.run();
    expect(done).toEqual(["end"]);
  });
});
