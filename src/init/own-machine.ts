/** What a machine that was restored from a snapshot takes up as its own: files, its name, its cards' addresses. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { type GuestFile, isLife, LIFE_FILE } from "../base/host-channel.ts";
import { log } from "../base/log.ts";
import {
  type CardAddresses,
  HOSTNAME_FILE,
  NETWORK_FILE,
  parseNetwork,
} from "../base/machine-files.ts";
import { type Interface, Interfaces } from "../kernel/net/interfaces.ts";
import { Links } from "../kernel/net/links.ts";
import { macBytes } from "../kernel/net/mac-bytes.ts";
import { syscall } from "../kernel/sys/syscall.ts";
import { giveAddresses, GUEST } from "./network-steps.ts";
import { setHostName } from "./system-steps.ts";

/** linux/time.h */
const CLOCK_REALTIME = 0;
const PRIVATE = 0o600;
const PUBLIC = 0o644;

/** Which life of the machine its files are of; undefined where its host has said nothing of that. */
export function knownLife(): string | undefined {
  try {
    const life = readFileSync(LIFE_FILE, "utf8").trim();
    return isLife(life) ? life : undefined;
  } catch {
    return undefined; // ENOENT
  }
}

/** Each is whole at any time. @throws {SystemError} of node:fs */
export function writeFiles(files: readonly GuestFile[]): void {
  for (const { path, text } of files) {
    const part = `${path}.part`;
    writeFileSync(part, text, { mode: path.endsWith(".key") ? PRIVATE : PUBLIC });
    renameSync(part, path);
  }
}

/** @throws {SyscallError} */
export function takeName(files: readonly GuestFile[]): void {
  const name = files.find(({ path }) => path === HOSTNAME_FILE)?.text.trim();
  if (name !== undefined) {
    setHostName(name);
  }
}

/** Sets the clock by the host's, unless it is right by a second. @throws {SyscallError} */
export function takeTime(timeMs: number): void {
  if (Math.abs(Date.now() - timeMs) < 1_000) {
    return;
  }
  const time = BigInt64Array.of(BigInt(Math.floor(timeMs / 1_000)), BigInt((timeMs % 1_000) * 1e6));
  // SAFETY: the kernel reads a struct timespec: seconds and nanoseconds.
  syscall("clock_settime", "CLOCK_REALTIME", CLOCK_REALTIME, time);
}

/**
 * Gives the cards, in their order, the hardware addresses and IP addresses of this machine. Each goes down for that: what
 * was routed and connected by it was another machine's.
 */
export function takeCards(files: readonly GuestFile[]): void {
  const text = files.find(({ path }) => path === NETWORK_FILE)?.text;
  if (text === undefined) {
    return;
  }
  using interfaces = new Interfaces();
  const links = interfaces.list().filter(({ isLoopback }) => !isLoopback);
  for (const [at, card] of parseNetwork(text).entries()) {
    const link = links.find(({ name }) => name === `eth${at}`);
    try {
      if (link === undefined) {
        throw new Error(`there is no network device eth${at}`);
      }
      takeCard(interfaces, link, card);
    } catch (error) {
      log.warn("a restored machine goes on without addresses of a card", {
        ...{ mac: card.mac, error: messageOf(error) },
      });
    }
  }
}

function takeCard(interfaces: Interfaces, link: Interface, card: CardAddresses): void {
  using links = new Links();
  const mac = macBytes(card.mac);
  const old = interfaces.addresses().filter(({ index }) => index === link.index);
  links.change(link.index, { isUp: false });
  links.change(link.index, { mac });
  for (const { address, prefixLength } of old.filter((it) => !it.address.includes(":"))) {
    interfaces.removeAddress(link.index, address, prefixLength);
  }
  interfaces.setUp(link.index);
  if (link.name === GUEST.device) {
    interfaces.addAddress(link.index, GUEST.address, GUEST.prefixLength, { isSure: true });
  }
  giveAddresses(interfaces, link.index, card);
}
