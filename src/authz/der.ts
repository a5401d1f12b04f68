/**
 * A reader for DER, as far as certificates need it (X.690): definite lengths, one-byte tags, every element inside the
 * bytes of its parent. It never copies and never recurses.
 */

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

export class DerError extends Error {
  override readonly name = "DerError";
}

/** The elements that stand one after the other in these bytes. @throws {DerError} */
export function derElements(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    if ((tag & 0x1f) === 0x1f) {
      throw new DerError("a tag of several bytes");
    }
    const first = bytes[at + 1];
    if (first === undefined) {
      throw new DerError("an element without a length");
    }
    at += 2;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count < 1 || count > 3 || at + count > bytes.length) {
        throw new DerError("a length of no use");
      }
      length = 0;
      for (const end = at + count; at < end; at += 1) {
        length = length * 256 + (bytes[at] ?? 0);
      }
    }
    if (at + length > bytes.length) {
      throw new DerError("an element longer than what it is in");
    }
    elements.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

/** The one element of these bytes, which must have this tag. @throws {DerError} */
export function derElement(bytes: Uint8Array, tag: number): Uint8Array {
  const elements = derElements(bytes);
  const [element] = elements;
  if (element?.tag !== tag || elements.length !== 1) {
    throw new DerError(`one element of tag ${tag} expected`);
  }
  return element.content;
}
