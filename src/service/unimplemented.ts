/** What a method that does not exist yet answers, and which these are: whoever asks a handler gets the truth. */
import type { DescMethod } from "@bufbuild/protobuf";
import { AuraeError } from "../base/errors.ts";

const handlers = new WeakSet<object>();

/** The handler of a method that is not there yet. It says so by the method's name. */
export function unimplemented(method: DescMethod): () => never {
  const name = `${method.parent.typeName}/${method.name}`;
  const handler = (): never => {
    throw new AuraeError("unimplemented", `${name} is not implemented in this version of auraed`, {
      resource: name,
    });
  };
  handlers.add(handler);
  return handler;
}

/** Whether a handler does nothing but say that its method is not there yet. One that is left out says so, too. */
export function isUnimplemented(handler: object | undefined): boolean {
  return handler === undefined || handlers.has(handler);
}
