import { readChunks } from "../../domain/executables/read-chunks.ts";
import { expect, test } from "bun:test";
import { namespacesContract } from "../../../test/contract/namespaces-contract.ts";
import { processesContract } from "../../../test/contract/processes-contract.ts";
import type { ProcessesFixture } from "../../../test/contract/processes-fixture.ts";
import { createFakeKernel } from "./fake-kernel.ts";
import { FakeProcess } from "./fake-processes.ts";

const OPTIONS = { paths: ["/bin/x"], argv: ["x"], env: {}, cwd: "/" };

function createFixture(): ProcessesFixture {
  const kernel = createFakeKernel();
  const { cgroups, processes } = kernel;
  for (const path of ["base", "base/init", "base/work"]) {
    cgroups.create(path);
  }
  const fake = (it: unknown): FakeProcess => {
    if (!(it instanceof FakeProcess)) {
      throw new TypeError("not a fake");
    }
    return it;
  };
  return {
    kernel,
    base: "base",
    start(options) {
      using cgroup = cgroups.open("base/work");
      return processes.start({ ...OPTIONS, cgroup, ...options });
    },
    failing() {
      processes.failNext = "ENOENT";
      return { paths: ["/nope"] };
    },
    async write(it, to, text) {
      fake(it)[to].push(text);
    },
    async exit(it, code) {
      fake(it).exit({ kind: "exited", code });
    },
    async [Symbol.asyncDispose]() {
      cgroups.kill("base");
    },
  };
}

processesContract("FakeProcesses", createFixture);
namespacesContract("FakeNamespaces", createFixture);

test("FakeProcesses.adopt finds what still runs, and a new reader takes the output over", async () => {
  const { processes } = createFakeKernel();
  const before = processes.start(OPTIONS);
  before.stdout.push("a");
  const first = readChunks(before.stdout)[Symbol.asyncIterator]();
  expect((await first.next()).value).toEqual(Buffer.from("a"));
  const pending = first.next();
  const adopted = processes.adopt(before);
  const second = readChunks((adopted ?? expect.unreachable()).stdout)[Symbol.asyncIterator]();
  const chunk = second.next();
  expect((await pending).done).toBe(true);
  adopted?.stdout.push("b");
  expect((await chunk).value).toEqual(Buffer.from("b"));
  adopted?.exit(undefined, 4096);
  expect(await before.exited).toEqual({ status: undefined, maxRssBytes: 4096 });
  expect((await second.next()).done).toBe(true);
  expect(processes.adopt(before)).toBeUndefined();
});

test("FakeNamespaces.end ends what is in a process id namespace and in those below", async () => {
  const { cgroups, processes, namespaces } = createFakeKernel();
  cgroups.create("a");
  using cgroup = cgroups.open("a");
  const outer = namespaces.create({ process: true, network: false, hostname: "outer", cgroup });
  const inner = namespaces.create({
    process: false,
    network: true,
    hostname: "inner",
    parent: outer,
    cgroup,
  });
  const it = processes.start({ ...OPTIONS, namespaces: inner, cgroup });
  expect([inner.hasProcessIds, it.namespacePid]).toEqual([true, 2]);
  outer.end();
  await inner.ended;
  expect(processes.running).toEqual([]);
  expect(namespaces.running).toEqual([]);
  expect(cgroups.processes("a")).toEqual([]);
});

test("FakeNamespaces.create makes once what fails with failNext", () => {
  const { cgroups, namespaces } = createFakeKernel();
  cgroups.create("a");
  using cgroup = cgroups.open("a");
  namespaces.failNext = "ENOSPC";
  const request = { process: true, network: true, hostname: "a", cgroup };
  const failing = namespaces.create(request);
  expect(() => failing.settle()).toThrow('clone3 "a": ENOSPC');
  expect([cgroups.processes("a"), namespaces.running]).toEqual([[], []]);
  expect(namespaces.create(request).hasProcessIds).toBe(true);
});
