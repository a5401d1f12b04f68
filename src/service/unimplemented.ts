/** What a method that does not exist yet answers. */
import type { DescMethod } from "@bufbuild/protobuf";
import { AuraeError } from "../base/errors.ts";

export function unimplemented(method: DescMethod): AuraeError {
  return new AuraeError(
    "unimplemented",
    `${method.parent.typeName}/${method.name} is not implemented in this version of auraed`,
    { resource: `${method.parent.typeName}/${method.name}` },
  );
}
