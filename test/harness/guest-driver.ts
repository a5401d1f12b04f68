/**
 * Plays the daemon of a guest that runs auraed, inside of a test VM, run by auraescript: makes its NIC and its site, has
 * `auraed vmm` boot it, and calls its API by every way that there is. What it finds goes to the console, a line of JSON.
 */
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { messageOf } from "../../src/base/errors.ts";
import { parseAddress } from "../../src/client/address.ts";
import { readCredentials } from "../../src/client/credentials.ts";
import { createTransport } from "../../src/client/transport.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";
import { GuestSites } from "../../src/guest/guest-sites.ts";
import { loadVmAuthority } from "../../src/guest/vm-authority.ts";
import { loadModule } from "../../src/kernel/module/module.ts";
import { Interfaces } from "../../src/kernel/net/interfaces.ts";
import { openTap } from "../../src/kernel/net/tap.ts";
import { listenUnix } from "../../src/kernel/net/unix-stream.ts";
import { KernelVmNetworks } from "../../src/kernel/net/vm-networks.ts";
import { eventually } from "./eventually.ts";
import { say } from "./say-on-console.ts";
import { configFor, VmmProcess } from "./vmm-process.ts";

/** What the test wants, in the file that the driver is given; paths are those in the test VM. */
export interface GuestPlan {
  readonly modules: readonly string[];
  readonly folder: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly readyMs: number;
  readonly endMs: number;
}

const ID = "one";
const MAC = "52:54:00:00:00:00";
const MTU = 1500;
const CID = 7;
const VSOCK = "/run/guest.vsock";
const CALL_MS = 60_000;

function transportTo(address: string, folder: string) {
  const paths = {
    caCrt: `${folder}/vm-ca.crt`,
    clientCrt: `${folder}/client.crt`,
    clientKey: `${folder}/client.key`,
  };
  const credentials = readCredentials(paths);
  return createTransport({
    ...{ address: parseAddress(address), credentials, paths },
    serverName: `${ID}.vm.unsafe.aurae.io`,
  });
}

/** Whether auraed answers there, within a bound, or why it does not. */
async function answers(address: string, folder: string): Promise<string> {
  using transport = transportTo(address, folder);
  let why = "";
  const ask = async () => {
    try {
      return (await createClient(DiscoveryService, transport).discover({})).healthy;
    } catch (error) {
      why = messageOf(error);
      return false;
    }
  };
  return await eventually("an answer", ask, CALL_MS).then(
    () => "healthy",
    () => why,
  );
}

/** What a shell in a cell of the guest says to a question, by the guest's console. */
async function askInCell(vmm: VmmProcess, folder: string, command: string): Promise<string> {
  using transport = transportTo(`vsock:${VSOCK}:8080`, folder);
  const cells = createClient(CellService, transport);
  await cells.allocate({ cell: { name: "inside" } });
  const text = `{ ${command}; } 2>&1 | sed 's/^/said: /' >/dev/hvc0; echo 'said: all' >/dev/hvc0`;
  await cells.start({ cellName: "inside", executable: { name: "look", command: text } });
  vmm.waitFor("what it says", () => vmm.consoleText.includes("said: all"), CALL_MS);
  await cells.free({ cellName: "inside" });
  const lines = vmm.consoleText
    .split(/\r?\n/)
    .flatMap((line) => /said: (.*)$/.exec(line)?.[1] ?? []);
  return lines.filter((line) => line !== "all").join("\n");
}

async function drive(plan: GuestPlan): Promise<void> {
  const { folder } = plan;
  for (const path of plan.modules) {
    loadModule(path);
  }
  const networks = new KernelVmNetworks("/var/lib/aurae");
  const nic = await networks.create(ID, 0, { mac: MAC, mtu: MTU });
  const authority = loadVmAuthority(
    { certificate: `${folder}/vm-ca.crt`, key: `${folder}/vm-ca.key` },
    {
      trustDomain: "unsafe.aurae.io",
      clientCaPem: readFileSync(`${folder}/clients.crt`, "utf8"),
    },
  );
  const site = await new GuestSites(authority).siteFor(ID, {
    life: crypto.randomUUID(),
    mounts: [{ device: "/dev/vda", path: "/data", fsType: "", isReadOnly: false }],
    nics: [{ mac: MAC, ...(nic.ipv4 === undefined ? {} : { ipv4: nic.ipv4 }) }],
  });
  writeFileSync("/run/site.cpio", site ?? "", { mode: 0o600 });
  const kernel = openSync(`${folder}/vmlinuz`, "r");
  const initrds = [`${folder}/guest.cpio.zst`, "/run/site.cpio"].map((path) => openSync(path, "r"));
  const disk = openSync(`${folder}/disk`, "r+");
  using tap = openTap(nic.tap);
  using listener = listenUnix(VSOCK);
  const fds = [kernel, ...initrds, disk, tap.fd, listener.number];
  await using vmm = new VmmProcess(["/bin/auraed", "vmm"], fds);
  const config = configFor(
    { kernel, initrds, disks: [{ fd: disk, isReadOnly: false }], nics: [tap.fd] },
    {
      ...{ memoryBytes: plan.memoryBytes, commandLine: plan.commandLine },
      vsock: { cid: CID, listenFd: 5 + fds.length, connectPath: "/run/guest.to" },
    },
  );
  vmm.call("create", config);
  vmm.call("run", {});
  const isReady = () => /TCP Access Socket created/.test(vmm.consoleText);
  try {
    vmm.waitFor("the guest to be ready", () => isReady() || vmm.end !== undefined, plan.readyMs);
    const ways = {
      vsock: `vsock:${VSOCK}:8080`,
      linkLocal: `[fe80::2%${nic.ifindex}]:8080`,
      ipv4: `${nic.ipv4?.guest}:8080`,
    };
    const found: Record<string, string> = {};
    for (const [name, address] of Object.entries(ways)) {
      found[name] = await answers(address, folder);
    }
    const question =
      "hostname; grep /data /proc/mounts; cat /data/file; ps | grep -c [a]urae-relay";
    found.cell = await askInCell(vmm, folder, question);
    say("driver", JSON.stringify(found));
    vmm.call("pressPowerButton", {});
    const ended = await vmm.ended(plan.endMs);
    await networks.remove(ID, 0);
    using interfaces = new Interfaces();
    const left = interfaces.list().filter(({ name }) => name === nic.tap).length;
    say("driver", JSON.stringify({ ...ended, left }));
  } finally {
    say("serial", vmm.serialText);
    say("console", vmm.consoleText);
  }
}

try {
  await drive(JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")));
} catch (error) {
  say("driver", String(error));
}
say("driver", "DONE");
