/**
 * Checks of what was read back: whether a value has the form that it should. It was written by us, but perhaps not by one
 * like us; what has another form would go wrong somewhere else, much later.
 */

/** @throws {Error} naming the field that is not as it should be */
export type Check = (value: unknown, at: string) => void;

/** A check for every field of T. */
export type Fields<T> = { readonly [K in keyof T]-?: Check };

/** @throws {Error} */
export function refuse(at: string, what: string): never {
  throw new Error(`${at} is not ${what}`);
}

export const isA =
  (what: string, test: (value: unknown) => boolean): Check =>
  (value, at) => {
    if (!test(value)) {
      refuse(at, what);
    }
  };

export const text = isA("a text", (value) => typeof value === "string");
export const flag = isA("true or false", (value) => typeof value === "boolean");
export const int64 = isA("a 64-bit integer", (value) => typeof value === "bigint" && value >= 0n);
export const count = isA(
  "a number from 0 on",
  (value) => typeof value === "number" && value >= 0 && Number.isFinite(value),
);
export const oneOf = (...values: readonly string[]): Check =>
  isA(`one of ${values.join(", ")}`, (value) => values.includes(value as string));

export const optional =
  (check: Check): Check =>
  (value, at) => {
    if (value !== undefined) {
      check(value, at);
    }
  };

export function fieldsOf(value: unknown, at: string): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : refuse(at, "an object");
}

export const object =
  <T>(fields: Fields<T>): Check =>
  (value, at) => {
    const all = fieldsOf(value, at);
    for (const [name, check] of Object.entries<Check>(fields)) {
      check(all[name], `${at}.${name}`);
    }
  };

export const list =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) {
      refuse(at, "a list");
    }
    for (const [i, item] of (value as readonly unknown[]).entries()) {
      check(item, `${at}[${i}]`);
    }
  };

export const map =
  (check: Check): Check =>
  (value, at) => {
    for (const [key, field] of Object.entries(fieldsOf(value, at))) {
      check(field, `${at}[${JSON.stringify(key)}]`);
    }
  };

/** By the field `kind`. */
export const kinds =
  (cases: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    const { kind } = fieldsOf(value, at);
    oneOf(...Object.keys(cases))(kind, `${at}.kind`);
    cases[String(kind)]?.(value, at);
  };

export const parsed =
  (what: string, parse: (name: string) => unknown): Check =>
  (value, at) => {
    try {
      text(value, at);
      parse(value as string);
    } catch {
      refuse(at, what); // invalid_argument
    }
  };
