/**
 * What a guest and its host say to each other beside the API, over vsock: the guest connects, and the host tells it which
 * life of its machine this is. A guest that knows of another life was restored from a snapshot, and asks for what is its
 * own from now on. Text, a line each; then the files, as JSON. The connection stays: a restore ends it, and then the guest
 * connects again.
 *
 *     host:   life 4f… seed 9a… time 1790000000000
 *     guest:  files
 *     host:   files 1234
 *             {"files":[{"path":"/etc/aurae/hostname","text":"copy\n"}, …]}
 */

/** On the host's side, of each guest. */
export const HOST_CHANNEL_PORT = 8079;
/** Where a guest keeps which life it knows of. */
export const LIFE_FILE = "/etc/aurae/life";
export const ASK_FOR_FILES = "files\n";
/** In bytes: two certificates, a key and some addresses are less than a tenth. */
export const MAX_FILES_BYTES = 1024 * 1024;
export const MAX_LINE_BYTES = 256;
/** What the kernel's random numbers are started anew with. */
export const SEED_BYTES = 64;

const LIFE = /^[0-9a-f]{32}$/;
const GREETING = /^life ([0-9a-f]{32}) seed ([0-9a-f]{128}) time (\d{1,15})$/;
const FILES = /^files (\d{1,7})$/;
/** What a host may change of a guest that runs. */
const PATH =
  /^\/etc\/aurae\/(?:hostname|life|network\.json|pki\/(?:ca\.crt|_signed\.server\.crt|server\.key))$/;

export interface GuestFile {
  readonly path: string;
  readonly text: string;
}

export interface Greeting {
  readonly life: string;
  readonly seed: Uint8Array;
  /** Of the host's clock, in milliseconds since 1970. */
  readonly timeMs: number;
}

export function isLife(text: string): boolean {
  return LIFE.test(text);
}

export function greetingLine({ life, seed, timeMs }: Greeting): string {
  return `life ${life} seed ${Buffer.from(seed).toString("hex")} time ${timeMs}\n`;
}

/** Without its newline. @returns undefined for another line */
export function parseGreeting(line: string): Greeting | undefined {
  const [, life, seed, time] = GREETING.exec(line) ?? [];
  return life === undefined || seed === undefined
    ? undefined
    : { life, seed: new Uint8Array(Buffer.from(seed, "hex")), timeMs: Number(time) };
}

/** The answer to {@link ASK_FOR_FILES}. */
export function filesMessage(files: readonly GuestFile[]): Uint8Array {
  const body = Buffer.from(
    JSON.stringify({ files: files.map(({ path, text }) => ({ path, text })) }),
  );
  return Buffer.concat([Buffer.from(`files ${body.length}\n`), body]);
}

/** How many bytes follow. @returns undefined for another line, or too many */
export function parseFilesLine(line: string): number | undefined {
  const length = Number(FILES.exec(line)?.[1] ?? Number.NaN);
  return length <= MAX_FILES_BYTES ? length : undefined;
}

/** @throws {Error} on what is no list of files that a host may change */
export function parseFiles(body: Uint8Array): GuestFile[] {
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  const files = (value as { readonly files?: unknown } | null)?.files;
  if (!Array.isArray(files)) {
    throw new Error("the host's files are no list");
  }
  return files.map((file: Partial<Record<keyof GuestFile, unknown>> | null) => {
    const { path, text } = file ?? {};
    if (typeof path !== "string" || typeof text !== "string" || !PATH.test(path)) {
      throw new Error(
        `the host's files have ${JSON.stringify(path)}, which is not for it to change`,
      );
    }
    return { path, text };
  });
}
