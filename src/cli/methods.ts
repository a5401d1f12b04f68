/** Every method that there is, for `aer call`, by its name as people write it. */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { SERVICE_GROUPS } from "../client/services.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { nearest } from "../base/suggest.ts";
import { UsageError } from "./usage-error.ts";

const SERVICES: readonly DescService[] = [
  ...SERVICE_GROUPS.map(({ service }) => service),
  ServerReflection,
  ServerReflectionAlpha,
];

/** `aurae.cells.v0.CellService/Allocate` of each. */
export function methodPaths(): readonly string[] {
  return SERVICES.flatMap(({ typeName, methods }) =>
    methods.map(({ name }) => `${typeName}/${name}`),
  );
}

/**
 * Finds a method by `package.Service/Method`, `Service/Method`, or with a dot in the place of the slash.
 * @throws UsageError for a name of none or of several
 */
export function findMethod(text: string): DescMethod {
  const wanted = text
    .replace(/^\//, "")
    .replace(/\.(?=[^./]+$)/, (dot) => (text.includes("/") ? dot : "/"));
  const found = SERVICES.flatMap(({ methods }) => methods).filter(({ parent, name }) =>
    [`${parent.typeName}/${name}`, `${parent.name}/${name}`].includes(wanted),
  );
  const [first] = found;
  if (first === undefined) {
    const names = methodPaths();
    const short = names.map((path) => path.split(".").at(-1) ?? path);
    const isFull = (wanted.split("/")[0] ?? "").includes(".");
    throw new UsageError(`no method "${text}"${nearest(wanted, isFull ? names : short)}`);
  }
  if (found.length > 1) {
    const names = found.map(({ parent, name }) => `${parent.typeName}/${name}`);
    throw new UsageError(`"${text}" may be ${names.join(" or ")}; name one in full`);
  }
  return first;
}
