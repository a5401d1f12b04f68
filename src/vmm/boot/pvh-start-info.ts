/**
 * `struct hvm_start_info`: what PVH tells the kernel, with its list of modules and its memory map
 * (xen/include/public/arch-x86/hvm/start_info.h, version 1).
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import {
  type E820Entry,
  PVH_MEMORY_MAP_ADDRESS,
  PVH_MODULES_ADDRESS,
  PVH_START_INFO_ADDRESS,
} from "../memory-map.ts";
import type { CommandLine } from "./command-line.ts";
import type { Placed } from "./initrd.ts";

const MAGIC = 0x336e_c578;
/** The first with a memory map. */
const VERSION = 1;
const START_INFO_BYTES = 56;
const MODULE_BYTES = 32;
const MEMORY_MAP_ENTRY_BYTES = 24;

export interface PvhStartInfo {
  readonly commandLine: CommandLine;
  readonly initrd: Placed | undefined;
  readonly memoryMap: readonly E820Entry[];
  readonly rsdpAddress: number;
}

function viewOf(memory: GuestMemory, address: number, length: number): DataView {
  const bytes = memory.bytes(address, length).fill(0);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @returns its address, for EBX */
export function writePvhStartInfo(memory: GuestMemory, info: PvhStartInfo): number {
  const { commandLine, initrd, memoryMap, rsdpAddress } = info;
  const view = viewOf(memory, PVH_START_INFO_ADDRESS, START_INFO_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(12, initrd === undefined ? 0 : 1, true);
  view.setBigUint64(16, initrd === undefined ? 0n : BigInt(PVH_MODULES_ADDRESS), true);
  view.setBigUint64(24, BigInt(commandLine.address), true);
  view.setBigUint64(32, BigInt(rsdpAddress), true);
  view.setBigUint64(40, BigInt(PVH_MEMORY_MAP_ADDRESS), true);
  view.setUint32(48, memoryMap.length, true);
  if (initrd !== undefined) {
    const module = viewOf(memory, PVH_MODULES_ADDRESS, MODULE_BYTES);
    module.setBigUint64(0, BigInt(initrd.address), true);
    module.setBigUint64(8, BigInt(initrd.bytes), true);
  }
  const map = viewOf(memory, PVH_MEMORY_MAP_ADDRESS, memoryMap.length * MEMORY_MAP_ENTRY_BYTES);
  for (const [index, { start, length, type }] of memoryMap.entries()) {
    const at = index * MEMORY_MAP_ENTRY_BYTES;
    map.setBigUint64(at, BigInt(start), true);
    map.setBigUint64(at + 8, BigInt(length), true);
    map.setUint32(at + 16, type, true);
  }
  return PVH_START_INFO_ADDRESS;
}
