import { describe, expect, test } from "bun:test";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { create } from "@bufbuild/protobuf";
import { CellService } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { SERVICES } from "../services.ts";
import { FileIndex } from "./index-of-files.ts";

const index = new FileIndex(SERVICES);

describe("FileIndex", () => {
  test("lists the services by name", () => {
    expect(index.serviceNames).toEqual(SERVICES.map((service) => service.typeName).sort());
  });

  test("finds services, methods, messages, fields, oneofs, enums, values and extensions", () => {
    const cells = "aurae/cells/v0/cells.proto";
    const symbols: Record<string, string> = {
      "aurae.cells.v0.CellService": cells,
      "aurae.cells.v0.CellService.Allocate": cells,
      "aurae.cells.v0.Cell": cells,
      "aurae.cells.v0.Cell.name": cells,
      "aurae.cells.v0.ExitStatus.outcome": cells,
      "aurae.cells.v0.ExecutableState": cells,
      "aurae.cells.v0.EXECUTABLE_STATE_RUNNING": cells,
      "grpc.health.v1.HealthCheckResponse.ServingStatus": "grpc/health/v1/health.proto",
      "grpc.health.v1.HealthCheckResponse.SERVING": "grpc/health/v1/health.proto",
      "buf.validate.field": "buf/validate/validate.proto",
      "google.protobuf.FieldOptions": "google/protobuf/descriptor.proto",
    };
    for (const [symbol, file] of Object.entries(symbols)) {
      expect(`${symbol} ${index.fileOfSymbol(symbol)?.proto.name}`).toBe(`${symbol} ${file}`);
    }
    for (const symbol of [
      "",
      "aurae",
      "aurae.cells.v0.Nope",
      ".aurae.cells.v0.Cell",
      "constructor",
    ]) {
      expect(index.fileOfSymbol(symbol)).toBeUndefined();
    }
  });

  test("finds extensions by number and lists their numbers", () => {
    const extended = "google.protobuf.FieldOptions";
    expect(index.fileOfExtension(extended, 1159)?.proto.name).toBe("buf/validate/validate.proto");
    expect(index.fileOfExtension(extended, 1)).toBeUndefined();
    expect(index.extensionNumbers(extended)).toContain(1159);
    expect(index.extensionNumbers("aurae.cells.v0.Cell")).toEqual([]);
    expect(index.extensionNumbers("nope")).toBeUndefined();
  });

  test("encodes files that a client can put together again", () => {
    const names = ["aurae/cells/v0/cells.proto"];
    const file = [];
    for (const name of names) {
      const found = index.file(name);
      expect(found).toBeDefined();
      const proto = fromBinary(FileDescriptorProtoSchema, index.encoded(found!));
      file.push(proto);
      names.push(...proto.dependency.filter((dependency) => !names.includes(dependency)));
    }
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
    expect(registry.getService("aurae.cells.v0.CellService")?.methods.length).toBe(
      CellService.methods.length,
    );
  });
});
