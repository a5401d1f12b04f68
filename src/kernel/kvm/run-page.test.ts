import { describe, expect, test } from "bun:test";
import {
  KVM_EXIT_DEBUG,
  KVM_EXIT_FAIL_ENTRY,
  KVM_EXIT_HLT,
  KVM_EXIT_INTERNAL_ERROR,
  KVM_EXIT_INTR,
  KVM_EXIT_IO,
  KVM_EXIT_IO_IN,
  KVM_EXIT_IO_OUT,
  KVM_EXIT_MMIO,
  KVM_EXIT_SHUTDOWN,
  KVM_EXIT_SYSTEM_EVENT,
  KVM_RUN_FAIL_ENTRY,
  KVM_RUN_HEAD,
  KVM_RUN_HW,
  KVM_RUN_INTERNAL,
  KVM_RUN_IO,
  KVM_RUN_MMIO,
  KVM_RUN_SYSTEM_EVENT,
} from "../abi/kvm.ts";
import { RunPage } from "./run-page.ts";
import type { VcpuExit } from "./vcpu-exit.ts";

const PAGE = 4096;

/** A vCPU's memory as KVM would leave it. */
function fake() {
  const bytes = new Uint8Array(3 * PAGE);
  const view = new DataView(bytes.buffer);
  return { bytes, view, page: new RunPage(bytes) };
}

function portExit({ view }: ReturnType<typeof fake>, size: number, count: number, direction = 1) {
  const exit_reason = KVM_EXIT_IO;
  const values = { direction, size, port: 0x3f8, count, data_offset: PAGE, exit_reason };
  KVM_RUN_IO.write(view, values);
}

/** A copy, since the page uses the same object again. */
function seen(exit: VcpuExit): VcpuExit {
  return exit.kind === "port" || exit.kind === "mmio" ? { ...exit, data: exit.data.slice() } : exit;
}

describe("RunPage.decode", () => {
  test("reads a write to a port, with its data", () => {
    const it = fake();
    portExit(it, 2, 1, KVM_EXIT_IO_OUT);
    it.bytes.set([0x34, 0x12, 0xff], PAGE);
    const data = new Uint8Array([0x34, 0x12]);
    const exit = { kind: "port", isWrite: true, port: 0x3f8, size: 2, count: 1, data };
    expect(seen(it.page.decode())).toEqual(exit as VcpuExit);
  });

  test("has what answers a read from a port in the page itself", () => {
    const it = fake();
    portExit(it, 4, 1, KVM_EXIT_IO_IN);
    const exit = it.page.decode();
    if (exit.kind !== "port") {
      throw new Error(exit.kind);
    }
    expect(exit.isWrite).toBe(false);
    exit.data.set([1, 2, 3, 4]);
    expect([...it.bytes.subarray(PAGE, PAGE + 5)]).toEqual([1, 2, 3, 4, 0]);
  });

  test("has all the data of a string instruction, and never more than the page", () => {
    const it = fake();
    portExit(it, 4, 1024);
    expect(it.page.decode()).toMatchObject({ count: 1024, data: { length: PAGE } });
    portExit(it, 4, 0xffff_ffff);
    expect(it.page.decode()).toMatchObject({ data: { length: 2 * PAGE } });
    KVM_RUN_IO.write(it.view, { data_offset: 0xffff_0000 });
    expect(it.page.decode()).toMatchObject({ data: { length: 0 } });
  });

  test("gives the same object and the same view for the next exit of a kind", () => {
    const it = fake();
    portExit(it, 1, 1);
    const first = it.page.decode() as { data: Uint8Array };
    const firstData = first.data;
    KVM_RUN_IO.write(it.view, { port: 0x60 });
    const second = it.page.decode();
    expect(second).toBe(first as unknown as VcpuExit);
    expect((second as { data: Uint8Array }).data).toBe(firstData);
    expect(second).toMatchObject({ port: 0x60 });
  });

  test.each([1, 2, 4, 8])("reads an access of %i bytes to mmio", (len) => {
    const it = fake();
    const phys_addr = 0xf_1234_5678_9000n;
    KVM_RUN_MMIO.write(it.view, { phys_addr, len, is_write: 1, exit_reason: KVM_EXIT_MMIO });
    it.bytes.set([1, 2, 3, 4, 5, 6, 7, 8], KVM_RUN_MMIO.offsets.data);
    const data = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).subarray(0, len);
    const address = 0xf_1234_5678_9000;
    const exit = { kind: "mmio", isWrite: true, address, data: data.slice() };
    expect(seen(it.page.decode())).toEqual(exit as VcpuExit);
    KVM_RUN_MMIO.write(it.view, { is_write: 0 });
    expect(it.page.decode()).toMatchObject({ isWrite: false });
  });

  test("cuts a length of mmio to the eight bytes that there are", () => {
    const it = fake();
    KVM_RUN_MMIO.write(it.view, { len: 0xffff_ffff, exit_reason: KVM_EXIT_MMIO });
    expect(it.page.decode()).toMatchObject({ data: { length: 8 } });
  });

  test.each([
    [KVM_EXIT_HLT, "halt"],
    [KVM_EXIT_SHUTDOWN, "shutdown"],
    [KVM_EXIT_INTR, "interrupted"],
  ])("knows exit %i as %s", (exit_reason, kind) => {
    const it = fake();
    KVM_RUN_HEAD.write(it.view, { exit_reason });
    expect(it.page.decode()).toEqual({ kind } as VcpuExit);
  });

  test.each([
    [1, "shutdown"],
    [2, "reset"],
    [3, "crash"],
    [77, "other"],
  ])("knows system event %i as %s, with no more data than there is room for", (type, event) => {
    const it = fake();
    const exit_reason = KVM_EXIT_SYSTEM_EVENT;
    KVM_RUN_SYSTEM_EVENT.write(it.view, { exit_reason, type, ndata: 0xffff_ffff });
    it.view.setBigUint64(KVM_RUN_SYSTEM_EVENT.offsets.data, 2n ** 64n - 1n, true);
    const exit = it.page.decode();
    expect(exit).toMatchObject({ kind: "system-event", type, event });
    expect(exit).toMatchObject({ data: [2n ** 64n - 1n, ...Array(15).fill(0n)] });
  });

  test("tells why KVM can't go on", () => {
    const it = fake();
    const exit_reason = KVM_EXIT_INTERNAL_ERROR;
    KVM_RUN_INTERNAL.write(it.view, { exit_reason, suberror: 1, ndata: 1 });
    it.view.setBigUint64(KVM_RUN_INTERNAL.offsets.data, 7n, true);
    const cause = "an instruction that KVM can't emulate";
    const exit = { kind: "internal-error", suberror: 1, cause, data: [7n] };
    expect(it.page.decode()).toEqual(exit as unknown as VcpuExit);
    KVM_RUN_INTERNAL.write(it.view, { suberror: 99, ndata: 0 });
    expect(it.page.decode()).toMatchObject({ cause: "suberror 99", data: [] });
  });

  test("tells why the processor refused the guest", () => {
    const it = fake();
    const hardware_entry_failure_reason = 0x8000_0021n;
    const exit_reason = KVM_EXIT_FAIL_ENTRY;
    KVM_RUN_FAIL_ENTRY.write(it.view, { exit_reason, hardware_entry_failure_reason, cpu: 3 });
    expect(it.page.decode()).toEqual({ kind: "fail-entry", reason: 0x8000_0021n, cpu: 3 });
  });

  test("passes on the number of an exit that nobody asked for", () => {
    const it = fake();
    KVM_RUN_HW.write(it.view, { exit_reason: KVM_EXIT_DEBUG, hardware_exit_reason: 9n });
    const exit = { kind: "unexpected", reason: KVM_EXIT_DEBUG, hardwareReason: 9n } as const;
    expect(it.page.decode()).toEqual(exit);
  });

  test("never throws, whatever the page says", () => {
    const it = fake();
    let seed = 20_261_126;
    for (let i = 0; i < 20_000; i++) {
      for (let at = 0; at < 128; at += 4) {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        it.view.setUint32(at, seed, true);
      }
      KVM_RUN_HEAD.write(it.view, { exit_reason: seed % 40 });
      const exit = it.page.decode();
      if (exit.kind === "mmio") {
        expect(exit.data.length).toBeLessThanOrEqual(8);
      }
    }
  });
});

test("RunPage.mustExit is the byte immediate_exit", () => {
  const { bytes, page } = fake();
  page.mustExit = true;
  expect([...bytes.subarray(0, 3)]).toEqual([0, 1, 0]);
  page.mustExit = false;
  expect(bytes[1]).toBe(0);
});
