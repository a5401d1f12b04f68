/**
 * The machine's network: loopback, what the kernel's command line and the site say, and the link-local address by which a
 * VM's host reaches it. Waits for devices and links by the kernel's events, with a bound, and never by time alone.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import {
  type CardAddresses,
  NETWORK_FILE,
  parseNetwork,
  splitPrefix,
} from "../base/machine-files.ts";
import { type Interface, Interfaces, waitForInterface } from "../kernel/net/interfaces.ts";
import type { CommandLine } from "./command-line.ts";
import { parseIpParameter, type StaticAddress } from "./ip-parameter.ts";
import type { BootStep } from "./steps.ts";

/** For a driver that looks for its cards in the background. */
const DEVICE_TIMEOUT_MS = 3_000;
/** For a cable's ends to agree. A link that comes later works as well; only the warning was early. */
const LINK_TIMEOUT_MS = 3_000;
const MAX_ADDRESSES = 16;
const MAX_NAME_SERVERS = 3;

/** The host of a VM expects its guest there (the original's constants). */
export const GUEST = { device: "eth0", address: "fe80::2", prefixLength: 64 } as const;

export interface NetworkContext {
  readonly commandLine: CommandLine;
}

/** What all `ip=` parameters ask for; one that is wrong is told and left out, since the others may be the way in. */
export function staticAddresses(commandLine: CommandLine): StaticAddress[] {
  const values = commandLine.values("ip");
  if (values.length > MAX_ADDRESSES) {
    throw new RangeError(`${values.length} ip= parameters, more than ${MAX_ADDRESSES}`);
  }
  return values.flatMap((value) => {
    try {
      return parseIpParameter(value) ?? [];
    } catch (error) {
      log.warn("boot goes on without an address", { error: messageOf(error) });
      return [];
    }
  });
}

function bringUpLoopback(): void {
  using interfaces = new Interfaces();
  const loopback = interfaces.list().find(({ isLoopback }) => isLoopback);
  if (loopback === undefined) {
    throw new Error("there is no loopback interface");
  }
  // The kernel gives it 127.0.0.1/8 and ::1/128 by itself as it goes up.
  interfaces.setUp(loopback.index);
}

function matches(wanted: StaticAddress, candidate: Interface): boolean {
  return wanted.device === undefined ? !candidate.isLoopback : candidate.name === wanted.device;
}

/** Brings a device up and waits for its link; without one it is configured all the same. */
function bringUp(interfaces: Interfaces, device: Interface): void {
  const isReady = ({ index, hasCarrier }: Interface) => index === device.index && hasCarrier;
  const ready = waitForInterface(interfaces, isReady, LINK_TIMEOUT_MS, () =>
    interfaces.setUp(device.index),
  );
  if (ready === undefined) {
    log.warn("the network device has no link", { device: device.name });
  }
}

function configure(interfaces: Interfaces, wanted: StaticAddress): void {
  const device = waitForInterface(
    interfaces,
    (candidate) => matches(wanted, candidate),
    DEVICE_TIMEOUT_MS,
  );
  if (device === undefined) {
    throw new Error(`there is no network device ${wanted.device ?? "besides loopback"}`);
  }
  bringUp(interfaces, device);
  interfaces.addAddress(device.index, wanted.address, wanted.prefixLength);
  if (wanted.gateway !== undefined) {
    const onLink = wanted.prefixLength >= (wanted.address.includes(":") ? 128 : 32);
    interfaces.addDefaultRoute({ gateway: wanted.gateway, index: device.index }, { onLink });
  }
}

function configureAll({ commandLine }: NetworkContext): void {
  const wanted = staticAddresses(commandLine);
  using interfaces = new Interfaces();
  for (const address of wanted) {
    configure(interfaces, address);
  }
  const dns = [...new Set(wanted.flatMap((address) => address.dns))].slice(0, MAX_NAME_SERVERS);
  if (dns.length > 0) {
    writeFileSync("/etc/resolv.conf", dns.map((server) => `nameserver ${server}\n`).join(""));
  }
}

/** Of a card that is up. @throws {SyscallError} */
export function giveAddresses(
  interfaces: Interfaces,
  index: number,
  { addresses, gateway }: CardAddresses,
): void {
  for (const { address, prefixLength } of addresses.map(splitPrefix)) {
    interfaces.addAddress(index, address, prefixLength);
  }
  if (gateway !== undefined) {
    interfaces.addDefaultRoute({ gateway, index });
  }
}

/** One card that is wrong, or not there, is told and left out: the others may be the way in. */
function configureCards(): void {
  if (!existsSync(NETWORK_FILE)) {
    return;
  }
  const cards = parseNetwork(readFileSync(NETWORK_FILE, "utf8"));
  using interfaces = new Interfaces();
  // For all of them together: a site for another machine must not hold up this one's boot.
  const until = performance.now() + DEVICE_TIMEOUT_MS;
  for (const wanted of cards) {
    const { mac } = wanted;
    try {
      const isIt = (candidate: Interface) => candidate.mac === mac;
      const card = waitForInterface(interfaces, isIt, Math.max(0, until - performance.now()));
      if (card === undefined) {
        throw new Error("there is no such network device");
      }
      bringUp(interfaces, card);
      giveAddresses(interfaces, card.index, wanted);
    } catch (error) {
      log.warn("boot goes on without addresses of a card", { mac, error: messageOf(error) });
    }
  }
}

function addGuestAddress(): void {
  using interfaces = new Interfaces();
  const device = interfaces.list().find(({ name }) => name === GUEST.device);
  if (device === undefined) {
    throw new Error(`there is no network device ${GUEST.device}`);
  }
  interfaces.setUp(device.index);
  interfaces.addAddress(device.index, GUEST.address, GUEST.prefixLength);
}

function logAddresses(): void {
  using interfaces = new Interfaces();
  const addresses = interfaces.addresses();
  for (const { index, name, isUp, hasCarrier } of interfaces.list()) {
    const own = addresses.filter((address) => address.index === index);
    log.info("network device", {
      name,
      state: isUp ? (hasCarrier ? "up" : "no-link") : "down",
      addresses: own.map(({ address, prefixLength }) => `${address}/${prefixLength}`).join(","),
    });
  }
}

const step = (name: string, run: (context: NetworkContext) => void): BootStep<NetworkContext> => ({
  name,
  onFailure: "warn",
  run: (context) => {
    run(context);
    return undefined;
  },
});

/** None is fatal: a machine without its network can still say so on its console. */
export const NETWORK_STEPS: readonly BootStep<NetworkContext>[] = [
  step("bring the loopback interface up", bringUpLoopback),
  step("configure the addresses of the kernel command line", configureAll),
  step(`configure the cards of ${NETWORK_FILE}`, configureCards),
  step(`give ${GUEST.device} its address for a VM's host`, addGuestAddress),
  step("list the network devices", logAddresses),
];
