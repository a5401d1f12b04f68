/**
 * What an exit of a vCPU costs in our loop, against a loop in C around the same guest on the same /dev/kvm: round by round,
 * one after the other. A ratio of at most 1.1 is what we hold ourselves to.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../build/run.ts";
import { runVcpu } from "../../src/kernel/kvm/vcpu-loop.ts";
import {
  readSystemRegisters,
  writeSystemRegisters,
} from "../../src/kernel/kvm/x86-64/registers.ts";
import { missingForKvm } from "../harness/host.ts";
import { RAM_BYTES, TinyGuest } from "../harness/tiny-guest.ts";
import { figuresOf, printFigures, printValue } from "./stats.ts";

const EXITS = 20_000;
const ROUNDS = 31;
const GUESTS = {
  /** out 0x80, al; jmp back */
  port: [0xe6, 0x80, 0xeb, 0xfc],
  /** mov [0], al, where no memory is; jmp back */
  mmio: [0xa2, 0x00, 0x00, 0xeb, 0xfb],
} as const;
type Kind = keyof typeof GUESTS;

/** Nanoseconds an exit, by the loop of the product with a bus that does what the one in C does. */
function typescript(kind: Kind): number {
  using guest = new TinyGuest();
  const vcpu = guest.realMode(GUESTS[kind]);
  if (kind === "mmio") {
    const { ds } = readSystemRegisters(vcpu);
    writeSystemRegisters(vcpu, { ds: { ...ds, base: BigInt(RAM_BYTES) } });
  }
  let count = -EXITS / 10;
  let start = 0;
  let end = 0;
  let sum = 0;
  const access = (address: number, data: Uint8Array): void => {
    sum = (sum + address + (data[0] ?? 0)) | 0;
    count += 1;
    if (count === 0) {
      start = performance.now();
    } else if (count === EXITS) {
      end = performance.now();
      vcpu.control.command = "stop";
      vcpu.kick();
    }
  };
  runVcpu(vcpu, { readPort: access, writePort: access, readMemory: access, writeMemory: access });
  return ((end - start) * 1e6) / EXITS;
}

const missing = missingForKvm();
if (missing !== undefined) {
  console.log(`  not measured: ${missing}`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "aurae-bench-"));
  try {
    const program = join(folder, "kvm-exits");
    await run(["gcc", "-O2", "-o", program, join(import.meta.dir, "kvm-exits.c")]);
    for (const kind of ["port", "mmio"] as const) {
      const ours: number[] = [];
      const theirs: number[] = [];
      const measure = [
        () => void ours.push(typescript(kind) / 1000),
        async () => void theirs.push(Number(await run([program, String(EXITS), kind])) / 1000),
      ];
      for (let round = 0; round < ROUNDS; round++) {
        // In turns, so that neither is always the one that comes after the other.
        for (const each of round % 2 === 0 ? measure : measure.toReversed()) {
          await each();
        }
      }
      printFigures(`an exit for ${kind}, TypeScript`, "us", ours);
      printFigures(`an exit for ${kind}, C`, "us", theirs);
      // Round by round, since both of a round met the same machine.
      const ratios = ours.map((value, i) => value / (theirs[i] ?? Number.NaN));
      const { median } = figuresOf(ratios);
      printValue(
        `an exit for ${kind}, TypeScript by C`,
        "x",
        median,
        "median of the rounds, 1.1 is the bound",
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
