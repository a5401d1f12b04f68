/** Reads an output stream into memory. */
import type { OutputPipe } from "../../kernel/process/processes.ts";

/** The bytes as they come, to the end. Nothing is read sooner than it is asked for. The pipe is closed then. */
export async function* readChunks(pipe: OutputPipe): AsyncGenerator<Uint8Array, void> {
  try {
    while (await pipe.readable()) {
      const bytes = pipe.take();
      if (bytes.length > 0) {
        yield bytes;
      }
    }
  } finally {
    await pipe.close();
  }
}
