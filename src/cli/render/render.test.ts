import { describe, expect, test } from "bun:test";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import {
  CellServiceAllocateResponseSchema,
  CellServiceEventsResponseSchema,
  CellServiceFreeResponseSchema,
  CellServiceListResponseSchema,
  CellServiceStatusResponseSchema,
  CellServiceStopResponseSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import type { CellEventKind, CellEventSchema } from "../../gen/aurae/cells/v0/executables_pb.ts";
import {
  GetPosixSignalsStreamResponseSchema,
  GetSubProcessStreamResponseSchema,
} from "../../gen/aurae/observe/v0/observe_pb.ts";
import { VmServiceAllocateRequestSchema } from "../../gen/aurae/vms/v0/vms_pb.ts";
import {
  type HealthCheckResponse,
  HealthCheckResponseSchema,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { ListServiceResponseSchema } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { reflect } from "@bufbuild/protobuf/reflect";
import { answerRenderer } from "./answers.ts";
import { renderLine } from "./message.ts";
import { PLAIN, type Style, styleFrom } from "./style.ts";
import { CELL_MAX_CHARS } from "./table.ts";
import { durationText, roundBytes } from "./units.ts";

const KINDS: readonly DescMessage[] = [
  CellServiceAllocateResponseSchema,
  CellServiceEventsResponseSchema,
  CellServiceFreeResponseSchema,
  CellServiceListResponseSchema,
  CellServiceStatusResponseSchema,
  CellServiceStopResponseSchema,
  GetPosixSignalsStreamResponseSchema,
  GetSubProcessStreamResponseSchema,
  VmServiceAllocateRequestSchema,
  ListServiceResponseSchema,
  HealthCheckResponseSchema,
];
const RENDERERS = new Map(
  await Promise.all(
    KINDS.map(async (desc) => [desc.typeName, await answerRenderer(desc)] as const),
  ),
);

function shown<Desc extends DescMessage>(
  desc: Desc,
  init: MessageInitShape<Desc>,
  form: { output?: "json" | "table"; isStream?: boolean; style?: Style } = {},
): string {
  const render = RENDERERS.get(desc.typeName);
  if (render === undefined) {
    throw new Error(`name ${desc.typeName} among the kinds of answers above`);
  }
  return render(create(desc, init), {
    output: form.output ?? "table",
    isStream: form.isStream ?? false,
    style: form.style ?? PLAIN,
  });
}

const TREE: MessageInitShape<typeof CellServiceListResponseSchema> = {
  cells: [
    {
      cell: {
        name: "web",
        cpu: { weight: 2n, max: 400_000n },
        memory: { high: 1000n, max: 67_108_864n },
        isolateProcess: true,
        isolateNetwork: true,
      },
      executables: [
        { name: "sleeper", command: "sleep 42", pid: 77, state: 1 },
        {
          name: "evil\x1b[2J",
          command: "a\nb",
          state: 3,
          exitStatus: { outcome: { case: "exitCode", value: 3 } },
        },
      ],
      children: [
        {
          cell: { name: "web/api" },
          executables: [
            {
              name: "q",
              command: "q",
              pid: 5,
              state: 3,
              exitStatus: { outcome: { case: "signal", value: 9 } },
            },
          ],
        },
        { cell: { name: "web/db" } },
      ],
    },
    { cell: { name: "other" } },
  ],
};

describe("answerRenderer draws the tree of cells", () => {
  test("with limits, executables and how they ended, and with nothing that steers a terminal", () => {
    expect(shown(CellServiceListResponseSchema, TREE)).toBe(
      `NAME            PID  STATE              LIMITS OR COMMAND
web                                     cpu.weight=2 cpu.max=400000 memory.high=1000 memory.max=64M isolate=process,network
|- sleeper      77   running            sleep 42
|- evil\\x1b[2J       exited 3           a\\nb
|- web/api
|  \`- q         5    killed by SIGKILL  q
\`- web/db
other
`,
    );
  });

  test("with lines where the locale has them, and in colour on a terminal", () => {
    const style = styleFrom({ LANG: "C.UTF-8" }, true);
    const text = shown(CellServiceListResponseSchema, TREE, { style });
    expect(text).toContain("├─ sleeper");
    expect(text).toContain("\x1b[1mweb ");
    expect(shown(CellServiceListResponseSchema, TREE)).not.toContain("\x1b");
  });

  test("cuts a command that is very long", () => {
    const command = "x".repeat(131_071);
    const text = shown(CellServiceListResponseSchema, {
      cells: [{ cell: { name: "a" }, executables: [{ name: "b", command, state: 1 }] }],
    });
    expect(text).toContain(`${"x".repeat(CELL_MAX_CHARS - 1)}…\n`);
  });

  test("with each state, both process ids, arguments, and what is in no cell", () => {
    const one = (name: string, rest: object) => ({ name, command: "run", ...rest });
    const exited = { outcome: { case: "exitCode", value: 1 } } as const;
    expect(
      shown(CellServiceListResponseSchema, {
        cells: [
          {
            cell: {
              name: "web",
              pids: { max: 100n },
              memory: { oomGroup: true },
              io: { devices: [{ device: "8:0", readBytesPerSecond: 1_048_576n }] },
              hugetlb: { max: { "2MB": 67_108_864n, "1GB": 0n } },
              output: { maxBytes: 65_536n },
            },
            executables: [
              one("a", {
                pid: 2,
                hostPid: 4711,
                state: 1,
                health: 1,
                restarts: 1,
                statusText: "up",
              }),
              one("b", { state: 4, pid: 7, hostPid: 7, health: 2 }),
              one("c", { state: 5 }),
              one("d", { state: 6, exitStatus: exited, restarts: 2 }),
              one("e", { state: 7, exitStatus: exited }),
              one("f", {
                state: 3,
                exitStatus: { outcome: { case: "signal", value: 9 } },
                oomKilled: true,
              }),
              one("g", { state: 2, args: ["sh", "-c", "it's $x", ""], command: "" }),
              one("h", { state: 99 }),
            ],
          },
        ],
        executables: [one("x", { state: 1, pid: 1 }), one("y", { state: 3 })],
      }),
    ).toBe(
      `NAME       PID       STATE                              LIMITS OR COMMAND
web                                                     memory.oom_group=true pids.max=100 io.devices=device=8:0,read_bytes_per_second=1M hugetlb.max=2MB:64M,1GB:0 output.max_bytes=64K
|- a       2 (4711)  running, healthy, 1 restart        run (up)
|- b       7         starting, unhealthy                run
|- c                 waiting                            run
|- d                 restarting (exited 1), 2 restarts  run
|- e                 failed (exited 1)                  run
|- f                 killed by SIGKILL, out of memory   run
|- g                 stopping                           sh -c 'it'\\''s $x' ''
\`- h                 unknown                            run
(no cell)
|- x       1         running                            run
\`- y                 exited                             run
`,
    );
  });

  test("as a header alone when there is no cell", () => {
    expect(shown(CellServiceListResponseSchema, {})).toBe("NAME  PID  STATE  LIMITS OR COMMAND\n");
  });
});

describe("answerRenderer writes other messages", () => {
  test("as aligned lines, implicit zeros included", () => {
    expect(shown(CellServiceAllocateResponseSchema, { cellName: "a\x07" })).toBe(
      "cell_name  a\\x07\ncgroup_v2  false\n",
    );
    expect(shown(CellServiceFreeResponseSchema, {})).toBe("");
  });

  test("as a table for a list of flat messages", () => {
    expect(shown(ListServiceResponseSchema, { service: [{ name: "日本" }, { name: "b" }] })).toBe(
      "NAME\n日本\nb\n",
    );
  });

  test("nested, with what is unset left out", () => {
    const machine = { id: "m", kernelArgs: ["a", "b"], rootDrive: { imagePath: "/r" } };
    expect(shown(VmServiceAllocateRequestSchema, { machine })).toBe(
      `machine:
  id               m
  mem_size_mb      0
  vcpu_count       0
  kernel_img_path
  kernel_args      a, b
  root_drive:
    image_path  /r
    read_only   false
  auraed_address
  no_nics          false
  balloon_mb       0
`,
    );
  });

  test("as one line in a stream", () => {
    expect(
      shown(
        GetPosixSignalsStreamResponseSchema,
        { signal: { signal: 9, processId: 7 } },
        { isStream: true },
      ),
    ).toBe("signal.signal=9 signal.process_id=7\n");
    expect(
      shown(
        GetSubProcessStreamResponseSchema,
        { item: { channel: "a::stdout", line: "x\x1b", timestamp: 1_700_000_000n } },
        { isStream: true },
      ),
    ).toBe("2023-11-14T22:13:20Z  a::stdout  x\\x1b\n");
  });

  test("as how an executable ended, and as a status, known or not", () => {
    const exitStatus = { outcome: { case: "signal", value: 15 } } as const;
    expect(shown(CellServiceStopResponseSchema, { exitStatus })).toBe("killed by SIGTERM\n");
    expect(shown(CellServiceStopResponseSchema, {})).toBe("");
    expect(shown(HealthCheckResponseSchema, { status: 1 })).toBe("SERVING\n");
    const unknown = 77 as HealthCheckResponse["status"];
    expect(shown(HealthCheckResponseSchema, { status: unknown })).toBe("77\n");
  });

  test("as proto3 JSON, one line a message in streams", () => {
    const init = { cellName: "a\u202e", cgroupV2: true };
    const json = shown(CellServiceAllocateResponseSchema, init, { output: "json" });
    expect(json).toContain("\n  ");
    expect(json).not.toContain("\u202e");
    expect(JSON.parse(json)).toEqual(init);
    expect(shown(HealthCheckResponseSchema, {}, { output: "json", isStream: true })).toBe(
      '{"status":"UNKNOWN"}\n',
    );
  });
});

describe("answerRenderer shows Status", () => {
  const share = (avg10: number, totalUsec: bigint) => ({
    avg10,
    avg60: 0,
    avg300: 1.25,
    totalUsec,
  });

  test("as a block with units, and the executables", () => {
    expect(
      shown(CellServiceStatusResponseSchema, {
        cell: {
          name: "web",
          cpu: { weight: 2n },
          memory: { max: 67_108_864n },
          pids: { max: 100n },
          isolateProcess: true,
        },
        frozen: true,
        usage: {
          cpuUsec: 123_456_789n,
          cpuUserUsec: 3_723_000_000n,
          cpuSystemUsec: 999n,
          cpuThrottledCount: 1n,
          cpuThrottledUsec: 12_345n,
          memoryBytes: 12_900_000n,
          memoryPeakBytes: 1023n,
          swapBytes: 1n,
          oomKills: 2n,
          processes: 3n,
          ioReadBytes: 5_000_000_000n,
          ioWrittenBytes: 0n,
        },
        pressure: {
          cpu: { some: share(12.34, 5_000_000n) },
          memory: { some: share(0, 0n), full: share(0, 0n) },
        },
        executables: [{ name: "a", command: "sleep 42", pid: 2, hostPid: 77, state: 1 }],
      }),
    ).toBe(`web  frozen
limits     cpu.weight=2 memory.max=64M pids.max=100 isolate=process
cpu        2 m 3 s, user 1 h 2 m, system 999 us, throttled 1 time for 12.3 ms
memory     12.3M of 64.0M, peak 1.0K, swap 1, killed for want of it 2 times
processes  3 of 100
disks      read 4.7G, written 0
waiting    for cpu: some 12.3/0.0/1.3 % (5.00 s)
waiting    for memory: some 0.0/0.0/1.3 % (0 us), all 0.0/0.0/1.3 % (0 us)

EXECUTABLE  PID     STATE    COMMAND
a           2 (77)  running  sleep 42
`);
  });

  test("without what the kernel does not count", () => {
    expect(shown(CellServiceStatusResponseSchema, { cell: { name: "a" } })).toBe("a\n");
    expect(shown(CellServiceStatusResponseSchema, { usage: { processes: 0n } })).toBe(
      "?\nprocesses  0\n",
    );
  });
});

test("answerRenderer writes events as a line each", () => {
  const line = (event: MessageInitShape<typeof CellEventSchema>) =>
    shown(CellServiceEventsResponseSchema, { event }, { isStream: true });
  const at = { sequence: 1n, timestampMs: 1_700_000_000_000n };
  expect(line({ ...at, cellName: "a/b", kind: 1 })).toBe(
    "2023-11-14T22:13:20.000Z  1  a/b  allocated\n",
  );
  expect(line({ ...at, executableName: "x\x1b", kind: 12, hostPid: 7, exitCode: 3 })).toBe(
    "2023-11-14T22:13:20.000Z  1  x\\x1b  exited 3  pid 7\n",
  );
  expect(
    line({ ...at, cellName: "a", executableName: "x", kind: 12, exitSignal: 9, exitCode: -1 }),
  ).toBe("2023-11-14T22:13:20.000Z  1  a: x  killed by SIGKILL\n");
  expect(line({ ...at, cellName: "a", kind: 6, detail: "in\n2 ms" })).toBe(
    "2023-11-14T22:13:20.000Z  1  a  oom-kill  in\\n2 ms\n",
  );
  expect(line({ ...at, kind: 99 as CellEventKind })).toBe("2023-11-14T22:13:20.000Z  1  -  99\n");
});

test("roundBytes and durationText keep three digits, whatever the size", () => {
  const bytes = [0, 999, 1000, 1023, 1024, 10_189, 102_400, 1_048_525, 2 ** 40, 2 ** 63];
  expect(bytes.map(roundBytes).join(" ")).toBe("0 999 1.0K 1.0K 1.0K 10.0K 100K 1.0M 1.0T 8.0E");
  const times = [
    0, 999, 1000, 999_949, 999_950, 59_994_999, 60_000_000, 3_599_999_999, 360_000_000_000,
  ];
  expect(times.map(durationText).join(", ")).toBe(
    "0 us, 999 us, 1.0 ms, 999.9 ms, 1.00 s, 59.99 s, 1 m 0 s, 59 m 59 s, 100 h 0 m",
  );
});

test("renderLine escapes words and quotes all else, through nested messages", () => {
  const message = create(GetSubProcessStreamResponseSchema, {
    item: { channel: "a\x1b[2J", line: 'say "x"=1\n', timestamp: 5n },
  });
  expect(renderLine(reflect(GetSubProcessStreamResponseSchema, message))).toBe(
    'item.channel=a\\x1b[2J item.line="say \\"x\\"=1\\n" item.timestamp=5',
  );
});

test("styleFrom colours terminals only, and none that opted out", () => {
  expect(styleFrom({}, true).hasColor).toBe(true);
  expect(styleFrom({}, false).hasColor).toBe(false);
  expect(styleFrom({ NO_COLOR: "1" }, true).hasColor).toBe(false);
  expect(styleFrom({ TERM: "dumb" }, true).hasColor).toBe(false);
  expect(styleFrom({ LC_ALL: "C", LANG: "en_US.UTF-8" }, true).hasUnicode).toBe(false);
});
