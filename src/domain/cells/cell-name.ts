/**
 * Names of cells: paths of one or more components. A value of this type is valid and normalised; only `parse` makes
 * one from text. A child's name says its parent's, so the tree needs no other links.
 */
import { AuraeError } from "../../base/errors.ts";

/** A DNS label: 1 to 63 letters, digits and inner hyphens. Thereby never `_`, `.`, `..` or a file of cgroupfs. */
const COMPONENT = /^(?!-)[a-zA-Z0-9-]{1,63}(?<!-)$/;

const CELL_NAME_MAX_LENGTH = 1023;

/** How deep cells may be nested: List answers with messages as deep, and most readers of protobuf stop at 100. */
export const MAX_COMPONENTS = 32;

export class CellName {
  readonly components: readonly [string, ...string[]];

  private constructor(components: readonly [string, ...string[]]) {
    this.components = components;
  }

  /**
   * Reads a full name. Leading and trailing slashes are dropped, as in the original; anything else that is not a
   * name is refused.
   * @throws {AuraeError} invalid_argument
   */
  static parse(text: string): CellName {
    const [first, ...rest] = text.replace(/^\/+|\/+$/g, "").split("/");
    const name = first === undefined ? [] : [first, ...rest];
    if (
      first === undefined ||
      text.length > CELL_NAME_MAX_LENGTH ||
      name.length > MAX_COMPONENTS ||
      !name.every((component) => COMPONENT.test(component))
    ) {
      throw new AuraeError(
        "invalid_argument",
        `cell name ${JSON.stringify(text.slice(0, 64))} is not made of at most ${MAX_COMPONENTS} components of 1 to 63 letters, digits and inner hyphens, joined by "/"`,
      );
    }
    return new CellName([first, ...rest]);
  }

  /** The last component. */
  get leaf(): string {
    return this.components.at(-1) ?? this.components[0];
  }

  /** The outermost cell that this one is in, or itself. */
  get root(): CellName {
    return new CellName([this.components[0]]);
  }

  /** The cell that this one is directly in; undefined for one that is in none. */
  get parent(): CellName | undefined {
    const [first, ...rest] = this.components.slice(0, -1);
    return first === undefined ? undefined : new CellName([first, ...rest]);
  }

  /** The cells that this one is in, outermost first. */
  get ancestors(): readonly CellName[] {
    const { parent } = this;
    return parent === undefined ? [] : [...parent.ancestors, parent];
  }

  toString(): string {
    return this.components.join("/");
  }
}
