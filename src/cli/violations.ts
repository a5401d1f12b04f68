/**
 * The fields at fault, out of an error's details: `buf.validate.Violations` or `google.rpc.BadRequest`. Both are read by
 * their wire form (protobuf encoding guide): a handful of strings does not need descriptors that each start pays for.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { ConnectError } from "@connectrpc/connect";
import type { FieldViolation } from "../base/errors.ts";

/** More than this are not shown. */
const VIOLATIONS_MAX = 100;

/** Empty when the error carries none that can be read. */
export function violationsOf(error: ConnectError): readonly FieldViolation[] {
  const found: FieldViolation[] = [];
  for (const detail of error.details) {
    if (!("type" in detail) || !("value" in detail)) {
      continue;
    }
    const read = READERS[detail.type];
    try {
      found.push(...(read?.(detail.value) ?? []));
    } catch {
      // RangeError: the detail is cut short. The error's message still tells what happened.
    }
  }
  return found.slice(0, VIOLATIONS_MAX);
}

const READERS: Readonly<Record<string, (bytes: Uint8Array) => FieldViolation[]>> = {
  // Violations: 1 violations. Violation: 5 field (FieldPath), 3 message, 2 rule_id.
  "buf.validate.Violations": (bytes) =>
    submessages(bytes, 1).map((violation) => ({
      field: submessages(violation, 5).map(fieldPathText).join(""),
      description: text(violation, 3) || text(violation, 2),
    })),
  // BadRequest: 1 field_violations. FieldViolation: 1 field, 2 description.
  "google.rpc.BadRequest": (bytes) =>
    submessages(bytes, 1).map((violation) => ({
      field: text(violation, 1),
      description: text(violation, 2),
    })),
};

/** FieldPath: 1 elements. FieldPathElement: 2 field_name, 6 index, 7 bool_key, 8 int_key, 9 uint_key, 10 string_key. */
function fieldPathText(path: Uint8Array): string {
  return submessages(path, 1)
    .map((element) => {
      let name = "";
      let subscript = "";
      eachField(element, (number, type, reader) => {
        if (number === 2 && type === WireType.LengthDelimited) {
          name = reader.string();
        } else if (number === 10 && type === WireType.LengthDelimited) {
          subscript = `[${JSON.stringify(reader.string())}]`;
        } else if (number >= 6 && number <= 9 && type === WireType.Varint) {
          subscript = `[${reader.uint64()}]`;
        } else {
          reader.skip(type);
        }
      });
      return name + subscript;
    })
    .join(".");
}

function submessages(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  eachField(bytes, (number, type, reader) => {
    if (number === wanted && type === WireType.LengthDelimited) {
      found.push(reader.bytes());
    } else {
      reader.skip(type);
    }
  });
  return found;
}

function text(bytes: Uint8Array, wanted: number): string {
  const last = submessages(bytes, wanted).at(-1);
  return last === undefined ? "" : new TextDecoder().decode(last);
}

function eachField(
  bytes: Uint8Array,
  visit: (number: number, type: WireType, reader: BinaryReader) => void,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    visit(number, type, reader);
  }
}
