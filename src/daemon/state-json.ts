/** JSON that keeps 64-bit integers, as `{"$int":"…"}`. A key that begins with `$` itself gets one more. */

const INT = "$int";
const ESCAPE = "$";

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether JSON as it is would lose something of it. Most records have nothing of that, and are written much faster. */
function needsCare(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.some(needsCare);
  }
  return isPlain(value)
    ? Object.keys(value).some((key) => key.startsWith(ESCAPE) || needsCare(value[key]))
    : typeof value === "bigint";
}

/** @param value plain data, of which nothing is a function or a symbol */
export function encodeState(value: unknown): string {
  if (!needsCare(value)) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item: unknown) => encodeState(item ?? null)).join()}]`;
  }
  if (!isPlain(value)) {
    return JSON.stringify({ [INT]: `${value}` });
  }
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([key, field]) => {
      const escaped = key.startsWith(ESCAPE) ? `${ESCAPE}${key}` : key;
      return `${JSON.stringify(escaped)}:${encodeState(field)}`;
    });
  return `{${fields.join()}}`;
}

/** @throws {SyntaxError} */
export function decodeState(text: string): unknown {
  return JSON.parse(text, (_key, field: unknown) => {
    if (!isPlain(field)) {
      return field;
    }
    if (Object.hasOwn(field, INT)) {
      return BigInt(String(field[INT]));
    }
    const unescaped = (key: string): string =>
      key.startsWith(ESCAPE) ? key.slice(ESCAPE.length) : key;
    return Object.keys(field).some((key) => key.startsWith(ESCAPE))
      ? Object.fromEntries(Object.entries(field).map(([key, inner]) => [unescaped(key), inner]))
      : field;
  });
}
