/**
 * Reads the fields of an object that came as JSON, each of them checked as it is read. Fields that nobody asked for are
 * refused by {@link Fields.end}: a word that is misspelt is not to be a wish that is ignored.
 */
import { ProtocolError } from "./protocol-error.ts";

type Read<T> = (fields: Fields) => T;

const MAX_QUOTED = 80;

/** Text of others for a message: short, and in quotes. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text;
}

export class Fields {
  readonly #path: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #rest: Set<string>;

  /** @param path what messages call it: `config.disks[1]` @throws {ProtocolError} on what is no object */
  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ProtocolError(`${path} is ${quoted(value)}, and not an object`);
    }
    this.#path = path;
    this.#values = value as Record<string, unknown>;
    this.#rest = new Set(Object.keys(value));
  }

  #take(name: string): unknown {
    this.#rest.delete(name);
    // Nothing of Object's own counts, whatever a field is called.
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  #wrong(name: string, value: unknown, wanted: string): ProtocolError {
    const is = value === undefined ? "is missing" : `is ${quoted(value)}`;
    return new ProtocolError(`${this.#path}.${name} ${is}; it must be ${wanted}`);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  /** A whole number. @throws {ProtocolError} as all below */
  integer(name: string, min: number, max: number): number {
    const value = this.#take(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.#wrong(name, value, `a whole number from ${min} to ${max}`);
    }
    return value;
  }

  /** A number that need not be whole: a time. */
  duration(name: string): number {
    const value = this.#take(name);
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
      throw this.#wrong(name, value, "a number from 0 on");
    }
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== "boolean") {
      throw this.#wrong(name, value, "true or false");
    }
    return value;
  }

  /** @param maxLength in UTF-16 code units */
  string(name: string, maxLength: number): string {
    const value = this.#take(name);
    if (typeof value !== "string" || value.length > maxLength) {
      throw this.#wrong(name, value, `a text of up to ${maxLength} characters`);
    }
    return value;
  }

  /** A text of a form. @param wanted the form in words */
  match(name: string, pattern: RegExp, wanted: string): string {
    const value = this.#take(name);
    if (typeof value !== "string" || !pattern.test(value)) {
      throw this.#wrong(name, value, wanted);
    }
    return value;
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T {
    const value = this.#take(name);
    const found = values.find((known) => known === value);
    if (found === undefined) {
      throw this.#wrong(name, value, `one of ${values.join(", ")}`);
    }
    return found;
  }

  /** An object, read by `read` and by nothing else. */
  object<T>(name: string, read: Read<T>): T {
    return readWhole(this.#take(name), `${this.#path}.${name}`, read);
  }

  optional<T>(name: string, read: () => T): T | undefined {
    return this.has(name) ? read() : undefined;
  }

  /** A list of objects. */
  list<T>(name: string, maxLength: number, read: Read<T>): T[] {
    return this.#array(name, maxLength).map((value, at) =>
      readWhole(value, `${this.#path}.${name}[${at}]`, read),
    );
  }

  /** A list of whole numbers. */
  integers(name: string, maxLength: number, min: number, max: number): number[] {
    return this.#array(name, maxLength).map((value, at) =>
      new Fields({ [at]: value }, `${this.#path}.${name}`).integer(String(at), min, max),
    );
  }

  /** A list of texts. */
  texts(name: string, maxLength: number, maxTextLength: number): string[] {
    return this.#array(name, maxLength).map((value, at) =>
      new Fields({ [at]: value }, `${this.#path}.${name}`).string(String(at), maxTextLength),
    );
  }

  #array(name: string, maxLength: number): unknown[] {
    const value = this.#take(name);
    if (!Array.isArray(value) || value.length > maxLength) {
      throw this.#wrong(name, value, `a list of up to ${maxLength}`);
    }
    return value;
  }

  /** The fields as they are, all taken: for what is only handed on. */
  entries(): [string, unknown][] {
    this.#rest.clear();
    return Object.entries(this.#values);
  }

  /** Nothing else may be there. */
  end(): void {
    const [extra] = this.#rest;
    if (extra !== undefined) {
      throw new ProtocolError(`${this.#path} has no field ${quoted(extra)}`);
    }
  }
}

/** Reads an object that may have no other fields. @throws {ProtocolError} */
export function readWhole<T>(value: unknown, path: string, read: Read<T>): T {
  const fields = new Fields(value, path);
  const result = read(fields);
  fields.end();
  return result;
}
