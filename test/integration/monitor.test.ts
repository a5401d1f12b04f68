/** Monitors as the daemon has them, on the host's own /dev/kvm, with guests of a few instructions. */
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { once } from "node:events";
import {
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { totalmem } from "node:os";
import type { SignalPoll } from "../../src/kernel/io/signal-poll.ts";
import { VM_UID_COUNT, FIRST_VM_UID } from "../../src/monitor/user-ids.ts";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { MIB } from "../harness/boot-images.ts";
import {
  missingForMonitors,
  MonitorWorld,
  readUntil,
  statusField,
} from "../harness/monitor-world.ts";

const SLOW = 60_000;
const suite = `monitors${missingForMonitors === undefined ? "" : ` (need ${missingForMonitors})`}`;

describe.skipIf(missingForMonitors !== undefined)(suite, () => {
  test(
    "run a guest, pause it, go on, and end it",
    async () => {
      await using world = new MonitorWorld();
      const vm = await world.create();
      expect(await vm.status()).toMatchObject({ state: "created" });
      await vm.run();
      expect(await readUntil(vm, "hi")).toBe("hi");
      expect(await vm.status()).toMatchObject({ state: "running" });
      await vm.pause();
      expect(await vm.status()).toMatchObject({ state: "paused" });
      await vm.run();
      expect(await vm.input("serial", Buffer.from("abc"))).toBe(3);
      await vm.kill();
      expect(await vm.ended).toEqual({ kind: "killed", message: "" });
      expect(await vm.status()).toEqual({ state: "ended" });
      await expect(vm.run()).rejects.toThrow("has ended (killed)");
      expect(world.leftovers()).toEqual([]);
    },
    SLOW,
  );

  test(
    "tell of a guest that turns its machine off, and leave nothing",
    async () => {
      await using world = new MonitorWorld();
      const vm = await world.create({ kernelPath: world.path("ends"), vsockCid: 7 });
      await vm.run();
      expect(await readUntil(vm, "bye")).toBe("bye");
      expect(await vm.ended).toMatchObject({ kind: "off" });
      expect(world.leftovers()).toEqual([]);
    },
    SLOW,
  );

  test(
    "are a user without rights, in a root with nothing but what they are made of",
    async () => {
      await using world = new MonitorWorld();
      const [one, two] = [await world.create({ vsockCid: 7 }), await world.create()];
      const { pid, uid } = one.record;
      expect(
        uid >= FIRST_VM_UID && uid < FIRST_VM_UID + VM_UID_COUNT && uid !== two.record.uid,
      ).toBe(true);
      for (const name of ["Uid", "Gid"]) {
        expect(statusField(pid, name)?.split("\t")).toEqual(Array(4).fill(String(uid)));
      }
      expect(statusField(pid, "Groups")?.trim()).toBe("");
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect(statusField(pid, set)).toBe("0".repeat(16));
      }
      expect([statusField(pid, "NoNewPrivs"), statusField(pid, "NSpid")]).toEqual([
        "1",
        `${pid}\t1`,
      ]);
      const root = `/proc/${pid}/root`;
      expect(readdirSync(root).sort()).toEqual(["lib", "lib64", "proc", "run"]);
      expect(readdirSync(`${root}/lib`)).toContain("libc.so.6");
      expect(readdirSync(`${root}/lib`).every((name) => /\.so\.\d+$/.test(name))).toBe(true);
      expect(readdirSync(`${root}/lib64`)).toEqual(["ld-linux-x86-64.so.2"]);
      expect(readdirSync(`${root}/run`)).toEqual(["vsock.sock"]);
      expect(readdirSync(`${root}/proc`).sort()).toEqual(["1", "self", "thread-self"]);
      const mounts = readFileSync(`/proc/${pid}/mounts`, "utf8").trim().split("\n");
      expect(mounts.filter((line) => !/ ro,nosuid,nodev/.test(line))).toEqual([]);
      for (const name of ["pid", "mnt", "ipc", "uts", "net", "cgroup"]) {
        const own = readlinkSync(`/proc/${pid}/ns/${name}`);
        expect(own).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
        expect(own).not.toBe(readlinkSync(`/proc/${two.record.pid}/ns/${name}`));
      }
      expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size +0 +0 /m);
      expect(
        world.cgroups.processes(
          readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("::/").at(-1)!,
        ),
      ).toEqual([pid]);
    },
    SLOW,
  );

  test(
    "have their filters of system calls on every thread",
    async () => {
      await using world = new MonitorWorld();
      const vm = await world.create({
        drives: [{ path: world.path("disk"), isReadOnly: false, serial: "a" }],
      });
      await vm.run();
      const threads = readdirSync(`/proc/${vm.record.pid}/task`);
      const filters = threads.map((thread) => {
        const status = readFileSync(`/proc/${vm.record.pid}/task/${thread}/status`, "utf8");
        return Number(/^Seccomp_filters:\s*(\d+)$/m.exec(status)?.[1]);
      });
      // Main, devices, disks and one vCPU have one of their own beside the one that all have.
      expect(filters.filter((count) => count === 2).length).toBeGreaterThanOrEqual(4);
      expect(filters.filter((count) => count === 0)).toEqual([]);
    },
    SLOW,
  );

  test(
    "are connected to by their vsock's socket, which only the machine's user may use",
    async () => {
      await using world = new MonitorWorld();
      const spec = world.spec({ vsockCid: 7 });
      const vm = await world.create(spec);
      await vm.run();
      const folder = statSync(world.path(`vms/${spec.id}`));
      expect([folder.uid, folder.mode & 0o777]).toEqual([vm.record.uid, 0o700]);
      const socket = connect(world.path(`vms/${spec.id}/vsock.sock`));
      await once(socket, "connect");
      socket.destroy();
    },
    SLOW,
  );

  test(
    "have a disk for themselves, unless all only read it",
    async () => {
      await using world = new MonitorWorld();
      const drive = (isReadOnly: boolean) => ({
        drives: [{ path: world.path("disk"), isReadOnly, serial: "a" }],
      });
      const writer = await world.create(drive(false));
      expect(await world.failure(drive(false))).toStartWith(
        "disk '/disk' is in use: another virtual machine",
      );
      expect(await world.failure(drive(true))).toStartWith("disk '/disk' is in use");
      await writer.kill();
      await world.create(drive(true));
      await world.create(drive(true));
      expect(await world.failure(drive(false))).toStartWith("disk '/disk' is in use");
    },
    SLOW,
  );

  test(
    "that can't be made say what is wrong, and leave nothing",
    async () => {
      await using world = new MonitorWorld();
      const first = await world.create();
      await first.kill();
      await Promise.all([first.console.close(), first.serial.close()]);
      Bun.spawnSync(["mkfifo", world.path("fifo")]);
      writeFileSync(world.path("large"), "");
      truncateSync(world.path("large"), 40 * MIB);
      const before = takeCensus();
      const disk = (path: string) => ({ drives: [{ path, isReadOnly: true, serial: "" }] });
      const nic = { tap: "a-name-that-is-too-long", mac: "52:54:00:00:00:01", mtu: 1500 };
      const failures: [string, Parameters<MonitorWorld["failure"]>[0]][] = [
        [
          "kernel '/nope' can't be opened: there is no such file",
          { kernelPath: world.path("nope") },
        ],
        ["TAP device 'a-name-that-is-too-long' can't be opened", { nics: [nic] }],
        ["kernel '/vms' is a directory, and no file", { kernelPath: world.path("vms") }],
        ["kernel '/fifo' is a FIFO, and no file", { kernelPath: world.path("fifo") }],
        ["initrd '/fifo' is a FIFO, and no file", { initrdPaths: [world.path("fifo")] }],
        ["disk '/fifo' is a FIFO, and no file", disk(world.path("fifo"))],
        ["kernel '/dev/null' is neither a file nor", { kernelPath: "/dev/null" }],
        ["initrd '/nope' can't be opened", { initrdPaths: [world.path("nope")] }],
        ["disk '/nope' can't be opened: there is no such file", disk(world.path("nope"))],
        ["disk '/dev/null' is neither a file nor a block device", disk("/dev/null")],
        ["can't have 0 vCPUs: 1 to 32", { vcpus: 0 }],
        ["can't have 1000 vCPUs: 1 to 32", { vcpus: 1000 }],
        ["of memory: this host has", { memoryBytes: totalmem() + MIB }],
        ["memoryBytes is 0", { memoryBytes: 0 }],
        ["is no id of a VM", { id: "../etc" }],
        ['boot "/text": it is no kernel for this machine', { kernelPath: world.path("text") }],
        ['load the initrd "/large"', { initrdPaths: [world.path("large")] }],
      ];
      for (const [message, change] of failures) {
        expect(await world.failure(change)).toContain(message);
      }
      expect(world.leftovers()).toEqual([]);
      expect(await settledCensus(before)).toEqual(before);
    },
    SLOW,
  );

  test(
    "make a snapshot while paused, of which another goes on",
    async () => {
      await using world = new MonitorWorld();
      const first = await world.create();
      await first.run();
      expect(await readUntil(first, "hi")).toBe("hi");
      const paths = [world.path("state"), world.path("memory")] as const;
      await expect(first.snapshot(...paths)).rejects.toThrow("pause it first");
      await first.pause();
      const { writtenBytes } = await first.snapshot(...paths);
      expect(writtenBytes).toBeGreaterThan(0);
      expect(statSync(paths[1]).size).toBe(32 * MIB);
      await first.kill();
      const restore = { statePath: paths[0], memoryPath: paths[1] };
      const second = await world.create({ restore });
      await second.run();
      expect(await second.status()).toMatchObject({ state: "running" });
    },
    SLOW,
  );

  test(
    "can't be had twice under one id",
    async () => {
      await using world = new MonitorWorld();
      const spec = world.spec();
      const vm = await world.create(spec);
      expect(await world.failure(spec)).toBe(`VM '${spec.id}' has a monitor already`);
      await vm.kill();
      await (await world.create(spec)).kill();
    },
    SLOW,
  );

  test(
    "are left alone by another daemon, which can't have one of that id",
    async () => {
      await using world = new MonitorWorld();
      const spec = world.spec();
      const vm = await world.create(spec);
      using other = world.another();
      const failure = await other.create(spec).catch((error: Error) => error.message);
      expect(failure).toStartWith(
        `process ${vm.record.pid} of a VM '${spec.id}' that this daemon did not start runs on this host`,
      );
      // Nor is it taken for what was left of a machine that ran here before.
      await using elsewhere = new MonitorWorld();
      await elsewhere.monitors.clear(spec.id);
      expect(await elsewhere.monitors.adopt(spec.id, { ...vm.record, pid: 1 })).toBeUndefined();
      expect(await vm.status()).toMatchObject({ state: "created" });
    },
    SLOW,
  );

  test(
    "can be cleared away where a daemon that comes back could not go on with them",
    async () => {
      await using world = new MonitorWorld();
      const first = await world.create();
      const id = world.lastId;
      const { watcher } = world.processes;
      const add = () => {
        throw new Error("too many open files");
      };
      const poll = Object.assign(Object.create(world.processes.poll), { add }) as SignalPoll;
      using next = world.another(undefined, { watcher, poll });
      await expect(next.adopt(id, first.record)).rejects.toThrow("too many open files");
      await next.clear(id);
      expect(await first.ended).toMatchObject({ kind: "killed" });
      expect(world.leftovers()).toEqual([]);
    },
    SLOW,
  );

  test(
    "leave all that a guest printed to who reads it, also when it has ended",
    async () => {
      await using world = new MonitorWorld();
      const vm = await world.create({ kernelPath: world.path("ends") });
      await vm.run();
      expect(await vm.ended).toMatchObject({ kind: "off" });
      await Bun.sleep(0); // whoever follows the end has had a turn
      expect(await readUntil(vm, "bye")).toBe("bye");
    },
    SLOW,
  );

  test(
    "are told of when somebody else kills them",
    async () => {
      await using world = new MonitorWorld();
      const vm = await world.create();
      process.kill(vm.record.pid, "SIGKILL");
      expect(await vm.ended).toMatchObject({ kind: "killed" });
      await eventually("nothing to be left", () => world.leftovers().length === 0);
    },
    SLOW,
  );
});
