/**
 * Virtual machines of a real daemon, on the host's own /dev/kvm, with guests of a few instructions: they outlive the daemon
 * that started them, go with one that ends in order, and a script does with them what it likes.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientConfigToml } from "../../src/base/client-config.ts";
import { ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { VmEndKind } from "../../src/gen/aurae/vms/v0/machines_pb.ts";
import { VmService } from "../../src/gen/aurae/vms/v0/vms_pb.ts";
import { inRoot } from "../../build/paths.ts";
import { run } from "../harness/curl.ts";
import { AURAED, TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { endingKernel, missingForMonitors, sleepingKernel } from "../harness/monitor-world.ts";

const SLOW = 60_000;
/** All daemons of a host have the same control groups, where ids are of one machine only. */
const [A, B] = [`a-${process.pid}`, `b-${process.pid}`] as const;
const suite = `auraed and its virtual machines${missingForMonitors === undefined ? "" : ` (need ${missingForMonitors})`}`;

describe.skipIf(missingForMonitors !== undefined)(suite, () => {
  let daemon: TestDaemon;
  const file = (name: string): string => join(daemon.directory, name);

  beforeEach(async () => {
    daemon = await TestDaemon.start();
    writeFileSync(file("sleeps"), sleepingKernel());
    writeFileSync(file("ends"), endingKernel());
    writeFileSync(file("initrd"), "nobody reads it");
  });
  afterEach(async () => {
    await daemon.end();
    rmSync(daemon.directory, { recursive: true, force: true });
  });

  const vms = () => daemon.client(VmService);
  const allocate = async (id: string, kernel = "sleeps"): Promise<void> => {
    const files = { kernelImgPath: file(kernel), initrdPaths: [file("initrd")] };
    const size = { memSizeMb: 64, vcpuCount: 1 };
    await vms().allocate({ machine: { id, ...size, ...files, noNics: true } });
  };
  const printed = async (vmId: string): Promise<string> => {
    const chunks: Uint8Array[] = [];
    const ask = { vmId, raw: true, follow: false };
    for await (const { data } of daemon.client(ObserveService).getSubProcessStream(ask)) {
      chunks.push(data);
    }
    return Buffer.concat(chunks).toString();
  };

  test(
    "are two at a time, and the next daemon's after a kill -9, as they were",
    async () => {
      for (const id of [A, B]) {
        await allocate(id);
        await vms().start({ vmId: id });
      }
      await vms().pause({ vmId: B });
      await eventually("its words", async () => (await printed(A)) === "hi");
      const before = (await vms().list({})).machines;
      expect(before).toMatchObject([{ status: "Running" }, { status: "Paused" }]);
      await daemon.end("SIGKILL");
      daemon = await daemon.successor();
      expect((await vms().list({})).machines).toEqual(before);
      expect(await printed(A)).toBe("hi");
      await vms().resume({ vmId: B });
      // Nobody hears the power button in it.
      const { end } = await vms().stop({ vmId: B, gracePeriodMs: 100 });
      expect(end).toMatchObject({
        kind: VmEndKind.KILLED,
        message: "it did not end within 100 ms",
      });
      expect((await vms().list({})).machines).toMatchObject([
        { id: A, status: "Running", hostPid: before[0]?.hostPid },
        { id: B, status: "Shutdown", hostPid: 0 },
      ]);
    },
    SLOW,
  );

  test(
    "that turn themselves off are seen to have, and can be started again",
    async () => {
      await allocate(A, "ends");
      for (const round of [1, 2]) {
        await vms().start({ vmId: A });
        expect((await vms().wait({ vmId: A })).end).toMatchObject({ kind: VmEndKind.OFF });
        expect(await printed(A)).toBe("bye".repeat(round));
      }
      expect((await vms().list({})).machines).toMatchObject([{ id: A, status: "Shutdown" }]);
    },
    SLOW,
  );

  test(
    "go with a daemon that ends in order",
    async () => {
      await allocate(A);
      const { hostPid } = await vms().start({ vmId: A });
      await daemon.end("SIGTERM");
      expect(() => process.kill(hostPid, 0)).toThrow("ESRCH");
      daemon = await daemon.successor();
      expect((await vms().list({})).machines).toEqual([]);
    },
    SLOW,
  );

  test(
    "do what examples/vm.ts wants",
    async () => {
      const pki = (name: string): string => file(`pki/${name}`);
      const names = { caCrt: pki("ca.crt"), clientCrt: pki("_signed.client.nova.crt") };
      const client = {
        ...names,
        clientKey: pki("client.nova.key"),
        socket: file("run/aurae.sock"),
      };
      writeFileSync(file("config"), clientConfigToml(client));
      const words = ["--config", file("config"), inRoot("examples/vm.ts")];
      const script = [join(AURAED, "../auraescript"), ...words, file("sleeps"), file("initrd")];
      const lines = ["Running", "example::serial  hi", "Paused", "Shutdown: killed", "gone"];
      expect(await run(script)).toEqual({ code: 0, stderr: "", stdout: `${lines.join("\n")}\n` });
    },
    SLOW,
  );
});
