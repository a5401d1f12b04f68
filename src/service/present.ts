/** Values of a request that its rules require. */
import { AuraeError } from "../base/errors.ts";

/** The validation has seen that what is required is there; this only tells the type checker. */
export function present<T>(value: T | undefined, field: string): T {
  if (value === undefined) {
    throw new AuraeError("invalid_argument", `${field}: value is required`, {
      violations: [{ field, description: "value is required" }],
    });
  }
  return value;
}
