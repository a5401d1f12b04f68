/** Our reading of the rules against protovalidate's, which is the reference. */
import { describe, expect, test } from "bun:test";
import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import * as cells from "../../gen/aurae/cells/v0/cells_pb.ts";
import * as executables from "../../gen/aurae/cells/v0/executables_pb.ts";
import * as limits from "../../gen/aurae/cells/v0/limits_pb.ts";
import * as observe from "../../gen/aurae/observe/v0/observe_pb.ts";
import { SERVICES } from "../services.ts";
import { compileExpression } from "./expression.ts";
import { compileRules, violationsOf } from "./message-rules.ts";

const validator = createValidator();

/** What both say, as `field: description`, in one order. */
function both<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>) {
  const message: MessageShape<Desc> = create(schema, init);
  const result = validator.validate(schema, message);
  if (result.kind === "error") {
    throw result.error;
  }
  const reference = (result.violations ?? []).map(
    (violation) => `${pathToString(violation.field)}: ${violation.message}`,
  );
  const ours = violationsOf(schema, message).map(
    ({ field, description }) => `${field}: ${description}`,
  );
  return { ours: ours.sort(), reference: reference.sort() };
}

const TEXTS = [
  ...[
    "",
    "a",
    "a/b",
    "/a/b/",
    "//",
    "a//b",
    "..",
    ".",
    "a/..",
    "-a",
    "a-",
    "a-b",
    "a_b",
    "a b",
    "é",
  ],
  ...[
    "a\0b",
    "a\nb",
    "a\n",
    "\u{1f600}",
    "\ud800",
    "0-3,6",
    "0-3,",
    ",",
    "1,,2",
    "123456",
    "0-",
    "x",
  ],
  ...[
    "é".repeat(64),
    "é".repeat(65),
    "a".repeat(63),
    "a".repeat(64),
    "a".repeat(128),
    "a".repeat(129),
  ],
  ...["a/".repeat(31), "a/".repeat(32), "a/".repeat(33), "/a".repeat(32), "/a".repeat(33)],
  ...["a/".repeat(511), "a/".repeat(512), "1,".repeat(2048), "1,".repeat(2049)],
  ...["x".repeat(4096), "x".repeat(4097), "x".repeat(131_071), "x".repeat(131_072)],
];
const NUMBERS = [
  0n,
  1n,
  -1n,
  999n,
  1000n,
  10_000n,
  10_001n,
  1_000_000n,
  1_000_001n,
  2n ** 63n - 1n,
];

describe("violationsOf", () => {
  test("compiles the rules of every request there is", () => {
    for (const service of SERVICES) {
      for (const method of service.methods) {
        compileRules(method.input);
      }
    }
  });

  test("says what protovalidate says of strings", () => {
    for (const text of TEXTS) {
      for (const { ours, reference } of [
        both(cells.CellServiceFreeRequestSchema, { cellName: text }),
        both(cells.CellServiceStopRequestSchema, { cellName: text, executableName: text }),
        both(cells.CellServiceStartRequestSchema, {
          cellName: text,
          executable: { name: text, command: text, description: text },
        }),
        both(cells.CellSchema, { name: text, cpuset: { cpus: text, mems: text } }),
        both(limits.IoControllerSchema, { devices: [{ device: text }] }),
        both(executables.PrivilegesSchema, { user: text, group: text }),
        both(executables.HealthCheckSchema, { command: text }),
      ]) {
        expect([text.slice(0, 20), ...ours]).toEqual([text.slice(0, 20), ...reference]);
      }
    }
  });

  test("says what protovalidate says of numbers", () => {
    for (const number of NUMBERS) {
      const unsigned = number < 0n ? -number : number;
      const { ours, reference } = both(cells.CellServiceAllocateRequestSchema, {
        cell: {
          name: "a",
          cpu: { weight: unsigned, max: number, period: unsigned },
          memory: { min: number, low: number, high: number, max: number, swapMax: number },
          pids: { max: number },
          io: {
            weight: unsigned,
            devices: [{}, { device: "8:0", readBytesPerSecond: unsigned }],
          },
          hugetlb: { max: { "2MB": unsigned } },
          output: { maxBytes: unsigned },
        },
      });
      expect([number, ...ours]).toEqual([number, ...reference]);
    }
    for (const signal of [-1, 0, 1, 64, 65]) {
      for (const { ours, reference } of [
        both(cells.CellServiceExecRequestSchema, { message: { case: "signal", value: signal } }),
        both(cells.CellServiceStopRequestSchema, {
          ...{ cellName: "a", executableName: "b" },
          signal,
        }),
      ]) {
        expect([signal, ...ours]).toEqual([signal, ...reference]);
      }
    }
    for (const ms of [0, 9, 10, 99, 100, 1000, 1001, 10_000, 10_001, 86_400_000, 86_400_001]) {
      for (const { ours, reference } of [
        both(executables.HealthCheckSchema, {
          command: "a",
          intervalMs: ms,
          timeoutMs: ms,
          retries: ms,
          startPeriodMs: ms,
        }),
        both(executables.RestartPolicySchema, { backoffMs: ms, startLimit: ms }),
        both(executables.ReadinessSchema, { fd: ms, timeoutMs: ms }),
        both(executables.TerminalSizeSchema, { rows: ms, columns: ms }),
      ]) {
        expect([ms, ...ours]).toEqual([ms, ...reference]);
      }
    }
    for (const uid of [0, 1, 4_294_967_294, 4_294_967_295]) {
      const { ours, reference } = both(cells.CellServiceStartRequestSchema, {
        ...{ uid, gid: uid },
        executable: { name: "a", command: "b" },
      });
      expect([uid, ...ours]).toEqual([uid, ...reference]);
    }
  });

  test("says what protovalidate says of how many items there are", () => {
    for (const count of [0, 1, 64, 65, 4096, 4097]) {
      const names = Array.from({ length: count }, () => "a");
      for (const { ours, reference } of [
        both(cells.ExecStartSchema, { cellName: "a", args: names }),
        both(cells.CellServiceExecRequestSchema, {
          message: { case: "start", value: { args: names } },
        }),
        both(cells.ExecutableSchema, {
          ...{ name: "a", args: names },
          after: names,
          requires: names,
        }),
        both(executables.PrivilegesSchema, {
          supplementaryGroups: names,
          capabilities: { names },
        }),
        both(limits.IoControllerSchema, { devices: names.map((device) => ({ device })) }),
      ]) {
        expect([count, ...ours]).toEqual([count, ...reference]);
      }
    }
  });

  test("says what protovalidate says of what is left out, and of enums", () => {
    for (const { ours, reference } of [
      both(cells.CellServiceAllocateRequestSchema, {}),
      both(cells.CellServiceAllocateRequestSchema, { cell: {} }),
      both(cells.CellServiceStartRequestSchema, {}),
      both(cells.CellServiceStartRequestSchema, { executable: {} }),
      both(cells.CellServiceStopRequestSchema, {}),
      both(cells.CellServiceExecRequestSchema, {}),
      both(cells.CellServiceExecRequestSchema, { message: { case: "stdinEnd", value: false } }),
      both(cells.CellServiceAttachRequestSchema, { message: { case: "start", value: {} } }),
      both(cells.CellServiceEventsRequestSchema, {}),
      both(cells.CellServiceEventsRequestSchema, { cellName: "" }),
      both(executables.HealthCheckSchema, {}),
      both(executables.StopPolicySchema, {}),
      both(cells.CellGraphNodeSchema, { children: [{}, { cell: { name: "-" } }] }),
      ...[0, 1, 2, 3, 99].flatMap((number) => [
        both(observe.GetSubProcessStreamRequestSchema, { channelType: number as never }),
        both(observe.GetPosixSignalsStreamRequestSchema, {
          workload: { workloadType: number as never },
        }),
        both(executables.PrivilegesSchema, { seccomp: number as never }),
        both(executables.ReadinessSchema, { mode: number as never }),
        both(cells.ExecutableSchema, { name: "a", stdin: number as never }),
      ]),
    ]) {
      expect(ours).toEqual(reference);
    }
  });
});

describe("compileExpression", () => {
  test("binds as CEL does", () => {
    const accepts = (expression: string, ...texts: string[]) =>
      texts.filter(compileExpression(expression));
    expect(accepts("this == 'a' || this == 'b' && !(this in ['b'])", "a", "b", "c")).toEqual(["a"]);
    expect(accepts("!(this == 'a' || this.contains('\\x62'))", "a", "b", "c")).toEqual(["c"]);
    expect(accepts(" this.matches('^a\\\\.b$') ", "a.b", "axb")).toEqual(["a.b"]);
    expect(accepts("this in ['\\'', 'x']", "'", "x", "y")).toEqual(["'", "x"]);
  });

  test("refuses what it does not know", () => {
    const unknown = [
      ...[
        "",
        "this",
        "this.size() > 3",
        "this != 'a'",
        'this == "a"',
        "this == 'a' this",
        "(this == 'a'",
      ],
      ...["this in []", "this.matches()", "this == 'a' ||", "that == 'a'", "this == '\\u0041'"],
    ];
    for (const expression of unknown) {
      expect(() => compileExpression(expression)).toThrow();
    }
  });
});
