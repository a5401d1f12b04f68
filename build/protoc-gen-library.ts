#!/usr/bin/env bun
/**
 * A plugin of buf's that writes `src/library/gen` from the protos: one module a package, with an interface and a value of
 * the same name for every message, an enum for every enum, and a client class for every service. The comments of the
 * protos are what editors show. `bun build.ts gen` runs it.
 */
import { createEcmaScriptPlugin, runNodeJs, type Schema } from "@bufbuild/protoplugin";
import type { DescFile } from "@bufbuild/protobuf";
import { moduleSource, NAMESPACES } from "./library-source.ts";

function generate(schema: Schema): void {
  const packages = new Map<string, DescFile[]>();
  for (const file of schema.files) {
    packages.set(file.proto.package, [...(packages.get(file.proto.package) ?? []), file]);
  }
  for (const [name, files] of packages) {
    const namespace = NAMESPACES[name];
    if (namespace === undefined) {
      throw new Error(`package ${name} has no namespace: name it in build/library-source.ts`);
    }
    if (namespace !== null) {
      schema.generateFile(`${namespace}.ts`).print(moduleSource(namespace, files).trimEnd());
    }
  }
}

runNodeJs(
  createEcmaScriptPlugin({ name: "protoc-gen-library", version: "1", generateTs: generate }),
);
