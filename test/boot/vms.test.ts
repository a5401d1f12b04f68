/**
 * The story of one virtual machine as docs/vms.md tells it, with `aer` and a stock kernel in the test VM, whose processor
 * has virtualisation in emulation: it boots to auraed, stands still and goes on, outlives its daemon, and is turned off.
 */
import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { buildInitramfs } from "../../build/initramfs.ts";
import { ensureKernel } from "../../build/kernel-package.ts";
import { resolveModules } from "../../build/modules.ts";
import { inRoot } from "../../build/paths.ts";
import { createAuthority } from "../../src/pki/authority.ts";
import { folderArchive } from "../harness/folder-archive.ts";
import { type Ended, run } from "../harness/curl.ts";
import { eventually } from "../harness/eventually.ts";
import { actInGuest, inGuest } from "../harness/in-guest.ts";
import type { TestVm } from "../harness/vm.ts";
import { machine, vmTest } from "../harness/vm-test.ts";

/** Where the test VM has what the machine is made of. */
const FOLDER = "vms";
const BOOT_MS = 200_000;
const TIMEOUT_MS = 240_000;
const ADOPTION_MS = 60_000;
const MODULES = ["kvm_amd", "tun"];
const KERNEL_WORDS = ["console=hvc0", "quiet", "tsc=reliable", "panic=-1", "cryptomgr.notests"];

const { image, modulesDir } = ensureKernel(inRoot(".cache"));
const modules = resolveModules(modulesDir, MODULES);

async function archive(): Promise<Uint8Array> {
  const authority = await createAuthority({ trustDomain: "unsafe.aurae.io", commonName: "vms" });
  const files: Record<string, string | Uint8Array> = {
    vmlinuz: readFileSync(image),
    initrd: readFileSync(buildInitramfs({ kernelModules: modulesDir }).path),
    "ca.crt": authority.certificatePem,
    "ca.key": authority.keyPem,
    ...Object.fromEntries(modules.map(({ name, content }) => [`${name}.ko`, content])),
  };
  return folderArchive(FOLDER, files);
}

const host = machine({
  ...{ name: "vms", archives: [await archive()], memoryMib: 1536 },
  commandLine: ["--", `--vm-ca-crt=/${FOLDER}/ca.crt`, `--vm-ca-key=/${FOLDER}/ca.key`],
});

function aerCommand({ address, pki }: TestVm, words: string): string[] {
  const { caCrt, clientCrt, clientKey } = pki;
  const as = ["--ca-crt", caCrt, "--client-crt", clientCrt, "--client-key", clientKey];
  return [inRoot("dist/aer"), ...as, "--socket", address, "vm", ...words.split(" ")];
}

const aer = (vm: TestVm, words: string): Promise<Ended> => run(aerCommand(vm, words));

/** What a command prints until something is in it; then it is ended. @throws {Error} with what it printed instead */
async function readUntil(command: readonly string[], wanted: RegExp, ms: number): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const timer = setTimeout(() => child.kill(), ms);
  let text = "";
  try {
    for await (const chunk of child.stdout) {
      text += Buffer.from(chunk).toString();
      if (wanted.test(text)) {
        return text;
      }
    }
  } finally {
    clearTimeout(timer);
    child.kill();
  }
  throw new Error(`${wanted} did not come: ${text}`);
}

describe("a virtual machine", () => {
  let pid = "";
  const list = async (vm: TestVm): Promise<Record<string, unknown>[]> => {
    return JSON.parse((await aer(vm, "list --output json")).stdout).machines;
  };

  vmTest("is not started without KVM, and the error says what to do", host, async (vm) => {
    const kernel = `--kernel-img-path /${FOLDER}/vmlinuz --initrd /${FOLDER}/initrd`;
    const words = KERNEL_WORDS.map((word) => `--kernel-args ${word}`).join(" ");
    const allocated = await aer(vm, `allocate one ${kernel} ${words} --mem-size-mb 640`);
    expect(allocated).toEqual({ code: 0, stdout: "vm_id  one\n", stderr: "" });
    const { code, stderr } = await aer(vm, "start one");
    expect([code, stderr]).toEqual([6, expect.stringContaining("load the module kvm_intel")]);
    expect(await list(vm)).toMatchObject([{ id: "one", status: "Created" }]);
  });

  vmTest(
    "boots to auraed, as its console tells",
    host,
    async (vm) => {
      const paths = modules.map(({ name }) => `/${FOLDER}/${name}.ko`).join(" ");
      await inGuest(vm, `for module in ${paths}; do busybox insmod $module; done`);
      const started = await aer(vm, "start one");
      expect(started).toMatchObject({ code: 0, stderr: "" });
      pid = /host_pid +(\d+)/.exec(started.stdout)?.[1] ?? "";
      expect(started.stdout).toMatch(/auraed_address +\[fe80::2%\d+\]:8080/);
      const said = await readUntil(
        aerCommand(vm, "logs -f one"),
        /TCP Access Socket created/,
        BOOT_MS,
      );
      expect(said).toContain("Running as pid 1");
      expect((await aer(vm, "list")).stdout).toMatch(
        new RegExp(
          `^one +Running +${pid} +1 +640M +\\[fe80::2%\\d+\\]:8080 +/${FOLDER}/vmlinuz$`,
          "m",
        ),
      );
    },
    TIMEOUT_MS,
  );

  vmTest("stands still, and goes on", host, async (vm) => {
    expect(await aer(vm, "pause one")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await list(vm)).toMatchObject([{ status: "Paused", hostPid: Number(pid) }]);
    expect(await aer(vm, "resume one")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await list(vm)).toMatchObject([{ status: "Running", hostPid: Number(pid) }]);
  });

  vmTest("outlives a daemon that is killed, and is the next one's", host, async (vm) => {
    await actInGuest(vm, "kill -KILL $PPID");
    await vm.waitForConsole(/was killed by signal 9[\s\S]*TCP Access Socket created/);
    const [found] = await eventually("the API", () => list(vm).catch(() => undefined), ADOPTION_MS);
    expect(found).toMatchObject({ id: "one", status: "Running", hostPid: Number(pid) });
    expect(found).toMatchObject({ auraedAddress: expect.stringContaining("fe80::2%") });
  });

  vmTest(
    "is turned off by its power button, and its console was heard to the end",
    host,
    async (vm) => {
      const stopped = await aer(vm, "stop one --grace-period-ms 60000");
      expect(stopped).toEqual({
        code: 0,
        stdout: "off: the guest turned itself off\n",
        stderr: "",
      });
      expect((await aer(vm, "list")).stdout).toMatch(
        /^one +Shutdown \(off\) +1 +640M +\/vms\/vmlinuz$/m,
      );
      expect(await aer(vm, "wait one")).toEqual({
        code: 0,
        stdout: "off: the guest turned itself off\n",
        stderr: "",
      });
      const { stdout } = await aer(vm, "logs one");
      expect(stdout).toMatch(/Running as pid 1[\s\S]*powering the machine off/);
    },
  );

  vmTest("leaves nothing behind when it is freed", host, async (vm) => {
    expect(await aer(vm, "free one")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await list(vm)).toEqual([]);
    const left = await inGuest(
      vm,
      "ls -d /sys/fs/cgroup/_vms/*/ /run/aurae/vms/* /sys/class/net/auraed-*",
    );
    expect(left.split("\n").filter((line) => !line.includes("No such file"))).toEqual([]);
    expect((await aer(vm, "logs one")).stdout).toContain("Running as pid 1");
  });
});
