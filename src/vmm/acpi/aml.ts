/**
 * A small encoder for AML, the byte code of ACPI (ACPI 6.5 section 20.2): as much as a machine of fixed devices needs.
 * Terms are bytes, and go into one another as they would in ASL. What is no AML throws a RangeError: it is a mistake
 * of ours, since nothing of it comes from a guest or a user.
 */

/** An encoded term, or data object. */
export type Aml = Uint8Array;

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const NAME_OP = 0x08;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const STRING_PREFIX = 0x0d;
const QWORD_PREFIX = 0x0e;
const SCOPE_OP = 0x10;
const BUFFER_OP = 0x11;
const PACKAGE_OP = 0x12;
const METHOD_OP = 0x14;
const DUAL_NAME_PREFIX = 0x2e;
const MULTI_NAME_PREFIX = 0x2f;
const ROOT_CHAR = "\\";
const EXT_OP_PREFIX = 0x5b;
const DEVICE_OP = 0x82;
const ARG0_OP = 0x68;
const NOTIFY_OP = 0x86;
const L_EQUAL_OP = 0x93;
const IF_OP = 0xa0;

const MAX_ARGUMENTS = 7;
const SERIALIZED = 0x08;
const NAME_SEGMENT_LENGTH = 4;
const NAME_SEGMENT = /^[A-Z_][A-Z0-9_]{0,3}$/;
const MAX_ELEMENTS = 255;

type Part = Aml | readonly number[];

function lengthOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function join(...parts: readonly Part[]): Aml {
  const bytes = new Uint8Array(lengthOf(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function ascii(text: string): number[] {
  const codes = [...text].map((char) => char.charCodeAt(0));
  if (codes.some((code) => code === 0 || code > 0x7f)) {
    throw new RangeError(`"${text}" is not of ASCII characters`);
  }
  return codes;
}

function littleEndian(value: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
}

/** PkgLength and what it is the length of, itself included (20.2.4). */
function withLength(...parts: readonly Part[]): Aml {
  const content = lengthOf(parts);
  if (content + 1 < 0x40) {
    return join([content + 1], ...parts);
  }
  // One nibble in the first byte, and a byte each in one to three more.
  for (let extra = 1; extra <= 3; extra += 1) {
    const length = content + 1 + extra;
    if (length < 2 ** (4 + 8 * extra)) {
      const lead = (extra << 6) | (length & 0xf);
      return join([lead], littleEndian(BigInt(length >> 4), extra), ...parts);
    }
  }
  throw new RangeError(`${content} bytes are too many for one AML package`);
}

/** NameString (20.2.2): a path such as `\_SB.PWRB`; short segments are filled up with `_`. */
export function namePath(path: string): Aml {
  const isRoot = path.startsWith(ROOT_CHAR);
  const rest = isRoot ? path.slice(1) : path;
  const segments = rest === "" ? [] : rest.split(".");
  for (const segment of segments) {
    if (!NAME_SEGMENT.test(segment)) {
      throw new RangeError(`"${segment}" of "${path}" is no AML name`);
    }
  }
  const names = segments.flatMap((segment) => ascii(segment.padEnd(NAME_SEGMENT_LENGTH, "_")));
  const count = segments.length;
  const prefix =
    count === 0
      ? [0]
      : count === 1
        ? []
        : count === 2
          ? [DUAL_NAME_PREFIX]
          : [MULTI_NAME_PREFIX, count];
  return join(isRoot ? ascii(ROOT_CHAR) : [], prefix, names);
}

/** The shortest form of an integer (20.2.3). */
export function integer(value: number | bigint): Aml {
  const wide = BigInt(value);
  if (wide < 0n || wide >= 1n << 64n) {
    throw new RangeError(`${value} is no AML integer`);
  }
  if (wide <= 1n) {
    return join([wide === 0n ? ZERO_OP : ONE_OP]);
  }
  if (wide < 1n << 8n) {
    return join([BYTE_PREFIX], littleEndian(wide, 1));
  }
  if (wide < 1n << 16n) {
    return join([WORD_PREFIX], littleEndian(wide, 2));
  }
  return wide < 1n << 32n
    ? join([DWORD_PREFIX], littleEndian(wide, 4))
    : join([QWORD_PREFIX], littleEndian(wide, 8));
}

export function string(text: string): Aml {
  return join([STRING_PREFIX], ascii(text), [0]);
}

/** EISAID (19.6.37): three letters and four hexadecimal digits, such as `PNP0501`, as one integer. */
export function eisaId(id: string): Aml {
  if (!/^[A-Z]{3}[0-9A-F]{4}$/.test(id)) {
    throw new RangeError(`"${id}" is no EISA id`);
  }
  const [a = 0, b = 0, c = 0] = ascii(id).map((code) => code - 0x40);
  const product = Number.parseInt(id.slice(3), 16);
  const letters = (a << 10) | (b << 5) | c;
  return join([DWORD_PREFIX, letters >> 8, letters & 0xff, product >> 8, product & 0xff]);
}

export function buffer(bytes: Uint8Array): Aml {
  return join([BUFFER_OP], withLength(integer(bytes.length), bytes));
}

/** Package: a list of data objects. */
export function packageOf(...elements: readonly Aml[]): Aml {
  if (elements.length > MAX_ELEMENTS) {
    throw new RangeError(`${elements.length} elements are too many for one AML package`);
  }
  return join([PACKAGE_OP], withLength([elements.length], ...elements));
}

/** Name (path, object). */
export function name(path: string, object: Aml): Aml {
  return join([NAME_OP], namePath(path), object);
}

export function scope(path: string, ...terms: readonly Aml[]): Aml {
  return join([SCOPE_OP], withLength(namePath(path), ...terms));
}

export function device(path: string, ...terms: readonly Aml[]): Aml {
  return join([EXT_OP_PREFIX, DEVICE_OP], withLength(namePath(path), ...terms));
}

export interface MethodKind {
  readonly args: number;
  /** One call at a time. */
  readonly isSerialized: boolean;
}

export function method(path: string, kind: MethodKind, ...terms: readonly Aml[]): Aml {
  if (kind.args < 0 || kind.args > MAX_ARGUMENTS) {
    throw new RangeError(`a method of ${kind.args} arguments: ${MAX_ARGUMENTS} is the most`);
  }
  const flags = kind.args | (kind.isSerialized ? SERIALIZED : 0);
  return join([METHOD_OP], withLength(namePath(path), [flags], ...terms));
}

/** Arg0 to Arg6, within a method. */
export function arg(index: number): Aml {
  if (index < 0 || index >= MAX_ARGUMENTS) {
    throw new RangeError(`Arg${index}: Arg${MAX_ARGUMENTS - 1} is the last`);
  }
  return join([ARG0_OP + index]);
}

/** LEqual (left, right). */
export function equal(left: Aml, right: Aml): Aml {
  return join([L_EQUAL_OP], left, right);
}

/** If (predicate) { terms }. */
export function when(predicate: Aml, ...terms: readonly Aml[]): Aml {
  return join([IF_OP], withLength(predicate, ...terms));
}

/** Notify (path, value). */
export function notify(path: string, value: number): Aml {
  return join([NOTIFY_OP], namePath(path), integer(value));
}
