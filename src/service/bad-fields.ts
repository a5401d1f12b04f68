/** The one error for all bad fields of a request, whatever it was that found them. */
import { AuraeError, type FieldViolation } from "../base/errors.ts";

/** Most violations that one answer lists: a hostile list of a million bad items must not make an answer of as many. */
export const MAX_VIOLATIONS = 32;

/** @param violations at least one; those above MAX_VIOLATIONS are not shown */
export function badFields(violations: readonly FieldViolation[]): AuraeError {
  const shown = violations.slice(0, MAX_VIOLATIONS);
  const words = shown.map(({ field, description }) => `${field}: ${description}`);
  if (violations.length > shown.length) {
    words.push("and more");
  }
  return new AuraeError("invalid_argument", words.join("; "), { violations: shown });
}
