/**
 * A monitor's jail where the host is a machine of ours: the root is an initramfs, which pivot_root(2) can't put out of
 * the way, and every controller is there. In the test VM, whose processor has virtualisation in emulation.
 */
import { expect, test } from "bun:test";
import { ensureKernel } from "../../build/kernel-package.ts";
import { resolveModules } from "../../build/modules.ts";
import { inRoot } from "../../build/paths.ts";
import { type CpioEntry, cpioArchive } from "../../src/base/cpio.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { sleepingKernel } from "../harness/monitor-world.ts";
import { bootVm } from "../harness/vm.ts";

const FOLDER = "monitor";
const MIB = 1024 * 1024;

/** The driver in one file, and the files that it loads beside it. */
async function driverFiles(): Promise<[string, Uint8Array][]> {
  const result = await Bun.build({
    entrypoints: [inRoot("test/harness/monitor-driver.ts")],
    target: "bun",
  });
  return Promise.all(
    result.outputs.map(async (output) => {
      const name = output.kind === "entry-point" ? "driver.js" : output.path.replace("./", "");
      return [name, new Uint8Array(await output.arrayBuffer())] as [string, Uint8Array];
    }),
  );
}

test("a monitor is jailed on an initramfs, too, within the limits of its control group", async () => {
  const { modulesDir } = ensureKernel(inRoot(".cache"));
  const modules = resolveModules(modulesDir, ["kvm_amd"]);
  const names = JSON.stringify(modules.map(({ name }) => name));
  const files: [string, Uint8Array][] = [
    ["kernel", sleepingKernel()],
    ["modules.json", new TextEncoder().encode(names)],
    ...modules.map(({ name, content }) => [`${name}.ko`, content] as [string, Uint8Array]),
    ...(await driverFiles()),
  ];
  const archive = cpioArchive([
    { kind: "directory", path: FOLDER, mode: 0o755 },
    ...files.map(([name, content]): CpioEntry => {
      return { kind: "file", path: `${FOLDER}/${name}`, mode: 0o644, content };
    }),
  ]);
  await using vm = await bootVm({ name: "monitor", archives: [archive], memoryMib: 1024 });
  const command = `cd /${FOLDER} && auraescript driver.js >/dev/console 2>&1`;
  await vm.client(CellService).start({ executable: { name: "driver", command } });
  // All of the line: what comes over a console comes in pieces.
  const [, answer = ""] = await vm.waitForConsole(/^FOUND (.*)\r?\n/m, 120_000);
  const found = JSON.parse(answer);
  expect(found).toEqual({
    said: "hi",
    state: "running",
    hostRoot: "rootfs",
    root: ["lib", "lib64", "proc", "run"],
    mounts: found.mounts?.filter((at: string) => /^\/(proc|run|lib\/.*|lib64\/.*)?$/.test(at)),
    memoryMax: String(96 * MIB),
    pidsMax: "512",
    oomGroup: "1",
    areHostMountsSame: true,
    isGone: true,
    end: { kind: "killed", message: "" },
  });
}, 300_000);
