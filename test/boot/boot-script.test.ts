/** The machine's own script, on machines of both kinds: that it runs, what it may do, and that its failure is no matter. */
import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Code, type ConnectError, createClient } from "@connectrpc/connect";
import { inRoot } from "../../build/paths.ts";
import { readCredentials } from "../../src/client/credentials.ts";
import { createTransport } from "../../src/client/transport.ts";
import { CellService, ExecutableState } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";
import { actInGuest, inGuest, runInGuest } from "../harness/in-guest.ts";
import type { TestVm } from "../harness/vm.ts";
import { machine, vmTest } from "../harness/vm-test.ts";

const RESTART_MS = 60_000;

/** How often the console has a text. */
const count = (vm: TestVm, text: string): number => vm.console().split(text).length - 1;

/** What the API tells of the script. */
async function scriptOf(vm: TestVm) {
  const { executables } = await vm.client(CellService).list({});
  return executables.find(({ name }) => name === "boot.ts");
}

describe("a machine with a boot script, whose init is /init", () => {
  // The example, and beside it something that it does not have: a file that is imported, and what it may not do.
  const site = {
    "boot.ts": 'import "./example.ts";\nawait import("./more/forbidden.ts");\n',
    "example.ts": readFileSync(inRoot("examples/boot.ts")),
    "more/forbidden.ts": `
      import { machine } from "aurae";
      await new machine.MachineServiceClient().powerOff({}).then(
        () => console.log("the machine is switched off"),
        ({ code, rawMessage }) => console.log("code " + code + ": " + rawMessage),
      );
      console.error("and to standard error");
    `,
  };
  const vm = machine({ name: "boot-script", hasBootIdentity: true, site });

  vmTest("runs it once the API is up, and shows what it prints", vm, async (it) => {
    await it.waitForConsole(/the boot script has ended/);
    const lines = [...it.console().matchAll(/(?:INFO|WARN|ERROR) +boot\.ts: (.*?)\r?\n/g)];
    expect(lines.map(([, line]) => line)).toEqual([
      expect.stringMatching(/^auraed \d.* is up$/) as string,
      "+ allocate system  (pids.max = 200)",
      "+ start    system: heartbeat  (while :; do date; sleep 60; done)",
      "plan: 1 to allocate, 1 to start",
      `code ${Code.PermissionDenied}: "spiffe://unsafe.aurae.io/role/boot/boot" may not call aurae.machine.v0.MachineService/PowerOff: it takes the role "admin"`,
      "and to standard error",
    ]);
    const { cells } = await it.client(CellService).list({});
    expect(cells[0]?.executables[0]).toMatchObject({ name: "heartbeat" });
  });

  vmTest(
    "has it as an executable in no cell, with a group and output of its own",
    vm,
    async (it) => {
      const script = await scriptOf(it);
      expect(script).toMatchObject({ state: ExecutableState.EXITED });
      expect(script?.exitStatus?.outcome).toEqual({ case: "exitCode", value: 0 });
      const logs = await runInGuest(it, "aer", "cell", "logs", "--no-cell", "boot.ts");
      expect(logs.stdout).toContain("plan: 1 to allocate, 1 to start\n");
      expect(logs.stderr).toContain("and to standard error\n");
    },
  );

  vmTest("does not let its certificate in from outside", vm, async (it) => {
    const { dir, caCrt } = it.pki;
    const paths = {
      caCrt,
      clientCrt: join(dir, "_signed.client.boot.crt"),
      clientKey: join(dir, "client.boot.key"),
    };
    using transport = createTransport({
      address: { kind: "tcp", host: "127.0.0.1", port: it.port },
      credentials: readCredentials(paths),
      paths,
    });
    const error: unknown = await createClient(CellService, transport)
      .list({})
      .catch((reason: unknown) => reason);
    expect((error as ConnectError).code).toBe(Code.PermissionDenied);
    expect((error as ConnectError).rawMessage).toEndWith(
      'its role "boot" counts only on the machine itself',
    );
  });

  vmTest("does not run it again when auraed was killed", vm, async (it) => {
    await actInGuest(it, "kill -KILL $PPID");
    await it.waitForConsole(/(?:TCP Access Socket created.*?){2}/s, RESTART_MS);
    expect(await it.client(DiscoveryService).discover({})).toMatchObject({ healthy: true });
    expect(await scriptOf(it)).toMatchObject({ state: ExecutableState.EXITED });
    expect(count(it, "running /etc/aurae/boot.ts")).toBe(1);
  });
});

describe("a machine with a boot script, whose init is auraed", () => {
  const site = {
    "boot.ts": 'console.log("it begins");\nawait import("./broken.ts");\n',
    "broken.ts": "const = 1;\n",
  };
  const options = { hasBootIdentity: true, site, commandLine: ["aurae.init=exec"] };
  const vm = machine({ name: "boot-script-exec", ...options });

  vmTest("tells of its failure with the place, and goes on", vm, async (it) => {
    await it.waitForConsole(/the boot script has failed: it ended with exit code 1; the machine/);
    expect(it.console()).toMatch(/boot\.ts: it begins/);
    expect(it.console()).toMatch(/boot\.ts: .*\/etc\/aurae\/broken\.ts:1:/);
    expect(await inGuest(it, "cat /proc/1/comm")).toBe("auraed");
    expect(it.console()).not.toContain("Kernel panic");
    expect(await it.powerOff()).toMatchObject({ reason: "guest-shutdown", panicked: false });
  });
});

describe("a machine with a boot script and no certificate for it", () => {
  const site = { "boot.ts": 'console.log("it begins");\n' };
  const vm = machine({ name: "boot-script-bare", site });

  vmTest("says how to make one, and does not run it", vm, async (it) => {
    await it.waitForConsole(
      /boot\.ts is not run: it has no certificate\. Make one with "auraed pki --client boot"/,
    );
    expect(await scriptOf(it)).toBeUndefined();
    expect(it.console()).not.toContain("it begins");
  });

  vmTest("gives its name to nobody else", vm, async (it) => {
    const executable = { name: "boot.ts", command: "true" };
    await expect(it.client(CellService).start({ executable })).rejects.toThrow(
      "the name is that of the machine's own script; take another one, or a cell",
    );
  });
});
