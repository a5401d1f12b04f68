/** Rules of `buf.validate` that a reader of them does not know: none may be passed over in silence. */
import { type DescField, type DescMessage, isFieldSet, type Message } from "@bufbuild/protobuf";

/** The first field of a rule message that is set, and not one of these. */
export function otherRule(
  schema: DescMessage,
  rules: Message,
  known: readonly string[],
): DescField | undefined {
  return schema.fields.find((rule) => isFieldSet(rules, rule) && !known.includes(rule.name));
}
