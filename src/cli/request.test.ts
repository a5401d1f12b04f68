import { describe, expect, test } from "bun:test";
import { type Message, toJson } from "@bufbuild/protobuf";
import { SERVICE_GROUPS } from "../client/services.ts";
import { assignmentsFrom } from "./assignments.ts";
import { parseLine } from "./parse.ts";
import { requestFrom } from "./request.ts";

/** The request that a command line makes, as JSON. */
function requestOf(...argv: string[]): unknown {
  const { command, words, flags } = parseLine(
    argv,
    SERVICE_GROUPS.map(({ name }) => name),
    [],
  );
  const message: Message = requestFrom(command!, assignmentsFrom(command!, words, flags)).message;
  return toJson(command!.method.input, message);
}

describe("a command line of the original", () => {
  test("allocates with every flag of the contract", () => {
    const flags =
      "--cell-cpu-weight 2 --cell-cpu-max 400000 --cell-cpu-period 1000 --cell-cpuset-cpus 0-1 --cell-cpuset-mems 0 --cell-memory-min 1 --cell-memory-low 2 --cell-memory-high 3 --cell-memory-max 64M --cell-isolate-process --cell-isolate-network";
    expect(requestOf("cell", "allocate", "a/b", ...flags.split(" "))).toEqual({
      cell: {
        name: "a/b",
        cpu: { weight: "2", max: "400000", period: "1000" },
        cpuset: { cpus: "0-1", mems: "0" },
        memory: { min: "1", low: "2", high: "3", max: "67108864" },
        isolateProcess: true,
        isolateNetwork: true,
      },
    });
  });

  test("may say the hidden short names", () => {
    const flags = "--cpu-weight 2 --cpu-max=4 --cpuset-cpus 1 --cpuset-mems 0";
    expect(requestOf("cell", "allocate", ...flags.split(" "), "a")).toEqual({
      cell: { name: "a", cpu: { weight: "2", max: "4" }, cpuset: { cpus: "1", mems: "0" } },
    });
    for (const flag of ["--executable-command", "--command", "--cmd", "-c"]) {
      expect(requestOf("cell", "start", "a", "b", flag, "sleep 1", "--desc", "d")).toEqual({
        cellName: "a",
        executable: { name: "b", command: "sleep 1", description: "d" },
      });
    }
  });

  test("describes a virtual machine, with the contract's defaults", () => {
    expect(
      requestOf(
        ..."vm allocate m --kernel-img-path /k --root-drive-path /r --root-drive-readonly --kernel-args a --kernel-args b=c".split(
          " ",
        ),
      ),
    ).toEqual({
      machine: {
        id: "m",
        memSizeMb: 512,
        vcpuCount: 1,
        kernelImgPath: "/k",
        kernelArgs: ["a", "b=c"],
        rootDrive: { imagePath: "/r", readOnly: true },
      },
    });
  });

  test("watches one workload's signals, or all when none is named", () => {
    const words = ["observe", "get-posix-signals-stream"];
    expect(requestOf(...words)).toEqual({});
    expect(requestOf(...words, "--workload-workload-type", "1", "--workload-id", "a")).toEqual({
      workload: { workloadType: "WORKLOAD_TYPE_CELL", id: "a" },
    });
    expect(requestOf("observe", "get-sub-process-stream", "7")).toEqual({
      channelType: "LOG_CHANNEL_TYPE_STDOUT",
      processId: 7,
    });
  });
});

describe("requestFrom", () => {
  test("sends no sub-message that nobody named", () => {
    expect(requestOf("cell", "allocate", "a")).toEqual({ cell: { name: "a" } });
    expect(requestOf("health", "check")).toEqual({});
  });

  test("keeps an optional field that was given as zero or empty", () => {
    expect(requestOf("cell", "allocate", "a", "--cpu-max", "0", "--cpuset-cpus", "")).toEqual({
      cell: { name: "a", cpu: { max: "0" }, cpuset: { cpus: "" } },
    });
  });

  test("begins the next element of a list of messages when a flag of it comes again", () => {
    const flags =
      "--drive-mount-path /a --drive-mount-vm-path /x --drive-mount-path /b --drive-mount-readonly";
    expect(
      requestOf(
        ..."vm allocate m --kernel-img-path /k --root-drive-path /r".split(" "),
        ...flags.split(" "),
      ),
    ).toMatchObject({
      machine: {
        driveMounts: [
          { imagePath: "/a", vmPath: "/x" },
          { imagePath: "/b", readOnly: true },
        ],
      },
    });
  });

  test("takes a switch's value after an equals sign only", () => {
    expect(requestOf("cell", "allocate", "a", "--isolate-process=false")).toEqual({
      cell: { name: "a" },
    });
  });
});

describe("starting without a cell", () => {
  test("takes --no-cell, never a forgotten word", () => {
    expect(requestOf("cell", "start", "--no-cell", "b", "-c", "x")).toEqual({
      executable: { name: "b", command: "x" },
    });
    expect(requestOf("cell", "stop", "b", "--no-cell")).toEqual({ executableName: "b" });
    expect(() => requestOf("cell", "start", "b", "-c", "x")).toThrow(
      "EXECUTABLE_NAME is missing, or say --no-cell",
    );
    expect(() => requestOf("cell", "start", "--no-cell", "a", "b", "-c", "x")).toThrow(
      '"b" is one word too many',
    );
  });
});

describe("parseLine and assignmentsFrom refuse", () => {
  test.each([
    [["cel", "list"], 'no command "cel"; did you mean "cell"?'],
    [["cell", "lisst"], 'no command "lisst"; did you mean "list"?'],
    [["observe", "get-sub-process-strem"], 'did you mean "get-sub-process-stream"?'],
    [["cell", "allocate", "a", "--cpu-wight", "1"], 'no flag "--cpu-wight"; did you mean'],
    [["cell", "allocate", "a", "--cpu-weight"], "--cpu-weight: NUMBER is missing after it"],
    [["cell", "allocate", "a", "--cpu-weight", "1", "--cell-cpu-weight", "2"], "given twice"],
    [["cell", "allocate", "a", "--isolate-process=yes"], "want true or false"],
    [["cell", "allocate"], "CELL_NAME is missing"],
    [["cell", "start"], "CELL_NAME and EXECUTABLE_NAME are missing"],
    [["cell", "start", "a", "b"], "--command TEXT is missing"],
    [["cell", "list", "a"], '"a" is one word too many'],
    [["cell", "list", "-x"], 'no flag "-x"'],
    [["cell", "list", "--cpu-weight", "1"], 'no flag "--cpu-weight"'],
  ])("%j", (argv, message) => {
    expect(() => requestOf(...argv)).toThrow(message);
  });

  test("a flag's value may look like a flag, and -- ends the flags", () => {
    expect(requestOf("cell", "start", "a", "b", "-c", "--help")).toMatchObject({
      executable: { command: "--help" },
    });
    expect(requestOf("cell", "free", "--", "--odd")).toEqual({ cellName: "--odd" });
    expect(requestOf("cell", "allocate", "a", "--cpu-max", "-1")).toMatchObject({
      cell: { cpu: { max: "-1" } },
    });
  });
});
