/**
 * Two files of a machine's site, as whoever makes a site writes them and as the machine reads them when it boots:
 * `mounts.json`, where its drives are mounted, and `network.json`, what addresses its cards have. Only the form: whether
 * there is such a drive or card is found out at the boot.
 */
import { AuraeError, messageOf } from "./errors.ts";

/** The name alone. */
export const HOSTNAME_FILE = "/etc/aurae/hostname";
export const MOUNTS_FILE = "/etc/aurae/mounts.json";
export const NETWORK_FILE = "/etc/aurae/network.json";

export interface DriveMount {
  /** A block device: `/dev/vdb`. */
  readonly device: string;
  /** An absolute path; folders that are missing are made. */
  readonly path: string;
  /** `ext4`. Left out: by what is on the drive. */
  readonly fsType?: string;
  readonly readOnly?: boolean;
}

export interface CardAddresses {
  /** Of the card's hardware, six bytes in hexadecimal with colons. */
  readonly mac: string;
  /** Each with the length of its prefix: `192.168.248.1/31`. */
  readonly addresses: readonly string[];
  /** Of a default route. */
  readonly gateway?: string;
}

const MAX_FILE_CHARACTERS = 64 * 1024;
export const MAX_MOUNTS = 64;
const MAX_CARDS = 32;
const MAX_ADDRESSES = 16;
const MAX_PATH_BYTES = 4095;
const DEVICE = /^\/dev(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._:-]{1,64}){1,4}$/;
const FS_TYPE = /^[a-z0-9_.-]{1,32}$/;
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
const ADDRESS = /^([0-9a-fA-F.:]{2,45})\/(\d{1,3})$/;
const GATEWAY = /^[0-9a-fA-F.:]{2,45}$/;
/** What the machine itself has mounted, and lives by. */
const OCCUPIED = /^\/(?:proc|sys|dev|run|bin|lib|lib64|usr|etc|sbin|init)(?:\/|$)/;

function refuse(what: string, fault: string): never {
  throw new AuraeError("invalid_argument", `${what}: ${fault}`);
}

function fieldsOf(value: unknown, what: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse(what, "want an object");
  }
  const stranger = Object.keys(value).find((key) => !known.includes(key));
  return stranger === undefined
    ? (value as Record<string, unknown>)
    : refuse(what, `${JSON.stringify(stranger)} means nothing here; want ${known.join(", ")}`);
}

function textOf(value: unknown, what: string, form: RegExp): string {
  return typeof value === "string" && form.test(value)
    ? value
    : refuse(what, `${JSON.stringify(value) ?? "nothing"} is not of the right form`);
}

function listOf(value: unknown, what: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) {
    return refuse(what, "want a list");
  }
  return value.length > most ? refuse(what, `has ${value.length}, ${most} at most`) : value;
}

function parse(text: string, what: string): unknown {
  if (text.length > MAX_FILE_CHARACTERS) {
    return refuse(what, `has more than ${MAX_FILE_CHARACTERS} characters`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(what, messageOf(error));
  }
}

function checkPath(path: unknown, what: string): string {
  if (typeof path !== "string" || !path.startsWith("/") || path.includes("\0")) {
    return refuse(what, `${JSON.stringify(path) ?? "nothing"} is no absolute path`);
  }
  const parts = path.slice(1).split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return refuse(what, `${JSON.stringify(path)} is not a clean path to a folder, such as "/data"`);
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return refuse(what, `a path of more than ${MAX_PATH_BYTES} bytes`);
  }
  return OCCUPIED.test(path)
    ? refuse(
        what,
        `${JSON.stringify(path)} is where the system itself is; take another, such as "/data"`,
      )
    : path;
}

/**
 * Sees that a mount can be one.
 * @param what names it in the message
 * @throws {AuraeError} invalid_argument
 */
export function parseDriveMount(value: unknown, what: string): DriveMount {
  const fields = fieldsOf(value, what, ["device", "path", "fsType", "readOnly"]);
  const { fsType, readOnly = false } = fields;
  if (typeof readOnly !== "boolean") {
    return refuse(`${what}.readOnly`, "want true or false");
  }
  return {
    device: textOf(fields.device, `${what}.device`, DEVICE),
    path: checkPath(fields.path, `${what}.path`),
    ...(fsType === undefined ? {} : { fsType: textOf(fsType, `${what}.fsType`, FS_TYPE) }),
    readOnly,
  };
}

/**
 * The mounts of a text of `mounts.json`, `{"mounts": [{"device": …, "path": …}]}`. One that is wrong is no reason to go
 * without the others, so it comes as an error in their midst.
 * @throws {AuraeError} invalid_argument where the whole file is of another form
 */
export function parseMounts(text: string): (DriveMount | AuraeError)[] {
  const { mounts } = fieldsOf(parse(text, MOUNTS_FILE), MOUNTS_FILE, ["mounts"]);
  const paths = new Set<string>();
  return listOf(mounts, "mounts", MAX_MOUNTS).map((value, at) => {
    try {
      const mount = parseDriveMount(value, `mounts[${at}]`);
      if (paths.has(mount.path)) {
        return refuse(`mounts[${at}].path`, `another drive is at "${mount.path}"`);
      }
      paths.add(mount.path);
      return mount;
    } catch (error) {
      if (error instanceof AuraeError) {
        return error;
      }
      throw error;
    }
  });
}

export function mountsText(mounts: readonly DriveMount[]): string {
  return `${JSON.stringify({ mounts }, null, 2)}\n`;
}

/** The cards of a text of `network.json`, `{"cards": [{"mac": …, "addresses": […]}]}`. @throws {AuraeError} */
export function parseNetwork(text: string): CardAddresses[] {
  const { cards } = fieldsOf(parse(text, NETWORK_FILE), NETWORK_FILE, ["cards"]);
  return listOf(cards, "cards", MAX_CARDS).map((value, at) => {
    const what = `cards[${at}]`;
    const { mac, addresses, gateway } = fieldsOf(value, what, ["mac", "addresses", "gateway"]);
    return {
      mac: textOf(mac, `${what}.mac`, MAC).toLowerCase(),
      addresses: listOf(addresses, `${what}.addresses`, MAX_ADDRESSES).map((address, nth) =>
        textOf(address, `${what}.addresses[${nth}]`, ADDRESS),
      ),
      ...(gateway === undefined ? {} : { gateway: textOf(gateway, `${what}.gateway`, GATEWAY) }),
    };
  });
}

export function networkText(cards: readonly CardAddresses[]): string {
  return `${JSON.stringify({ cards }, null, 2)}\n`;
}

/** An address and the length of its prefix, of a text that `parseNetwork` let pass. */
export function splitPrefix(text: string): { address: string; prefixLength: number } {
  const [, address = "", length = ""] = ADDRESS.exec(text) ?? [];
  return { address, prefixLength: Number(length) };
}
