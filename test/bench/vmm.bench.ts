/**
 * Our virtual machine monitor against QEMU's microvm. Natively, what a machine's start costs the monitor: from its process's
 * start to the first instruction of a guest that does nothing else. In the test VM, which emulates AMD's virtualisation in
 * software, so that all times are those of a far slower machine and only their ratios count: a machine with Debian's kernel
 * on either, in turns. Every time is taken by vmm/host.c.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureKernel } from "../../build/kernel-package.ts";
import { EXECUTABLE, inRoot } from "../../build/paths.ts";
import { run } from "../../build/run.ts";
import { elfFile } from "../harness/boot-images.ts";
import { missingForKvm } from "../harness/host.ts";
import { inGuest, runInGuest } from "../harness/in-guest.ts";
import { bootVm, type TestVm } from "../harness/vm.ts";
import { figuresOf, printFigures, printValue } from "./stats.ts";
import {
  buildHost,
  controlPath,
  GUEST_QEMU,
  hostArchive,
  PARTS,
  PREPARE,
  SNAPSHOT,
} from "./vmm/images.ts";
import { DISK_BYTES, FIRST_INSTRUCTION, LOOP, NET_BYTES, RANDOM_READS } from "./vmm/marks.ts";
import { Measured } from "./vmm/measured.ts";
import {
  CONTROLS,
  oursRestore,
  oursRun,
  oursSave,
  oursStart,
  qemuRun,
  qemuStart,
} from "./vmm/monitors.ts";

const NATIVE_ROUNDS = 31;
const ROUNDS = 5;
const RESTORES = 3;
const MIB = 2 ** 20;
const HOST_MEMORY_MIB = 2048;

/** What a guest of one instruction says: mov dx, 0x3f8; mov al, 'U'; out dx, al; hlt; and again, should it wake. */
const SAY = [0xba, 0xf8, 0x03, ...[0xb0, FIRST_INSTRUCTION.charCodeAt(0)], 0xee, 0xf4, 0xeb, 0xfd];
/** The same in 64-bit mode, where an operand has 32 bits unless told otherwise. */
const SAY_64 = [0x66, ...SAY];
const KERNEL_ADDRESS = 0x10_0000;
const FIRMWARE_BYTES = 0x1_0000;
/** Where a processor starts, from the end of the firmware. */
const RESET_OFFSET = -0x10;

interface Pair<T> {
  readonly ours: T[];
  readonly qemu: T[];
}

/** Runs both, round by round, in turns, so that neither is always the one that comes after the other. */
async function inTurns<T>(
  rounds: number,
  ours: () => Promise<T>,
  qemu: () => Promise<T>,
): Promise<Pair<T>> {
  const all: Pair<T> = { ours: [], qemu: [] };
  const steps = [
    async () => void all.ours.push(await ours()),
    async () => void all.qemu.push(await qemu()),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const step of round % 2 === 0 ? steps : steps.toReversed()) {
      await step();
    }
  }
  return all;
}

interface Row {
  readonly what: string;
  readonly unit: string;
  readonly of: (run: Measured) => number;
  /** What ours over QEMU's is to be, in words; none where it is only told. */
  readonly bound?: string;
}

/** Two lines with the figures of both, and one with the ratio: round by round, since both of a round met the same machine. */
function printRow({ what, unit, of, bound }: Row, { ours, qemu }: Pair<Measured>): void {
  printFigures(what, unit, ours.map(of));
  printFigures("  QEMU microvm", unit, qemu.map(of));
  if (bound !== undefined) {
    const ratios = ours.map((run, at) => of(run) / of(qemu[at] ?? run));
    printValue("  ours by QEMU's", "x", figuresOf(ratios).median, `median of the rounds, ${bound}`);
  }
}

const ROWS: readonly Row[] = [
  {
    what: "process start to first KVM_RUN",
    unit: "s",
    of: (run) => run.seconds("run"),
    bound: "no bound of its own",
  },
  {
    what: "first KVM_RUN to first user-space instruction",
    unit: "s",
    of: (run) => run.seconds(FIRST_INSTRUCTION) - run.seconds("run"),
    bound: "no bound of its own",
  },
  {
    what: "process start to first user-space instruction",
    unit: "s",
    of: (run) => run.seconds(FIRST_INSTRUCTION),
    bound: "1 is the bound",
  },
  {
    what: "private memory beside the guest's, booted",
    unit: "MiB",
    of: (run) => run.mib("first", "private"),
  },
  {
    what: "private memory beside the guest's, after the work below",
    unit: "MiB",
    of: (run) => run.mib("last", "private"),
    bound: "and 24 MiB is the bound",
  },
  {
    what: "pages of files that no other process maps",
    unit: "MiB",
    of: (run) => run.mib("last", "files"),
  },
  {
    what: "block, sequential reads of 1 MiB",
    unit: "MiB/s",
    of: (run) => DISK_BYTES / MIB / run.spanSeconds("sequential"),
    bound: "0.7 is the bound",
  },
  {
    what: "block, random reads of 4 KiB, one at a time",
    unit: "/s",
    of: (run) => RANDOM_READS / run.spanSeconds("random"),
    bound: "0.7 is the bound",
  },
  {
    what: "net, TCP from the guest",
    unit: "MiB/s",
    of: (run) => NET_BYTES / MIB / run.spanSeconds("sent"),
    bound: "0.5 is the bound",
  },
  {
    what: "net, TCP to the guest",
    unit: "MiB/s",
    of: (run) => NET_BYTES / MIB / run.spanSeconds("received"),
    bound: "0.5 is the bound",
  },
];

/** What a start costs natively. */
async function measureNatively(folder: string): Promise<void> {
  const missing = missingForKvm();
  if (missing !== undefined) {
    console.log(`  natively: not measured: ${missing}`);
    return;
  }
  const host = await buildHost(folder);
  const kernel = join(folder, "kernel");
  const segment = { type: 1, physicalAddress: KERNEL_ADDRESS, bytes: Uint8Array.from(SAY_64) };
  writeFileSync(kernel, elfFile(KERNEL_ADDRESS, [segment]));
  const firmware = join(folder, "firmware");
  const code = new Uint8Array(FIRMWARE_BYTES).fill(0x90);
  code.set(SAY, FIRMWARE_BYTES + RESET_OFFSET);
  writeFileSync(firmware, code);
  const control = join(folder, "control");
  writeFileSync(control, CONTROLS.start);
  // A KVM without hardware below it refuses a register that goes with that bit.
  const cpu = "host,-arch-capabilities";
  const qemu = { program: "/usr/bin/qemu-system-x86_64", data: "/usr/share/qemu", firmware, cpu };
  const measure = async (argv: readonly string[]) => new Measured(await run(argv));
  const pair = await inTurns(
    NATIVE_ROUNDS,
    () => measure(oursStart({ host, auraed: EXECUTABLE, control }, kernel)),
    () => measure(qemuStart(host, qemu)),
  );
  console.log("  natively, a guest of one instruction");
  const what = "process start to the guest's first instruction";
  const of = (each: Measured) => each.seconds(FIRST_INSTRUCTION) * 1000;
  printRow({ what, unit: "ms", of, bound: "and 80 ms is the bound" }, pair);
}

async function measureIn(vm: TestVm, argv: readonly string[]): Promise<Measured> {
  const { code, stdout, stderr } = await runInGuest(vm, ...argv);
  if (code !== 0) {
    throw new Error(`measure in the test VM: "${argv.join(" ")}": ${stderr}\n${stdout}`);
  }
  return new Measured(stdout);
}

/** A snapshot of a booted guest, restored again and again. */
async function measureRestores(vm: TestVm, coldSeconds: number): Promise<void> {
  await measureIn(vm, oursSave(controlPath("save"), PARTS, SNAPSHOT));
  const restores: Measured[] = [];
  for (let i = 0; i < RESTORES; i++) {
    restores.push(await measureIn(vm, oursRestore(controlPath("restore"), PARTS, SNAPSHOT)));
  }
  const seconds = restores.map((each) => each.seconds(LOOP));
  printFigures("restore of 128 MiB, process start to first instruction", "s", seconds);
  const ratio = figuresOf(seconds).median / coldSeconds;
  printValue("  by a cold start to user space", "x", ratio, "1/3 is the bound");
}

async function measureInVm(folder: string): Promise<void> {
  const archives = [await hostArchive(folder, ensureKernel(inRoot(".cache")))];
  await using vm = await bootVm({ name: "bench-vmm", archives, memoryMib: HOST_MEMORY_MIB });
  const complaints = await inGuest(vm, PREPARE);
  if (complaints !== "") {
    throw new Error(`make the test VM a host of machines: ${complaints}`);
  }
  const pair = await inTurns(
    ROUNDS,
    () => measureIn(vm, oursRun(controlPath("run"), PARTS)),
    () => measureIn(vm, qemuRun(GUEST_QEMU, PARTS)),
  );
  console.log("  in the test VM, Debian's kernel");
  for (const row of ROWS) {
    printRow(row, pair);
  }
  const cold = pair.ours.map((each) => each.seconds(FIRST_INSTRUCTION));
  await measureRestores(vm, figuresOf(cold).median);
}

const folder = mkdtempSync(join(tmpdir(), "aurae-bench-"));
try {
  await measureNatively(folder);
  await measureInVm(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
