/** Virtual machines of a real daemon, as far as they need no guest: what is described outlives the daemon, in order. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { ConnectError } from "@connectrpc/connect";
import { VmService } from "../../src/gen/aurae/vms/v0/vms_pb.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();
/** All daemons of a host have the same control groups, where ids are of one machine only. */
const [A, B] = [`a-${process.pid}`, `b-${process.pid}`] as const;
const MACHINE = {
  ...{ memSizeMb: 5_000, vcpuCount: 2, kernelImgPath: "/none/vmlinuz", initrdPaths: ["/none/i"] },
  ...{ kernelArgs: ["console=hvc0"], noNics: true },
};

describe.skipIf(missing !== undefined)(`auraed and virtual machines ${missing ?? ""}`, () => {
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await TestDaemon.start();
  });
  afterAll(async () => {
    await daemon.end();
    rmSync(daemon.directory, { recursive: true, force: true });
  });

  const vms = () => daemon.client(VmService);

  test("are there for the daemon that comes after a kill -9, with all that was asked for", async () => {
    await vms().allocate({ machine: { id: A, ...MACHINE } });
    await vms().allocate({ machine: { id: B, ...MACHINE, balloonMb: 16 } });
    const before = await vms().inspect({ vmId: B });
    expect(before.machine).toMatchObject({ memSizeMb: 5_000, balloonMb: 16, vsockCid: 4 });
    await daemon.end("SIGKILL");
    daemon = await daemon.successor();
    expect((await vms().list({})).machines).toMatchObject([
      { id: A, status: "Created", memSizeMb: 5_000 },
      { id: B, status: "Created" },
    ]);
    expect(await vms().inspect({ vmId: B })).toEqual(before);
  });

  test("can't be started without a kernel, and are as they were before", async () => {
    const error = await vms().start({ vmId: A }).catch(ConnectError.from);
    expect(error).toBeInstanceOf(ConnectError);
    expect((error as ConnectError).rawMessage).toStartWith(`vm '${A}' could not be started: `);
    expect((await vms().list({})).machines).toMatchObject([
      { id: A, status: "Created", hostPid: 0 },
      { id: B, status: "Created" },
    ]);
  });

  test("go with a daemon that ends in order", async () => {
    await daemon.end("SIGTERM");
    daemon = await daemon.successor();
    expect((await vms().list({})).machines).toEqual([]);
  });
});
