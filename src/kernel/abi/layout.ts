/**
 * Layouts of C structures as data: fields in order, with C's alignment. A test lets gcc compare each layout with the
 * header it stands for.
 */

const SCALARS = {
  u8: { size: 1, get: (v, at) => v.getUint8(at), set: (v, at, n) => v.setUint8(at, Number(n)) },
  u16: {
    size: 2,
    get: (v, at) => v.getUint16(at, true),
    set: (v, at, n) => v.setUint16(at, Number(n), true),
  },
  u32: {
    size: 4,
    get: (v, at) => v.getUint32(at, true),
    set: (v, at, n) => v.setUint32(at, Number(n), true),
  },
  i32: {
    size: 4,
    get: (v, at) => v.getInt32(at, true),
    set: (v, at, n) => v.setInt32(at, Number(n), true),
  },
  u64: {
    size: 8,
    get: (v, at) => v.getBigUint64(at, true),
    set: (v, at, n) => v.setBigUint64(at, BigInt(n), true),
  },
  i64: {
    size: 8,
    get: (v, at) => v.getBigInt64(at, true),
    set: (v, at, n) => v.setBigInt64(at, BigInt(n), true),
  },
} as const satisfies Record<string, ScalarCodec>;

interface ScalarCodec {
  readonly size: number;
  readonly get: (view: DataView, at: number) => number | bigint;
  readonly set: (view: DataView, at: number, value: number | bigint) => void;
}

export type Scalar = keyof typeof SCALARS;
type Value<S extends Scalar> = ReturnType<(typeof SCALARS)[S]["get"]>;
type Fields = Readonly<Record<string, Scalar>>;

export interface Layout<F extends Fields> {
  readonly size: number;
  readonly offsets: { readonly [K in keyof F]: number };
  /** Writes the fields that are given; the rest keeps its bytes. */
  write(view: DataView, values: Partial<{ readonly [K in keyof F]: number | bigint }>): void;
  read<K extends keyof F>(view: DataView, field: K): Value<F[K]>;
}

/** The layout of a structure with these fields in this order. */
export function layout<const F extends Fields>(fields: F): Layout<F> {
  const offsets: Record<string, number> = {};
  let size = 0;
  let alignment = 1;
  for (const [name, scalar] of Object.entries(fields)) {
    const width = SCALARS[scalar].size;
    alignment = Math.max(alignment, width);
    size = Math.ceil(size / width) * width;
    offsets[name] = size;
    size += width;
  }
  size = Math.ceil(size / alignment) * alignment;
  const at = (name: keyof F): number => offsets[String(name)] ?? 0;
  return {
    size,
    offsets: offsets as { readonly [K in keyof F]: number },
    write(view, values) {
      for (const [name, value] of Object.entries(values)) {
        const scalar = fields[name];
        if (scalar !== undefined && value !== undefined) {
          SCALARS[scalar].set(view, at(name), value);
        }
      }
    },
    read(view, field) {
      const scalar = fields[field] as F[typeof field];
      return SCALARS[scalar].get(view, at(field)) as Value<F[typeof field]>;
    },
  };
}
