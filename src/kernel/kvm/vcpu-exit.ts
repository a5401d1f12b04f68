/**
 * Why a vCPU stopped running its guest, as a union. The members for ports and mmio are the same object each time, so that
 * an exit allocates nothing: they are good until the next run, and who answers a read writes into `data` before that.
 */
import type { ErrnoName } from "../abi/errno.ts";

/** The guest accessed a port (api.rst, KVM_EXIT_IO). */
export interface PortExit {
  readonly kind: "port";
  readonly isWrite: boolean;
  readonly port: number;
  /** The size of one access in bytes: 1, 2 or 4. */
  readonly size: number;
  /** How many accesses; more than 1 for a string instruction. */
  readonly count: number;
  /** `size * count` bytes, the run page's own: what was written, or where the answer goes. */
  readonly data: Uint8Array;
}

/** The guest accessed memory that it does not have (KVM_EXIT_MMIO). */
export interface MmioExit {
  readonly kind: "mmio";
  readonly isWrite: boolean;
  readonly address: number;
  /** 1 to 8 bytes, the run page's own. A larger or crossing access comes in parts. */
  readonly data: Uint8Array;
}

export interface SystemEventExit {
  readonly kind: "system-event";
  /** Which, as linux/kvm.h numbers them. */
  readonly type: number;
  readonly event: "shutdown" | "reset" | "crash" | "other";
  readonly data: readonly bigint[];
}

/** KVM itself can't go on (KVM_EXIT_INTERNAL_ERROR). */
export interface InternalErrorExit {
  readonly kind: "internal-error";
  readonly suberror: number;
  readonly cause: string;
  /** For who debugs it: of a failed emulation, flags and then the bytes of the instruction. */
  readonly data: readonly bigint[];
}

/** The processor refused the guest's state (KVM_EXIT_FAIL_ENTRY). */
export interface FailEntryExit {
  readonly kind: "fail-entry";
  /** The hardware's own code. */
  readonly reason: bigint;
  readonly cpu: number;
}

export type VcpuExit =
  | PortExit
  | MmioExit
  | SystemEventExit
  | InternalErrorExit
  | FailEntryExit
  /** The guest halted, and no interrupt controller in the kernel waits for it. */
  | { readonly kind: "halt" }
  /** A triple fault, or the like: the processor would reset. */
  | { readonly kind: "shutdown" }
  /** Nothing happened: a signal came, or the vCPU has been woken. Whoever sent it has left word somewhere. */
  | { readonly kind: "interrupted" }
  /** KVM_RUN failed, and the vCPU is beyond running. */
  | { readonly kind: "failed"; readonly code: ErrnoName | `errno ${number}` }
  /** An exit that nobody asked KVM for; `reason` as linux/kvm.h numbers them. */
  | { readonly kind: "unexpected"; readonly reason: number; readonly hardwareReason: bigint };
