/**
 * Which snapshots of a machine are being written: noted before anything of the guest is changed, so that the daemon that
 * comes after one that was killed can remove what is half written, and have a guest go on that only stood still for it.
 */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { SnapshotFiles } from "./monitor-spec.ts";
import { isPartFolder } from "./snapshot-folder.ts";

export interface SnapshotNote {
  /** Where it is written to; it gets its own name when it is whole. */
  readonly folder: string;
  /** Whether the guest ran, and is to run again afterwards. */
  readonly isToGoOn: boolean;
}

/** A monitor that still writes answers nothing else: as long as that may take, in tries of 15 s each. */
const MAX_TRIES = 40;

export class SnapshotNotes {
  readonly #all = new Map<string, boolean>();
  readonly #keep: () => void;

  /** @param keep has the notes kept for the daemon that comes next */
  constructor(keep: () => void) {
    this.#keep = keep;
  }

  get all(): readonly SnapshotNote[] | undefined {
    const notes = [...this.#all].map(([folder, isToGoOn]) => ({ folder, isToGoOn }));
    return notes.length === 0 ? undefined : notes;
  }

  /** @param write calls what it is given before it pauses a guest that is to go on */
  async during<T>(
    { statePath }: SnapshotFiles,
    write: (beforePause: () => void) => Promise<T>,
  ): Promise<T> {
    const folder = dirname(statePath);
    const note = (isToGoOn: boolean): void => {
      this.#all.set(folder, isToGoOn);
      this.#keep();
    };
    note(false);
    try {
      return await write(() => note(true));
    } finally {
      this.#all.delete(folder);
      this.#keep();
    }
  }

  /**
   * Undoes what an earlier daemon was killed in. Never rejects.
   * @param resume of the guest; left out where none is there any more
   */
  async finish(notes: readonly SnapshotNote[], resume?: () => Promise<void>): Promise<void> {
    for (const { folder, isToGoOn } of notes) {
      removePart(folder);
      if (isToGoOn && resume !== undefined) {
        this.#all.set(folder, true);
      }
    }
    for (let i = 0; i < MAX_TRIES && this.#all.size > 0; i++) {
      try {
        await resume?.();
      } catch (error) {
        if (error instanceof AuraeError && error.kind === "deadline_exceeded") {
          continue;
        }
        log.warn("a vm that stood still for a snapshot does not go on", {
          cause: messageOf(error),
        });
      }
      this.#all.clear();
      this.#keep();
    }
  }
}

function removePart(folder: string): void {
  if (isPartFolder(folder)) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      log.warn("could not remove what is left of a snapshot", { folder, cause: messageOf(error) });
    }
  }
}
