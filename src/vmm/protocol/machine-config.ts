/**
 * What a virtual machine is made of, as the daemon tells its monitor. Files, devices and sockets come as descriptors that
 * the monitor was started with: it opens nothing by a name. Data and its check; what only the machine can find out (a
 * kernel that is none, more memory than there can be) is found out where it is made.
 */
import { type Fields, readWhole } from "./fields.ts";
import { ProtocolError } from "./protocol-error.ts";

export const CONFIG_VERSION = 1;
export const MOST_VCPUS = 32;
/** The descriptors that the monitor starts with, beside those that the configuration names. 4 is the daemon's end. */
export const VMM_FDS = { consoleFd: 1, serialFd: 2, controlFd: 3, daemonFd: 4 } as const;
/** Descriptors below are the monitor's own: {@link VMM_FDS}. */
export const FIRST_CONFIGURED_FD = 5;

const MAX_FD = 2 ** 20 - 1;
const PAGE_BYTES = 4096;
const MAX_INITRDS = 16;
/** More virtio devices have no interrupt. */
const MAX_DEVICES = 17;
const MAX_COMMAND_LINE = 4096;
/** Longer ones are cut by who sends them: all of a configuration has to fit into one packet. */
export const MAX_NAME = 256;
const U16_MAX = 0xffff;
/** Of an IPv4 host (RFC 791). */
const MIN_MTU = 68;
/** 0 to 2 are hypervisor, local and host, and the last is nobody in particular (vsock(7)). */
const MIN_CID = 3;
const MAX_CID = 2 ** 32 - 2;
/** What `sun_path` holds, without the NUL and `_` with a port's digits. */
const MAX_CONNECT_PATH_BYTES = 107 - 11;
const ID = /^[\w.:@-]{1,128}$/;
const MAC = /^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/;
/** Printable ASCII; what a disk has room for. */
const SERIAL = /^[\x20-\x7e]{0,20}$/;

export interface KernelBoot {
  readonly kernelFd: number;
  /** Joined, one after the other, as the kernel unpacks archives. */
  readonly initrdFds: readonly number[];
  readonly commandLine: string;
  /** What messages call the files: their paths on the host. */
  readonly names?: { readonly kernel: string; readonly initrds: readonly string[] };
}

export interface SnapshotBoot {
  readonly snapshot: { readonly stateFd: number; readonly memoryFd: number };
}

export interface DiskConfig {
  readonly fd: number;
  readonly isReadOnly: boolean;
  /** At most 20 ASCII characters, by which the guest finds it in /dev/disk/by-id. */
  readonly serial: string;
}

export interface NicConfig {
  /** Of a TAP device, attached already. */
  readonly fd: number;
  /** `52:54:00:00:00:01`, of one host. */
  readonly mac: string;
  readonly mtu: number;
}

export interface VsockConfig {
  readonly cid: number;
  /** A Unix socket that listens: programs of the host say `CONNECT <port>\n` there. */
  readonly listenFd: number;
  /** A program of the guest's that wants port P of the host reaches `<connectPath>_<P>`. */
  readonly connectPath: string;
}

export interface MachineConfig {
  readonly version: typeof CONFIG_VERSION;
  readonly id: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  /** Of /dev/kvm. */
  readonly kvmFd: number;
  readonly boot: KernelBoot | SnapshotBoot;
  /** /dev/vda and on, in this order. */
  readonly disks: readonly DiskConfig[];
  readonly nics: readonly NicConfig[];
  readonly vsock?: VsockConfig;
  readonly console: { readonly columns: number; readonly rows: number };
  readonly hasBalloon: boolean;
}

const fd = (fields: Fields, name: string): number =>
  fields.integer(name, FIRST_CONFIGURED_FD, MAX_FD);

function readBoot(fields: Fields): KernelBoot | SnapshotBoot {
  if (fields.has("snapshot")) {
    return {
      snapshot: fields.object("snapshot", (inner) => ({
        stateFd: fd(inner, "stateFd"),
        memoryFd: fd(inner, "memoryFd"),
      })),
    };
  }
  const names = fields.optional("names", () =>
    fields.object("names", (inner) => ({
      kernel: inner.string("kernel", MAX_NAME),
      initrds: inner.texts("initrds", MAX_INITRDS, MAX_NAME),
    })),
  );
  return {
    kernelFd: fd(fields, "kernelFd"),
    initrdFds: fields.integers("initrdFds", MAX_INITRDS, FIRST_CONFIGURED_FD, MAX_FD),
    commandLine: fields.string("commandLine", MAX_COMMAND_LINE),
    ...(names === undefined ? {} : { names }),
  };
}

function readDisk(fields: Fields): DiskConfig {
  return {
    fd: fd(fields, "fd"),
    isReadOnly: fields.boolean("isReadOnly"),
    serial: fields.match("serial", SERIAL, "at most 20 printable ASCII characters"),
  };
}

function readNic(fields: Fields): NicConfig {
  return {
    fd: fd(fields, "fd"),
    mac: fields.match("mac", MAC, 'a unicast address such as "52:54:00:00:00:01"'),
    mtu: fields.integer("mtu", MIN_MTU, U16_MAX),
  };
}

function readVsock(fields: Fields): VsockConfig {
  const config = {
    cid: fields.integer("cid", MIN_CID, MAX_CID),
    listenFd: fd(fields, "listenFd"),
    connectPath: fields.match("connectPath", /^\/[^\0]*$/, "an absolute path"),
  };
  const bytes = new TextEncoder().encode(config.connectPath).length;
  if (bytes > MAX_CONNECT_PATH_BYTES) {
    throw new ProtocolError(
      `the path of the vsock has ${bytes} bytes, and with a port behind it, room for ${MAX_CONNECT_PATH_BYTES}`,
    );
  }
  return config;
}

/** All descriptors of a configuration. */
export function descriptorsOf(config: MachineConfig): number[] {
  const { boot, disks, nics, vsock } = config;
  return [
    config.kvmFd,
    ...("snapshot" in boot
      ? [boot.snapshot.stateFd, boot.snapshot.memoryFd]
      : [boot.kernelFd, ...boot.initrdFds]),
    ...disks.map((disk) => disk.fd),
    ...nics.map((nic) => nic.fd),
    ...(vsock === undefined ? [] : [vsock.listenFd]),
  ];
}

/** What holds for more than one field. */
function checkWhole(config: MachineConfig): void {
  const { memoryBytes } = config;
  if (memoryBytes % PAGE_BYTES !== 0) {
    throw new ProtocolError(
      `config.memoryBytes is ${memoryBytes}; it must be a multiple of ${PAGE_BYTES}`,
    );
  }
  const fds = descriptorsOf(config);
  const twice = fds.find((number, at) => fds.indexOf(number) !== at);
  if (twice !== undefined) {
    throw new ProtocolError(`config has descriptor ${twice} twice; each belongs to one thing`);
  }
}

/** Reads a configuration, of which nothing is believed. @throws {ProtocolError} naming the first field that is wrong */
export function parseMachineConfig(value: unknown): MachineConfig {
  const config = readWhole(value, "config", (fields): MachineConfig => {
    fields.integer("version", CONFIG_VERSION, CONFIG_VERSION);
    const vsock = fields.optional("vsock", () => fields.object("vsock", readVsock));
    return {
      version: CONFIG_VERSION,
      id: fields.match("id", ID, "1 to 128 letters, digits and marks of _.:@-"),
      vcpus: fields.integer("vcpus", 1, MOST_VCPUS),
      memoryBytes: fields.integer("memoryBytes", PAGE_BYTES, Number.MAX_SAFE_INTEGER),
      kvmFd: fd(fields, "kvmFd"),
      boot: fields.object("boot", readBoot),
      disks: fields.list("disks", MAX_DEVICES, readDisk),
      nics: fields.list("nics", MAX_DEVICES, readNic),
      ...(vsock === undefined ? {} : { vsock }),
      console: fields.object("console", readConsoleSize),
      hasBalloon: fields.boolean("hasBalloon"),
    };
  });
  checkWhole(config);
  return config;
}

/** Columns and rows of a terminal; 0 for a size that nobody knows. */
export function readConsoleSize(fields: Fields): { columns: number; rows: number } {
  return {
    columns: fields.integer("columns", 0, U16_MAX),
    rows: fields.integer("rows", 0, U16_MAX),
  };
}
