import { describe, expect, test } from "bun:test";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import {
  CellServiceAllocateResponseSchema,
  CellServiceFreeResponseSchema,
  CellServiceListResponseSchema,
  CellServiceStopResponseSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import {
  GetPosixSignalsStreamResponseSchema,
  GetSubProcessStreamResponseSchema,
} from "../../gen/aurae/observe/v0/observe_pb.ts";
import {
  VmServiceAllocateRequestSchema,
  VmServiceListResponseSchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import {
  type HealthCheckResponse,
  HealthCheckResponseSchema,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { reflect } from "@bufbuild/protobuf/reflect";
import { renderAnswer } from "./answers.ts";
import { renderLine } from "./message.ts";
import { PLAIN, type Style, styleFrom } from "./style.ts";
import { CELL_MAX_CHARS } from "./table.ts";

function shown<Desc extends DescMessage>(
  desc: Desc,
  init: MessageInitShape<Desc>,
  form: { output?: "json" | "table"; isStream?: boolean; style?: Style } = {},
): string {
  return renderAnswer(desc, create(desc, init), {
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

describe("renderAnswer draws the tree of cells", () => {
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

  test("as a header alone when there is no cell", () => {
    expect(shown(CellServiceListResponseSchema, {})).toBe("NAME  PID  STATE  LIMITS OR COMMAND\n");
  });
});

describe("renderAnswer writes other messages", () => {
  test("as aligned lines, implicit zeros included", () => {
    expect(shown(CellServiceAllocateResponseSchema, { cellName: "a\x07" })).toBe(
      "cell_name  a\\x07\ncgroup_v2  false\n",
    );
    expect(shown(CellServiceFreeResponseSchema, {})).toBe("");
  });

  test("as a table for a list of flat messages", () => {
    expect(
      shown(VmServiceListResponseSchema, {
        machines: [{ id: "日本", status: "Running" }, { id: "b" }],
      }),
    ).toBe(
      `ID    STATUS   MEM_SIZE_MB  VCPU_COUNT  KERNEL_IMG_PATH  ROOT_DIR_PATH  AURAED_ADDRESS
日本  Running  0            0
b              0            0
`,
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
