/** What the integer types of protobuf can hold (https://protobuf.dev/programming-guides/proto3/#scalar). */
import { ScalarType } from "@bufbuild/protobuf";

export interface IntegerRange {
  readonly name: string;
  readonly min: bigint;
  readonly max: bigint;
  /** 64: messages have it as a bigint; 32: as a number. */
  readonly bits: 32 | 64;
}

const INT32: IntegerRange = { name: "int32", min: -(2n ** 31n), max: 2n ** 31n - 1n, bits: 32 };
const UINT32: IntegerRange = { name: "uint32", min: 0n, max: 2n ** 32n - 1n, bits: 32 };
const UINT64: IntegerRange = { name: "uint64", min: 0n, max: 2n ** 64n - 1n, bits: 64 };
export const INT64: IntegerRange = {
  name: "int64",
  min: -(2n ** 63n),
  max: 2n ** 63n - 1n,
  bits: 64,
};

/** By the type of a field; none for what is no integer. */
export const INTEGER_RANGES: { readonly [K in ScalarType]?: IntegerRange } = {
  [ScalarType.INT32]: INT32,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.UINT32]: UINT32,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.INT64]: INT64,
  [ScalarType.SINT64]: INT64,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.UINT64]: UINT64,
  [ScalarType.FIXED64]: UINT64,
};
