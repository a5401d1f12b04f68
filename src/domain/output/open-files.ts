/** Bounds how many files all histories together keep open: the one that was not used for longest is closed. */
const OPEN_FILES_MAX = 256;

export class OpenFiles {
  readonly #max: number;
  /** Who has a file open, the one that was not used for longest first, and how it is told to close it. */
  readonly #owners = new Map<object, () => void>();
  #latest: object | undefined;

  constructor(max = OPEN_FILES_MAX) {
    this.#max = max;
  }

  /** Says that an owner uses its file, and closes another's if that makes one too many. */
  touch(owner: object, close: () => void): void {
    if (this.#latest === owner) {
      return;
    }
    this.#latest = owner;
    this.#owners.delete(owner);
    this.#owners.set(owner, close);
    if (this.#owners.size > this.#max) {
      for (const [oldest, closeOldest] of this.#owners) {
        this.forget(oldest);
        closeOldest();
        return;
      }
    }
  }

  /** Says that an owner has closed its file itself. */
  forget(owner: object): void {
    this.#owners.delete(owner);
    if (this.#latest === owner) {
      this.#latest = undefined;
    }
  }

  get size(): number {
    return this.#owners.size;
  }
}
