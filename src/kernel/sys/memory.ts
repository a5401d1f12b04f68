/** Addresses of memory that JavaScript owns. */
import { ptr } from "bun:ffi";

/**
 * The address of a view's first byte. It stays valid only for as long as the view is referenced and is not
 * transferred or resized; an empty view has none.
 */
export function addressOf(view: NodeJS.TypedArray | DataView): number {
  if (view.byteLength === 0) {
    throw new RangeError("an empty view has no address");
  }
  // SAFETY: only the number leaves here; whoever passes it to the kernel holds the view until the call returns.
  return ptr(view);
}
