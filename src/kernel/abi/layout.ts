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

/** An array or an inner structure: it has a place, and whoever wants what is in it goes there by the offset. */
export interface Block {
  readonly size: number;
  readonly alignment: number;
}

type Fields = Readonly<Record<string, Scalar | Block>>;
type ScalarName<F extends Fields> = {
  [K in keyof F]: F[K] extends Scalar ? K : never;
}[keyof F];
type ScalarOf<F extends Fields, K extends keyof F> = F[K] extends Scalar ? F[K] : never;

export interface Layout<F extends Fields> extends Block {
  readonly offsets: { readonly [K in keyof F]: number };
  /** Writes the fields that are given; the rest keeps its bytes. */
  write(view: DataView, values: Partial<{ readonly [K in ScalarName<F>]: number | bigint }>): void;
  read<K extends ScalarName<F>>(view: DataView, field: K): Value<ScalarOf<F, K>>;
  /** A new structure with these values, and zeroes elsewhere. */
  make(values: Partial<{ readonly [K in ScalarName<F>]: number | bigint }>): DataView;
}

/** `count` elements of a scalar, or of a structure: `block(8, "u64")`. */
export function block(count: number, element: Scalar | Block = "u8"): Block {
  const { size, alignment } = placeOf(element);
  return { size: count * size, alignment };
}

function placeOf(field: Scalar | Block): Block {
  if (typeof field !== "string") {
    return field;
  }
  const { size } = SCALARS[field];
  return { size, alignment: size };
}

/** The layout of a structure with these fields in this order. */
export function layout<const F extends Fields>(fields: F): Layout<F> {
  const offsets: Record<string, number> = {};
  let size = 0;
  let alignment = 1;
  for (const [name, field] of Object.entries(fields)) {
    const place = placeOf(field);
    alignment = Math.max(alignment, place.alignment);
    size = Math.ceil(size / place.alignment) * place.alignment;
    offsets[name] = size;
    size += place.size;
  }
  size = Math.ceil(size / alignment) * alignment;
  const at = (name: keyof F): number => offsets[String(name)] ?? 0;
  const made: Layout<F> = {
    size,
    alignment,
    offsets: offsets as { readonly [K in keyof F]: number },
    write(view, values) {
      const all: Readonly<Record<string, number | bigint | undefined>> = values;
      for (const name in all) {
        const scalar = fields[name];
        const value = all[name];
        if (typeof scalar === "string" && value !== undefined) {
          SCALARS[scalar].set(view, at(name), value);
        }
      }
    },
    read<K extends ScalarName<F>>(view: DataView, field: K) {
      const scalar = fields[field] as Scalar;
      return SCALARS[scalar].get(view, at(field)) as Value<ScalarOf<F, K>>;
    },
    make(values) {
      const view = new DataView(new ArrayBuffer(size));
      made.write(view, values);
      return view;
    },
  };
  return made;
}
