/**
 * auraed as a machine's init, on the real kernel: under /init, which has to outlive it, and as PID 1 itself. The tests
 * of a machine are the steps of one story and run in order, up to its end.
 */
import { describe, expect, test } from "bun:test";
import { ensureKernel } from "../../build/kernel-package.ts";
import { resolveModules } from "../../build/modules.ts";
import { inRoot } from "../../build/paths.ts";
import { MODULES } from "../../initramfs/manifest.ts";
import { CellService, ExecutableState } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";
import { MachineService } from "../../src/gen/aurae/machine/v0/machine_pb.ts";
import { EXIT_POWER_OFF, EXIT_RESTART, INIT_NAME } from "../../src/init/protocol.ts";
import { eventually } from "../harness/eventually.ts";
import { actInGuest, inGuest } from "../harness/in-guest.ts";
import type { TestVm } from "../harness/vm.ts";
import { machine, vmTest } from "../harness/vm-test.ts";

const RESTART_MS = 60_000;

/** Everything that has ended has been waited for, or is within a moment: the probe's own processes end, too. */
async function expectNoZombies(vm: TestVm): Promise<void> {
  await eventually(
    "the last zombie's end",
    async () => {
      const lines = (await inGuest(vm, "cat /proc/[0-9]*/stat 2>/dev/null")).split("\n");
      expect(lines.length).toBeGreaterThan(1);
      return lines.every((line) => /^\d+ \(.*\) [^Z] /.test(line));
    },
    30_000,
  );
}

/** Has three processes lose their parent, sees who adopts them, kills them, and waits until they are reaped. */
async function adoptAndReap(vm: TestVm): Promise<void> {
  const seen = await inGuest(
    vm,
    `pids=
    for i in 1 2 3; do
      (sleep 1000 >/dev/null 2>&1 & echo $! >/tmp/orphan); pids="$pids $(cat /tmp/orphan)"
    done
    for pid in $pids; do grep PPid /proc/$pid/status; done
    kill -KILL $pids
    for try in $(seq 200); do
      left=; for pid in $pids; do [ ! -e /proc/$pid ] || left="$left $pid"; done
      [ -n "$left" ] || break
      sleep 0.05
    done
    echo "left:$left"`,
  );
  expect(seen.split("\n")).toEqual(["PPid:\t1", "PPid:\t1", "PPid:\t1", "left:"]);
  await expectNoZombies(vm);
}

/** Waits until auraed has said for the Nth time that it listens, and the API answers. */
async function serves(vm: TestVm, times: number): Promise<void> {
  const pattern = new RegExp(`(?:TCP Access Socket created.*?){${times}}`, "s");
  await vm.waitForConsole(pattern, RESTART_MS);
  // A client of its own: the connections of those before have ended with the daemon.
  expect(await vm.client(DiscoveryService).discover({})).toMatchObject({ healthy: true });
}

interface MountLine {
  readonly type: string;
  readonly options: readonly string[];
}

async function mountsOf(vm: TestVm): Promise<(MountLine & { readonly target: string })[]> {
  const lines = (await inGuest(vm, "cat /proc/mounts")).split("\n");
  return lines.map((line) => {
    const [, target = "", type = "", options = ""] = line.split(" ");
    return { target, type, options: options.split(",") };
  });
}

const SAFE = ["nosuid", "nodev", "noexec"];
const MOUNTS: Readonly<Record<string, MountLine>> = {
  "/proc": { type: "proc", options: SAFE },
  "/sys": { type: "sysfs", options: SAFE },
  "/dev": { type: "devtmpfs", options: ["nosuid"] },
  "/dev/pts": {
    type: "devpts",
    options: ["nosuid", "noexec", "gid=5", "mode=620", "ptmxmode=666"],
  },
  "/dev/shm": { type: "tmpfs", options: ["nosuid", "nodev"] },
  "/run": { type: "tmpfs", options: ["nosuid", "nodev", "mode=755"] },
  "/tmp": { type: "tmpfs", options: ["nosuid", "nodev"] },
  "/sys/fs/cgroup": { type: "cgroup2", options: SAFE },
  "/sys/kernel/debug": { type: "debugfs", options: SAFE },
};

/** What the boot has to have left behind, however often it ran. */
async function expectBooted(vm: TestVm): Promise<void> {
  const mounts = await mountsOf(vm);
  for (const [target, { type, options }] of Object.entries(MOUNTS)) {
    const there = mounts.filter((mount) => mount.target === target);
    expect(there).toEqual([
      { target, type, options: expect.arrayContaining([...options]) as string[] },
    ]);
  }
  const addresses = await inGuest(vm, "ip -o addr show; ip route show");
  expect(addresses).toMatch(/^\d+: lo +inet 127\.0\.0\.1\/8 /m);
  expect(addresses).toMatch(/^\d+: lo +inet6 ::1\/128 /m);
  expect(addresses).toMatch(/^\d+: eth0 +inet 10\.0\.2\.15\/24 /m);
  expect(addresses).toMatch(/^\d+: eth0 +inet6 fe80::2\/64 /m);
  expect(addresses.match(/^default via 10\.0\.2\.2 dev eth0/gm)).toHaveLength(1);
}

describe("a machine whose init is /init", () => {
  const vm = machine({ name: "init", site: { hostname: "from-the-site\n" } });

  vmTest("has aurae-init as PID 1, and auraed as its child", vm, async (it) => {
    const seen = await inGuest(
      it,
      "cat /proc/1/comm; cat /proc/$PPID/comm; cat /proc/$PPID/status",
    );
    const [init, auraed, ...status] = seen.split("\n");
    expect([init, auraed]).toEqual([INIT_NAME, "auraed"]);
    expect(status).toContain("PPid:\t1");
  });

  vmTest("has every mount, address and route that the boot steps make", vm, expectBooted);

  vmTest("has the links of /dev, the site's host name, and many files to open", vm, async (it) => {
    const seen = await inGuest(
      it,
      `for name in fd stdin stdout stderr; do readlink /dev/$name; done
      hostname; grep 'open files' /proc/$PPID/limits`,
    );
    const [fd, stdin, stdout, stderr, name, limit] = seen.split("\n");
    const self = "/proc/self/fd";
    expect([fd, stdin, stdout, stderr]).toEqual([self, `${self}/0`, `${self}/1`, `${self}/2`]);
    expect(name).toBe("from-the-site");
    expect(limit).toMatch(/^Max open files +1048576 +1048576 /);
  });

  vmTest("has loaded every kernel module of the image", vm, async (it) => {
    const image = resolveModules(ensureKernel(inRoot(".cache")).modulesDir, MODULES);
    const loaded = (await inGuest(it, "cut -d ' ' -f 1 /proc/modules")).split("\n");
    expect(image.length).toBeGreaterThan(0);
    expect(loaded).toEqual(expect.arrayContaining(image.map(({ name }) => name)));
    expect(it.console()).not.toContain("a kernel module does not load");
  });

  vmTest("reaps orphans by /init", vm, adoptAndReap);

  vmTest("starts auraed again when it is killed, after a delay that doubles", vm, async (it) => {
    // What a killed daemon leaves running must not keep the machine from powering off in the end.
    const orphan = { name: "survivor", command: "sleep 100000" };
    await it.client(CellService).start({ executable: orphan });
    const deaths: { readonly pid: string; readonly lifeMs: number; readonly delayMs: number }[] =
      [];
    for (const nth of [1, 2]) {
      await actInGuest(it, "kill -KILL $PPID");
      const death = /init: auraed \(pid (\d+)\) was killed by signal 9 after (\d+) ms; starting/;
      const line = `(?:${death.source} it again in (\\d+) ms.*?){${nth}}`;
      const [, pid = "", lifeMs, delayMs] = await it.waitForConsole(new RegExp(line, "s"));
      deaths.push({ pid, lifeMs: Number(lifeMs), delayMs: Number(delayMs) });
      await serves(it, 1 + nth);
    }
    const [first, second] = deaths;
    expect(first?.delayMs).toBe(100);
    // A life of 10 s counts as steady, and a slow host makes a life that long.
    expect(second?.delayMs).toBe((second?.lifeMs ?? 0) < 10_000 ? 200 : 100);
    expect(second?.pid).not.toBe(first?.pid);
    expect(it.console()).not.toContain("Kernel panic");
  });

  vmTest("boots auraed onto what is there already, and mounts nothing twice", vm, expectBooted);

  vmTest("reaps what the killed auraed left behind, and orphans as before", vm, adoptAndReap);

  vmTest("powers off at SIGTERM to PID 1, and lets executables end first", vm, async (it) => {
    const script = "trap 'echo the executable ends >/dev/console; exit 0' TERM";
    await it.client(CellService).start({
      executable: {
        name: "trap",
        command: `${script}; echo the trap is set >/dev/console; while :; do sleep 1000; done`,
      },
    });
    await it.waitForConsole(/the trap is set/);
    await actInGuest(it, "kill -TERM 1");
    const end = await it.ended();
    expect(end).toEqual({ code: 0, reason: "guest-shutdown", panicked: false });
    expect(it.console()).toMatch(/the executable ends.*powering the machine off/s);
  });
});

describe("a machine with aurae.init=exec", () => {
  const vm = machine({ name: "init-exec", commandLine: ["aurae.init=exec"] });

  vmTest("has auraed as PID 1", vm, async (it) => {
    const seen = await inGuest(it, "cat /proc/1/comm; readlink /proc/1/exe; echo $PPID");
    expect(seen).toBe("auraed\n/bin/auraed\n1");
  });

  vmTest("has every mount, address and route that the boot steps make", vm, expectBooted);

  vmTest("is called auraed when nobody names it", vm, async (it) => {
    expect(await inGuest(it, "hostname")).toBe("auraed");
  });

  vmTest("reaps orphans by auraed", vm, adoptAndReap);

  vmTest("keeps the exit status of executables while orphans end beside them", vm, async (it) => {
    const cells = it.client(CellService);
    await cells.allocate({ cell: { name: "busy" } });
    const codes = Array.from({ length: 24 }, (_, index) => index + 10);
    for (const code of codes) {
      // All end at once, each with two orphans, so that those that auraed waits for are among those it does not.
      const wait = "until [ -e /tmp/go ]; do sleep 0.05; done";
      const command = `(${wait}) & (${wait}) & ${wait}; exit ${code}`;
      await cells.start({ cellName: "busy", executable: { name: `exits-${code}`, command } });
    }
    await inGuest(it, "touch /tmp/go");
    const ended = await eventually(
      "the end of all executables",
      async () => {
        const listed = (await cells.list({})).cells.flatMap(({ executables }) => executables);
        const done = listed.filter(({ state }) => state === ExecutableState.EXITED);
        return done.length === codes.length && done;
      },
      30_000,
    );
    expect(ended.map(({ exitStatus }) => exitStatus?.outcome)).toEqual(
      codes.map((value) => ({ case: "exitCode", value })),
    );
    await cells.free({ cellName: "busy" });
    await expectNoZombies(it);
  });

  test("restarts when the API is asked to, without a panic", async () => {
    await vm().client(MachineService).reboot({});
    const end = await vm().ended();
    expect(end).toEqual({ code: 0, reason: "guest-reset", panicked: false });
    expect(vm().console()).toContain("restarting the machine");
  });
});

describe("a machine with a power button", () => {
  const second = "ip=10.0.2.16:::255.255.255.0:from-ip:eth0:off";
  const vm = machine({ name: "init-button", commandLine: [second] });

  vmTest("has the address and the host name of a second ip=", vm, async (it) => {
    const [name, ...addresses] = (await inGuest(it, "hostname; ip -o addr show eth0")).split("\n");
    expect(name).toBe("from-ip");
    expect(addresses.join("\n")).toMatch(/inet 10\.0\.2\.15\/24 .*inet 10\.0\.2\.16\/24 /s);
  });

  test("powers off when it is pressed", async () => {
    await vm().pressPowerButton();
    const end = await vm().ended();
    expect(end).toEqual({ code: 0, reason: "guest-shutdown", panicked: false });
    expect(vm().console()).toMatch(/the power button was pressed.*powering the machine off/s);
  });
});

describe("a machine with a keyboard", () => {
  const vm = machine({
    name: "init-keys",
    site: { hostname: "from-the-site\n" },
    commandLine: ["hostname=from-the-kernel", "--", "--verbose"],
  });

  vmTest("has the kernel's own host name, and auraed the words after --", vm, async (it) => {
    const seen = await inGuest(it, "hostname; tr '\\0' '\\n' </proc/$PPID/cmdline");
    expect(seen.split("\n")).toEqual(["from-the-kernel", "auraed", "--pid1", "--verbose"]);
  });

  test("restarts at ctrl-alt-del, by way of auraed", async () => {
    await vm().pressCtrlAltDel();
    const end = await vm().ended();
    expect(end).toEqual({ code: 0, reason: "guest-reset", panicked: false });
    expect(vm().console()).toContain("restarting the machine");
    for (const code of [EXIT_POWER_OFF, EXIT_RESTART]) {
      expect(vm().console()).not.toContain(`ended with code ${code}`);
    }
  });
});
