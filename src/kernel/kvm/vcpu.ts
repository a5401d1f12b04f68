/**
 * One vCPU: the door to its state, to running it and to getting it out of running. It is made in one thread and run in
 * another: {@link Vcpu.handle} goes there by message, and {@link Vcpu.attach} makes a vCPU of it that owns nothing.
 */
import { ERRNO, errnoName } from "../abi/errno.ts";
import { KVM_GET_MP_STATE, KVM_MP_STATE, KVM_RUN, KVM_SET_MP_STATE } from "../abi/kvm.ts";
import { SYS } from "../abi/syscalls.ts";
import { bytesAt, Mapping } from "../sys/mapping.ts";
import { callRaw, type SyscallArgument } from "../sys/syscall.ts";
import { kickThread, receiveKicks } from "../sys/thread.ts";
import type { KvmDescriptor, RequestTarget } from "./kvm-descriptor.ts";
import { INTERRUPTED, RunPage } from "./run-page.ts";
import { VcpuControl } from "./vcpu-control.ts";
import type { VcpuExit } from "./vcpu-exit.ts";

/** A vCPU as a message to another thread of the process has it. */
export interface VcpuHandle {
  readonly index: number;
  readonly fd: number;
  readonly runAddress: number;
  readonly runBytes: number;
  readonly control: SharedArrayBuffer;
}

interface Owned {
  readonly descriptor: KvmDescriptor;
  readonly mapping: Mapping;
}

export class Vcpu implements Disposable, RequestTarget {
  readonly handle: VcpuHandle;
  readonly control: VcpuControl;
  readonly #fd: number;
  readonly #page: RunPage;
  readonly #owned: Owned | undefined;

  private constructor(handle: VcpuHandle, bytes: Uint8Array, owned?: Owned) {
    this.handle = handle;
    this.control = new VcpuControl(handle.control);
    this.#fd = handle.fd;
    this.#page = new RunPage(bytes);
    this.#owned = owned;
  }

  /** A vCPU that was just made; it owns the descriptor. @throws {SyscallError} */
  static own(index: number, descriptor: KvmDescriptor, runBytes: number): Vcpu {
    try {
      const file = { fd: descriptor.number, offset: 0, isShared: true };
      const mapping = new Mapping(runBytes, `vCPU ${index}`, file);
      const control = new VcpuControl().memory;
      const runAddress = mapping.address;
      const handle = { index, fd: descriptor.number, runAddress, runBytes, control };
      return new Vcpu(handle, mapping.bytes, { descriptor, mapping });
    } catch (error) {
      descriptor[Symbol.dispose]();
      throw error;
    }
  }

  /** The same vCPU in another thread. The owner keeps it until this thread is done. */
  static attach(handle: VcpuHandle): Vcpu {
    return new Vcpu(handle, bytesAt(handle.runAddress, handle.runBytes));
  }

  get index(): number {
    return this.handle.index;
  }

  /** Makes the calling thread the one that runs the vCPU, for {@link kick} to find. @throws {SyscallError} */
  enterThread(): void {
    this.control.thread = receiveKicks();
  }

  leaveThread(): void {
    this.control.thread = 0;
  }

  /**
   * Runs the guest until the next exit. What the last exit asked for has been answered by now. A failure of KVM_RUN is an
   * exit, too; no error is thrown.
   */
  run(): VcpuExit {
    // SAFETY: KVM_RUN writes the run page, which its mapping's owner keeps until this thread is done.
    const result = callRaw(SYS.ioctl, this.#fd, KVM_RUN);
    if (result >= 0) {
      return this.#page.decode();
    }
    if (result === -ERRNO.EINTR) {
      // First this and then whatever the kick was about: what comes in between sets it again.
      this.#page.mustExit = false;
      return INTERRUPTED;
    }
    if (result === -ERRNO.EAGAIN) {
      return INTERRUPTED; // an application processor that has been told to start (api.rst, KVM_RUN)
    }
    return { kind: "failed", code: errnoName(-result) };
  }

  /**
   * Gets the vCPU out of running its guest, from any thread: {@link run} returns `interrupted`, at once or as soon as it is
   * called, and never fails to. Say before what it is about, where the vCPU's thread looks after each `interrupted`.
   *
   * The byte in the run page catches a thread that is not inside KVM_RUN yet, the signal one that is; a thread between the
   * two has either seen the byte or not yet looked for signals.
   * @throws {SyscallError}
   */
  kick(): void {
    this.#page.mustExit = true;
    const { thread } = this.control;
    if (thread !== 0) {
      kickThread(thread);
    }
  }

  request(name: string, number: number, argument: SyscallArgument = 0): number {
    return this.#ownedDescriptor(name).request(name, number, argument);
  }

  tryRequest(number: number, argument: SyscallArgument = 0): number {
    return this.#ownedDescriptor("a request").tryRequest(number, argument);
  }

  /** KVM makes requests wait for as long as the guest runs, which may be for ever: that is refused. */
  #ownedDescriptor(name: string): KvmDescriptor {
    if (this.#owned === undefined) {
      throw new Error(`${name} of vCPU ${this.index} is for the thread that made it`);
    }
    if (this.control.phase === "running") {
      throw new Error(`${name} of vCPU ${this.index} has to wait until that is paused`);
    }
    return this.#owned.descriptor;
  }

  /** KVM_MP_STATE_*. @throws {SyscallError} */
  get mpState(): number {
    const state = KVM_MP_STATE.make({});
    this.request("KVM_GET_MP_STATE", KVM_GET_MP_STATE, state);
    return KVM_MP_STATE.read(state, "mp_state");
  }

  set mpState(mpState: number) {
    const state = KVM_MP_STATE.make({ mp_state: mpState });
    this.request("KVM_SET_MP_STATE", KVM_SET_MP_STATE, state);
  }

  /** After its thread is done. @throws {Error} while it still runs */
  [Symbol.dispose](): void {
    if (this.#owned !== undefined && !this.#owned.descriptor.isClosed) {
      const { phase } = this.control;
      if (phase === "running" || phase === "paused") {
        throw new Error(`vCPU ${this.index} is ${phase}: stop it before it is disposed of`);
      }
      this.#owned.descriptor[Symbol.dispose]();
      this.#owned.mapping[Symbol.dispose]();
    }
  }
}
