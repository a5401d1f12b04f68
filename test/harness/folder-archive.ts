/** An archive beside the image of a test VM. */
import { cpioArchive } from "../../src/base/cpio.ts";

/** A folder of the machine's root with these files, which are root's alone. */
export function folderArchive(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Uint8Array {
  return cpioArchive([
    { kind: "directory", path: folder, mode: 0o755 },
    ...Object.entries(files).map(([name, content]) => ({
      ...{ kind: "file" as const, path: `${folder}/${name}`, mode: 0o600 },
      content: Buffer.from(content),
    })),
  ]);
}
