/**
 * The file that holds the state of a machine beside its memory: a line that says what it is, of which version, how long,
 * and with what checksum, and then the state as JSON. What is not whole, or of another version, is refused.
 */
import { fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import { StateError } from "../virtio/state.ts";

const STATE_FILE_VERSION = 1;
/** A processor's state is some 20 KiB. */
const MAX_BYTES = 16 * 1024 * 1024;
const NAME = "auraed-vm-state";
const HEAD = /^auraed-vm-state (\d{1,9}) (\d{1,9}) ([0-9a-f]{64})\n/;
const MAX_HEAD_BYTES = 128;

function checksumOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** The file's bytes. */
export function packState(state: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(state));
  const head = `${NAME} ${STATE_FILE_VERSION} ${body.length} ${checksumOf(body)}\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** @throws {StateError} */
export function unpackState(file: Uint8Array): unknown {
  const head = HEAD.exec(Buffer.from(file.subarray(0, MAX_HEAD_BYTES)).toString("latin1"));
  if (head === null) {
    throw new StateError("the snapshot's state is no state of a virtual machine");
  }
  const [line, version, length, checksum] = head;
  if (Number(version) !== STATE_FILE_VERSION) {
    throw new StateError(
      `the snapshot's state has version ${version}, and this build reads ${STATE_FILE_VERSION}`,
    );
  }
  const body = file.subarray(line.length);
  if (body.length !== Number(length) || checksumOf(body) !== checksum) {
    throw new StateError("the snapshot's state is cut or damaged: its checksum is another");
  }
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw new StateError("the snapshot's state is no JSON", { cause });
  }
}

/** Replaces a file's content. @throws {SystemError} of node:fs: ENOSPC */
export function writeStateFile(fd: number, state: unknown): void {
  const bytes = packState(state);
  ftruncateSync(fd, 0);
  for (let done = 0; done < bytes.length;) {
    done += writeSync(fd, bytes, done, bytes.length - done, done);
  }
}

/** @throws {StateError} */
export function readStateFile(fd: number): unknown {
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.size > MAX_BYTES) {
    throw new StateError(`the snapshot's state is no file of up to ${MAX_BYTES} bytes`);
  }
  const bytes = new Uint8Array(stat.size);
  let length = 0;
  for (let count = 1; count > 0 && length < bytes.length; length += count) {
    count = readSync(fd, bytes, length, bytes.length - length, length);
  }
  return unpackState(bytes.subarray(0, length));
}
