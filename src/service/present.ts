/** Values of a request that its rules require. */
import { badField } from "../base/errors.ts";

/** The validation has seen that what is required is there; this only tells the type checker. */
export function present<T>(value: T | undefined, field: string): T {
  if (value === undefined) {
    throw badField(field, "value is required");
  }
  return value;
}
