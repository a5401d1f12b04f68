/** What a call of `aer`, and a daemon without virtual machines, must not load: start-up time and memory are product. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inRoot } from "../../build/paths.ts";

const scanner = new Bun.Transpiler({ loader: "ts" });

/** The modules that are there as soon as one is, without what it imports by `import()`. */
function loadedWith(entry: string): ReadonlySet<string> {
  const loaded = new Set([entry]);
  for (const path of loaded) {
    if (path.startsWith("src/")) {
      for (const found of scanner.scanImports(readFileSync(inRoot(path), "utf8"))) {
        if (found.kind === "import-statement") {
          loaded.add(found.path.startsWith(".") ? join(dirname(path), found.path) : found.path);
        }
      }
    }
  }
  return loaded;
}

test("loadedWith follows imports, and stops at import()", () => {
  const loaded = loadedWith("src/main/aer.ts");
  expect(loaded).toContain("src/cli/commands.ts");
  expect(loaded).toContain("@bufbuild/protobuf");
  expect(loadedWith("src/cli/help.ts")).toContain("src/cli/summaries.ts");
});

test("a call of aer loads no words of the help, and nothing of commands that are something else", () => {
  const loaded = loadedWith("src/main/aer.ts");
  const lazy = [
    ...["summaries", "texts", "help", "methods", "call-method", "context-command"],
    ...["completion/bash", "completion/tree", "interactive/exec", "interactive/process-host"],
  ].map((name) => `src/cli/${name}.ts`);
  const others = [
    // The messages of cells, whose rules are the larger part of it all.
    "src/gen/aurae/cells/v0/cells_pb.ts",
    "src/gen/grpc/health/v1/health_pb.ts",
    "src/gen/buf/validate/validate_pb.ts",
    "src/client/context-store.ts",
    "src/client/duplex-client.ts",
    "src/client/connect-failure.ts",
    "src/gen/grpc/reflection/v1/reflection_pb.ts",
    "node:http2",
  ];
  expect([...lazy, ...others].filter((path) => loaded.has(path))).toEqual([]);
});

test("a daemon loads nothing of virtual machines before there are any", () => {
  const loaded = [...loadedWith("src/main/auraed.ts"), ...loadedWith("src/daemon/api.ts")];
  const ofVms = /^src\/(?:domain\/vms|vmm|monitor)\/|^src\/service\/vms\/(?!handler\.ts$)/;
  expect(loaded).toContain("src/service/vms/handler.ts");
  expect(loaded.filter((path) => ofVms.test(path))).toEqual([]);
  const daemon = [...loadedWith("src/daemon/daemon.ts")];
  expect(daemon).toContain("src/daemon/lazy-vms.ts");
  expect(daemon.filter((path) => ofVms.test(path))).toEqual([]);
  expect([...loadedWith("src/daemon/create-vms.ts")]).toContain("src/domain/vms/vms.ts");
});
