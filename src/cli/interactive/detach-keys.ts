/** Finds ctrl-p ctrl-q among what is typed. A ctrl-p is held back until the next key says what it was. */

const CTRL_P = 0x10;
const CTRL_Q = 0x11;

export class DetachKeys {
  #isHeld = false;

  /** @returns what is to be handed on, and whether the keys came; what comes after them is dropped */
  push(bytes: Uint8Array): { readonly pass: Uint8Array; readonly isDetached: boolean } {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (this.#isHeld && byte === CTRL_Q) {
        return { pass: Uint8Array.from(pass), isDetached: true };
      }
      if (this.#isHeld) {
        pass.push(CTRL_P);
      }
      this.#isHeld = byte === CTRL_P;
      if (!this.#isHeld) {
        pass.push(byte);
      }
    }
    return { pass: Uint8Array.from(pass), isDetached: false };
  }
}
