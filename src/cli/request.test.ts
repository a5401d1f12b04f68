import { describe, expect, test } from "bun:test";
import { type Message, toJson } from "@bufbuild/protobuf";
import { assignmentsFrom } from "./assignments.ts";
import { loadGroups } from "./groups.ts";
import { parseLine } from "./parse.ts";
import { requestFrom } from "./request.ts";

const GROUPS = await loadGroups();

/** The request that a command line makes, as JSON. */
function requestOf(...argv: string[]): unknown {
  const { command, words, flags, rest } = parseLine(argv, GROUPS);
  const message: Message = requestFrom(
    command!,
    assignmentsFrom(command!, words, flags, rest),
  ).message;
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

describe("starting an executable", () => {
  const start = (...words: string[]) => requestOf("cell", "start", "a", "b", ...words);

  test("takes a program and its arguments after --, whatever they look like", () => {
    expect(start("-u", "nobody", "--", "env", "-c", "--help", "--")).toEqual({
      cellName: "a",
      executable: {
        name: "b",
        args: ["env", "-c", "--help", "--"],
        privileges: { user: "nobody" },
      },
    });
  });

  test("takes maps as one KEY=VALUE a flag", () => {
    const flags = "-e A=1 -e B=x=y --env C=";
    const limits = "--resource-limit nofile=1024 --rlimit core=0:unlimited --rlimit memlock=1M:2M";
    expect(start(...flags.split(" "), ...limits.split(" "), "-c", "x")).toMatchObject({
      executable: {
        env: { A: "1", B: "x=y", C: "" },
        resourceLimits: {
          nofile: { soft: "1024", hard: "1024" },
          core: { soft: "0" },
          memlock: { soft: "1048576", hard: "2097152" },
        },
      },
    });
  });

  test("takes signals by name, switches, enums and lists", () => {
    const flags =
      "--stop-signal INT --restart on-failure --readiness notify --after x --after y --no-new-privileges=false --capability CAP_CHOWN --seccomp unconfined --stdin terminal --health-check-command true --once-per-boot";
    expect(start(...flags.split(" "), "-c", "x")).toMatchObject({
      executable: {
        stop: { signal: 2 },
        restart: { mode: "RESTART_MODE_ON_FAILURE" },
        readiness: { mode: "READINESS_MODE_NOTIFY" },
        after: ["x", "y"],
        privileges: {
          noNewPrivileges: false,
          capabilities: { names: ["CAP_CHOWN"] },
          seccomp: "SECCOMP_PROFILE_UNCONFINED",
        },
        stdin: "STDIN_MODE_TERMINAL",
        healthCheck: { command: "true" },
        oncePerBoot: true,
      },
    });
    expect(requestOf("cell", "stop", "a", "b", "--signal", "SIGHUP")).toMatchObject({ signal: 1 });
  });

  test.each([
    [["-e", "A", "-c", "x"], '-e: want NAME=VALUE, not "A"'],
    [["-e", "=A", "-c", "x"], '-e: want NAME=VALUE, not "=A"'],
    [["-e", "A=1", "-e", "A=2", "-c", "x"], '-e: "A" is given twice'],
    [["--rlimit", "nofile=1:2:3", "-c", "x"], '--rlimit: nofile: want SOFT[:HARD], not "1:2:3"'],
    [["--rlimit", "nofile=many", "-c", "x"], "--rlimit: nofile: want bytes"],
    [["--stop-signal", "FOO", "-c", "x"], "want a signal such as TERM or 15"],
  ])("refuses %j", (words, message) => {
    expect(() => start(...words)).toThrow(message);
  });
});

describe("limits", () => {
  test("of cells are written as in the kernel's files, in bytes with units", () => {
    const flags =
      "--pids-max 100 --hugetlb-max 2MB=64M --hugetlb-max 1GB=0 --output-max-bytes 1M --memory-oom-group --io-weight 10";
    const devices =
      "--io-devices-device /dev/vda --io-devices-read-bytes-per-second 10M --io-devices-device 8:0 --io-devices-write-operations-per-second 5";
    expect(
      requestOf("cell", "allocate", "a", ...flags.split(" "), ...devices.split(" ")),
    ).toMatchObject({
      cell: {
        pids: { max: "100" },
        hugetlb: { max: { "2MB": "67108864", "1GB": "0" } },
        output: { maxBytes: "1048576" },
        memory: { oomGroup: true },
        io: {
          weight: "10",
          devices: [
            { device: "/dev/vda", readBytesPerSecond: "10485760" },
            { device: "8:0", writeOperationsPerSecond: "5" },
          ],
        },
      },
    });
  });

  test("have the same names in Update, where nothing is around them", () => {
    const flags = "--memory-max 1G --memory-min 1M --cpu-weight 5 --pids-max 7 --cpuset-cpus 0";
    expect(requestOf("cell", "update", "a", ...flags.split(" "))).toEqual({
      cellName: "a",
      memory: { max: "1073741824", min: "1048576" },
      cpu: { weight: "5" },
      pids: { max: "7" },
      cpuset: { cpus: "0" },
    });
    for (const flag of ["--min", "--idle"]) {
      expect(() => requestOf("cell", "update", "a", flag, "1")).toThrow(`no flag "${flag}"`);
    }
  });
});

describe("switches in one word", () => {
  test("are each of them, the last with its value", () => {
    expect(requestOf("cell", "exec", "-itu", "nobody", "a", "--", "sh")).toMatchObject({
      start: { cellName: "a", user: "nobody", args: ["sh"] },
    });
    expect(() => requestOf("cell", "exec", "-ixt", "a", "--", "sh")).toThrow('no flag "-xt"');
    expect(() => requestOf("cell", "exec", "-iz", "a", "--", "sh")).toThrow('no flag "-z"');
  });
});

test("get-sub-process-stream takes a process id, or a name in its place", () => {
  const words = ["observe", "get-sub-process-stream"];
  expect(requestOf(...words, "--executable-name", "b", "--cell-name", "a", "stderr")).toEqual({
    channelType: "LOG_CHANNEL_TYPE_STDERR",
    cellName: "a",
    executableName: "b",
  });
  expect(() => requestOf(...words)).toThrow("PROCESS_ID is missing, or say --executable-name");
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
    [["cell", "start", "a", "b"], "say what to run: a command line with -c, or a program"],
    [["cell", "start", "a", "b", "-c", "x", "--", "y"], "give only one of both"],
    [["cell", "start", "a", "b", "y"], "the program to run comes after --"],
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

test("docs/cells.md has only command lines that make a request", async () => {
  const text = await Bun.file(`${import.meta.dir}/../../docs/cells.md`).text();
  const fences = [...text.matchAll(/^```sh.*\n([\s\S]*?)^```$/gm)].map(([, body = ""]) => body);
  // The shell takes the lines apart; the words of each call end with a line.
  const script = `aer() { printf '%s\\0' "$@"; echo; }; tar() { :; }\n${fences.join("")}`;
  const child = Bun.spawn(["bash", "--norc", "-euc", script], { stdin: "ignore", stdout: "pipe" });
  const lines = (await child.stdout.text()).trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines) {
    const words = line.split("\0").slice(0, -1);
    expect(() => requestOf(...words), words.join(" ")).not.toThrow();
  }
});
