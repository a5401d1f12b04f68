import { expect, test } from "bun:test";
import { importsOf, specifiersOf } from "./imports.ts";
import { importFault, layerOf } from "./layers.ts";
import { isTest, sourcesIn } from "./sources.ts";

const files = sourcesIn("src");

function faults(edges: readonly (readonly [from: string, to: string])[]): string[] {
  return edges.flatMap(([from, to]) => importFault({ from, to }) ?? []);
}

test("no module of src imports against the direction of the layers", () => {
  expect(importsOf(files).flatMap((edge) => importFault(edge) ?? [])).toEqual([]);
});

test("every module of src is in a layer", () => {
  const lost = files.map(({ path }) => path).filter((path) => layerOf(path) === undefined);
  expect(lost.filter((path) => path !== "src/assets.d.ts")).toEqual([]);
});

test("only tests import kernel/fake, and nothing but tests imports tests", () => {
  const wrong = importsOf(files.filter(({ path }) => !isTest(path))).filter(
    ({ from, to }) => isTest(to) || (to.startsWith("src/kernel/fake/") && layerOf(from) !== "fake"),
  );
  expect(wrong).toEqual([]);
});

test("importFault refuses arrows that point back", () => {
  const back = [
    ["src/base/log.ts", "src/kernel/sys/fd.ts"],
    ["src/base/log.ts", "@bufbuild/protobuf"],
    ["src/kernel/abi/errno.ts", "src/base/errors.ts"],
    ["src/kernel/abi/errno.ts", "node:fs"],
    ["src/kernel/cgroup/cgroups.ts", "src/domain/cells/cell.ts"],
    ["src/kernel/cgroup/cgroups.ts", "bun:ffi"],
    ["src/kernel/cgroup/cgroups.test.ts", "bun:ffi"],
    ["src/domain/cells/cell.ts", "src/service/errors.ts"],
    ["src/domain/cells/cell.ts", "src/gen/aurae/cells/v0/cells_pb.ts"],
    ["src/domain/cells/cell.ts", "@connectrpc/connect"],
    ["src/domain/cells/cell.ts", "@bufbuild/protobuf"],
    ["src/service/cells/handler.ts", "src/kernel/kernel.ts"],
    ["src/service/cells/handler.ts", "src/transport/server.ts"],
    ["src/authz/gate.ts", "src/service/routes.ts"],
    ["src/init/boot.ts", "src/daemon/daemon.ts"],
    ["src/vmm/virtio/queue.ts", "src/domain/cells/cell.ts"],
    ["src/vmm/virtio/queue.ts", "bun:ffi"],
    ["src/kernel/io/raw-file.ts", "src/vmm/virtio/queue.ts"],
    ["src/vmm/protocol/messages.ts", "src/vmm/memory-map.ts"],
    ["src/vmm/protocol/messages.ts", "src/kernel/sys/fd.ts"],
    ["src/daemon/daemon.ts", "src/cli/run.ts"],
    ["src/daemon/daemon.ts", "src/main/main.ts"],
    ["src/daemon/daemon.ts", "dist/ffi/libauraed.so"],
    ["src/cli/run.ts", "src/domain/cells/cell.ts"],
    ["src/client/transport.ts", "src/kernel/sys/fd.ts"],
    ["src/pki/plan.ts", "src/kernel/sys/fd.ts"],
    ["src/daemon/daemon.ts", "src/pki/plan.ts"],
    ["src/base/log.ts", "build/run.ts"],
    ["src/elsewhere/thing.ts", "node:fs"],
  ] as const;
  expect(back.filter((edge) => faults([edge]).length === 0)).toEqual([]);
});

test("importFault takes arrows that point forward", () => {
  const forward = [
    ["src/main/auraed.ts", "src/daemon/daemon.ts"],
    ["src/main/auraed.ts", "src/pki/command.ts"],
    ["src/daemon/daemon.ts", "src/transport/server.ts"],
    ["src/transport/server.ts", "src/authz/gate.ts"],
    ["src/service/cells/handler.ts", "src/domain/cells/cell.ts"],
    ["src/domain/cells/cell.ts", "src/kernel/kernel.ts"],
    ["src/domain/cells/cell.ts", "node:path"],
    ["src/init/boot.ts", "src/kernel/mount/mount.ts"],
    ["src/vmm/virtio/block.ts", "src/kernel/io/io-vector.ts"],
    ["src/vmm/process/monitor.ts", "src/vmm/protocol/messages.ts"],
    ["src/kernel/kernel.ts", "src/kernel/cgroup/cgroups.ts"],
    ["src/kernel/sys/library.ts", "dist/ffi/libauraed.so"],
    ["src/kernel/sys/library.ts", "bun:ffi"],
    ["src/cli/run.ts", "src/client/transport.ts"],
  ] as const;
  expect(faults(forward)).toEqual([]);
});

test("specifiersOf sees every form of import, those for types included", () => {
  const text = [
    'import "./side-effect.ts";',
    'import one from "./one.ts";',
    'import type { A } from "./type.ts";',
    "import {",
    "  type B,",
    "  b,",
    '} from "./many.ts";',
    'import data from "./data.so" with { type: "file" };',
    'export * from "./star.ts";',
    'export { c } from "./c.ts";',
    'const d = await import("./lazy.ts");',
    'type E = import("./inline.ts").E;',
    ' * import { f } from "./comment.ts";',
    'export const g = "from \\"./string.ts\\"";',
  ].join("\n");
  expect(specifiersOf(text).toSorted()).toEqual([
    "./c.ts",
    "./data.so",
    "./inline.ts",
    "./lazy.ts",
    "./many.ts",
    "./one.ts",
    "./side-effect.ts",
    "./star.ts",
    "./type.ts",
  ]);
});

test("specifiersOf misses nothing in src that Bun's own scanner sees", () => {
  const bun = new Bun.Transpiler({ loader: "ts" });
  const missed = files.flatMap(({ path, text }) => {
    const ours = specifiersOf(text);
    const theirs = bun.scanImports(text).map((found) => found.path);
    return theirs.filter((name) => !ours.includes(name)).map((name) => `${path}: ${name}`);
  });
  expect(missed).toEqual([]);
});
