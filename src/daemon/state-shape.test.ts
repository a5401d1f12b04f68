import { describe, expect, test } from "bun:test";
import { FULL_CELL, FULL_EXECUTABLE, executableRecord } from "../../test/harness/state-records.ts";
import { decodeState, encodeState } from "./state-json.ts";
import { checkCellRecord, checkExecutableRecord } from "./state-shape.ts";

/** A record with something else in it. */
const record = (whole: object, change: object): unknown => ({ ...whole, ...change });

describe("checkCellRecord and checkExecutableRecord", () => {
  test("take what is kept, full or plain", () => {
    expect(checkCellRecord(FULL_CELL)).toBe(FULL_CELL);
    expect(checkExecutableRecord(FULL_EXECUTABLE)).toBe(FULL_EXECUTABLE);
    for (const whole of [FULL_EXECUTABLE, executableRecord("x")]) {
      const read = decodeState(encodeState(whole));
      expect(checkExecutableRecord(read)).toEqual(whole);
    }
  });

  test("refuse what has not the form of a record, naming the field", () => {
    const breakages: readonly (readonly [table: string, value: unknown, why: string])[] = [
      ["cells", null, "the record of a cell is not an object"],
      ["cells", {}, "the record of a cell.name is not the name of a cell"],
      ["cells", record(FULL_CELL, { name: "../x" }), ".name is not the name of a cell"],
      ["cells", record(FULL_CELL, { state: "odd" }), ".state is not one of allocating, "],
      ["cells", record(FULL_CELL, { limits: { cpu: 3 } }), ".limits.cpu is not an object"],
      [
        "cells",
        record(FULL_CELL, { limits: { cpu: { weight: 3 } } }),
        ".limits.cpu.weight is not a 64-bit integer",
      ],
      [
        "cells",
        record(FULL_CELL, { limits: { io: { devices: [{}] } } }),
        ".limits.io.devices[0].device is not a text",
      ],
      ["cells", record(FULL_CELL, { holder: { pid: 1 } }), ".holder.startTime is not a 64-bit"],
      ["executables", [], "the record of an executable is not an object"],
      ["executables", record(FULL_EXECUTABLE, { restarts: "1" }), ".restarts is not a number"],
      ["executables", record(FULL_EXECUTABLE, { pids: undefined }), ".pids is not an object"],
      ["executables", record(FULL_EXECUTABLE, { life: {} }), ".life.pid is not a number"],
      [
        "executables",
        record(FULL_EXECUTABLE, { ending: { status: { kind: "gone" } } }),
        ".ending.status.kind is not one of exited, signaled",
      ],
      ...Object.keys(FULL_EXECUTABLE.spec)
        .filter((field) => field !== "healthCheck")
        .map((field) => {
          const spec = { ...FULL_EXECUTABLE.spec, [field]: undefined };
          return [
            "executables",
            record(FULL_EXECUTABLE, { spec }),
            `.spec.${field} is not `,
          ] as const;
        }),
      [
        "executables",
        record(FULL_EXECUTABLE, {
          spec: { ...FULL_EXECUTABLE.spec, command: { kind: "args", args: [] } },
        }),
        ".spec.command.args is not a program",
      ],
      [
        "executables",
        record(FULL_EXECUTABLE, { spec: { ...FULL_EXECUTABLE.spec, after: ["a/b"] } }),
        ".spec.after[0] is not the name of an executable",
      ],
    ];
    for (const [table, value, why] of breakages) {
      const check = table === "cells" ? checkCellRecord : checkExecutableRecord;
      expect(() => check(value)).toThrow(why);
    }
  });
});

describe("encodeState and decodeState", () => {
  test("give back 64-bit integers, and keys that look like theirs", () => {
    const value = {
      list: [1n, -5n, 2n ** 64n, { a: 3n }],
      env: { $int: "5", $$int: "x", $: "", $$: "$", plain: "$int" },
      nested: { $int: { $int: 7n } },
    };
    expect(decodeState(encodeState(value))).toEqual(value);
  });

  test("leave out what is undefined, as JSON does", () => {
    const value = { list: [undefined, null, 1n, [2n, "x"]], gone: undefined, text: '"\n' };
    const rest = { list: [null, null, 1n, [2n, "x"]], text: '"\n' };
    expect(decodeState(encodeState(value))).toStrictEqual(rest);
  });

  test("keep a key that is special to JavaScript", () => {
    const value: unknown = JSON.parse('{"__proto__":"a","$__proto__":"b"}');
    const read = decodeState(encodeState(value)) as object;
    expect(Object.entries(read)).toEqual([
      ["__proto__", "a"],
      ["$__proto__", "b"],
    ]);
  });
});
