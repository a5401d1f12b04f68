/**
 * Plays the daemon of one virtual machine inside of a test VM: run by auraescript, it loads the modules of KVM, starts
 * `auraed vmm`, has it boot a kernel, and presses the power button once the guest is ready. What the machine says goes to
 * the console, each line with a mark.
 */
import { openSync, readdirSync, readFileSync } from "node:fs";
import { loadModule } from "../../src/kernel/module/module.ts";
import type { MachineConfig } from "../../src/vmm/protocol/machine-config.ts";
import { say } from "./say-on-console.ts";
import { configFor, VmmProcess } from "./vmm-process.ts";

/** What the test wants, in the file that the driver is given. */
export interface DriverPlan {
  readonly modules: readonly string[];
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly config: Partial<MachineConfig> & { readonly commandLine: string };
  /** On the guest's outputs: then the button is pressed. */
  readonly ready: string;
  readonly readyMs: number;
  readonly endMs: number;
}

/** Says what has come since the last time, in whole lines. */
function teller(mark: string, text: () => string): () => void {
  let told = 0;
  return () => {
    const end = text().lastIndexOf("\n") + 1;
    if (end > told) {
      say(mark, text().slice(told, end - 1));
      told = end;
    }
  };
}

/** Where each thread of a process is. */
function threadsOf(pid: number): string {
  const folder = `/proc/${pid}/task`;
  const read = (thread: string, name: string) => {
    try {
      return readFileSync(`${folder}/${thread}/${name}`, "utf8").trim();
    } catch {
      return "?";
    }
  };
  return readdirSync(folder)
    .map((id) => ["comm", "stat", "wchan", "syscall"].map((name) => read(id, name)).join(" "))
    .join("\n");
}

async function drive(plan: DriverPlan): Promise<void> {
  for (const path of plan.modules) {
    loadModule(path);
  }
  const kernel = openSync(plan.kernel, "r");
  const initrds = plan.initrds.map((path) => openSync(path, "r"));
  const startedAtMs = Date.now();
  await using vmm = new VmmProcess(["/bin/auraed", "vmm"], [kernel, ...initrds]);
  const console = teller("console", () => vmm.consoleText);
  const serial = teller("serial", () => vmm.serialText);
  const tellAnd = (holds: () => boolean) => () => {
    console();
    serial();
    return holds() || vmm.end !== undefined;
  };
  vmm.call("create", configFor({ kernel, initrds }, plan.config));
  vmm.call("run", {});
  const ready = new RegExp(plan.ready);
  const isReady = () => ready.test(vmm.consoleText) || ready.test(vmm.serialText);
  try {
    vmm.waitFor("the guest to be ready", tellAnd(isReady), plan.readyMs);
  } catch (error) {
    say("driver", threadsOf(vmm.process.pid));
    say("driver", JSON.stringify(vmm.call("status", {})));
    vmm.call("pause", {});
    say("driver", threadsOf(vmm.process.pid));
    throw error;
  }
  const status = vmm.end === undefined ? vmm.call("status", {}) : undefined;
  const firstRunMs = Math.round((status?.firstRunAtMs ?? 0) - startedAtMs);
  const log = vmm.events.flatMap((event) => (event.event === "log" ? [event] : []));
  const privateMib = vmm.privateBytes(plan.config.memoryBytes ?? 0) / 2 ** 20;
  say("driver", JSON.stringify({ ready: isReady(), firstRunMs, privateMib, status, log }));
  if (vmm.end === undefined) {
    vmm.call("pressPowerButton", {});
  }
  vmm.waitFor(
    "the guest to end",
    tellAnd(() => false),
    plan.endMs,
  );
  const code = await vmm.process.exited;
  console();
  serial();
  say("driver", JSON.stringify({ end: vmm.end, code }));
}

try {
  await drive(JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")));
} catch (error) {
  say("driver", String(error));
}
say("driver", "DONE");
