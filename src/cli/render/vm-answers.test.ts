import { describe, expect, test } from "bun:test";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { VmEndKind, VmEventKind } from "../../gen/aurae/vms/v0/machines_pb.ts";
import {
  type VirtualMachineSummarySchema,
  VmServiceEventsResponseSchema,
  VmServiceInspectResponseSchema,
  VmServiceListResponseSchema,
  VmServiceSnapshotResponseSchema,
  VmServiceStopResponseSchema,
  VmServiceWaitResponseSchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import { exitCodeOfEnd } from "../vm-exceptions.ts";
import { answerRenderer } from "./answers.ts";
import { PLAIN } from "./style.ts";

async function shown<Desc extends DescMessage>(
  desc: Desc,
  init: MessageInitShape<Desc>,
): Promise<string> {
  const render = await answerRenderer(desc);
  return render(create(desc, init), { output: "table", isStream: false, style: PLAIN });
}

describe("answerRenderer writes virtual machines", () => {
  test("as a table, with how they ended and what they gave back", async () => {
    expect(
      await shown(VmServiceListResponseSchema, {
        machines: [
          {
            ...{ id: "a", status: "Running", hostPid: 4711, vcpuCount: 2, memSizeMb: 512 },
            ...{ auraedAddress: "[fe80::2%7]:8080", balloonMb: 128, kernelImgPath: "/vmlinuz" },
            balloonActualMb: 128,
          },
          {
            ...{ id: "b-long", status: "Shutdown", end: { kind: VmEndKind.CRASH } },
            ...{ rootDirPath: "/root.img\x07", kernelImgPath: "/vmlinuz", unresponsive: false },
          },
          { id: "c", status: "Paused", unresponsive: true },
        ],
      }),
    )
      .toBe(`ID      STATUS                    PID   VCPUS  MEMORY        AURAED ADDRESS    ROOT DRIVE OR KERNEL
a       Running                   4711  2      512M (-128M)  [fe80::2%7]:8080  /vmlinuz
b-long  Shutdown (crashed)              0      0M                              /root.img\\x07
c       Paused (does not answer)        0      0M
`);
  });

  test("with how much of a balloon there is by now, while it runs", async () => {
    const memory = async (machine: MessageInitShape<typeof VirtualMachineSummarySchema>) => {
      const machines = [{ id: "a", status: "Running", memSizeMb: 512, ...machine }];
      const text = await shown(VmServiceListResponseSchema, { machines });
      return /512M.*/.exec(text)?.[0];
    };
    expect(await memory({ hostPid: 7, balloonMb: 128 })).toBe("512M (-0M of 128M)");
    expect(await memory({ hostPid: 7, balloonMb: 128, balloonActualMb: 48 })).toBe(
      "512M (-48M of 128M)",
    );
    expect(await memory({ hostPid: 7, balloonActualMb: 48 })).toBe("512M (-48M of 0M)");
    expect(await memory({ balloonMb: 128 })).toBe("512M (-128M)");
  });

  test("as a header alone when there is none", async () => {
    expect(await shown(VmServiceListResponseSchema, {})).toStartWith("ID  STATUS  PID");
  });

  test("as how they ended, a kind that is not known included", async () => {
    const end = { kind: VmEndKind.KILLED, message: "it did not end\x07" };
    expect(await shown(VmServiceStopResponseSchema, { end })).toBe("killed: it did not end\\x07\n");
    expect(await shown(VmServiceWaitResponseSchema, { end: { kind: VmEndKind.OFF } })).toBe(
      "off\n",
    );
    expect(await shown(VmServiceWaitResponseSchema, { end: { kind: 77 as VmEndKind } })).toBe(
      "ended (77)\n",
    );
    expect(await shown(VmServiceStopResponseSchema, {})).toBe("");
    expect(await shown(VmServiceSnapshotResponseSchema, { writtenBytes: 2n ** 20n })).toBe(
      "1.0M written\n",
    );
  });

  test("with points in time that a person can read, and none where there was none", async () => {
    const summary = { id: "a", startedAtMs: 1_700_000_000_000n };
    const text = await shown(VmServiceInspectResponseSchema, { summary });
    expect(text).toMatch(/^ +started_at_ms +2023-11-14T22:13:20\.000Z$/m);
    expect(await shown(VmServiceInspectResponseSchema, { summary: { id: "a" } })).toMatch(
      /^ +started_at_ms$/m,
    );
  });

  test("as one line an event", async () => {
    const event = { sequence: 3n, timestampMs: 1_700_000_000_000n, vmId: "a", hostPid: 7 };
    expect(
      await shown(VmServiceEventsResponseSchema, {
        event: { ...event, kind: VmEventKind.STARTED },
      }),
    ).toBe("2023-11-14T22:13:20.000Z  3  a  started  pid 7\n");
    const end = { kind: VmEndKind.RESET };
    expect(
      await shown(VmServiceEventsResponseSchema, {
        event: { ...event, kind: VmEventKind.ENDED, end, detail: "x" },
      }),
    ).toBe("2023-11-14T22:13:20.000Z  3  a  reset  pid 7  x\n");
    expect(await shown(VmServiceEventsResponseSchema, {})).toBe("\n");
  });

  test("an end that the guest wanted is a success", () => {
    expect([VmEndKind.OFF, VmEndKind.RESET].map(exitCodeOfEnd)).toEqual([0, 0]);
    expect([VmEndKind.CRASH, VmEndKind.UNSPECIFIED, undefined].map(exitCodeOfEnd)).toEqual([
      ...[1, 1, 1],
    ]);
  });
});
