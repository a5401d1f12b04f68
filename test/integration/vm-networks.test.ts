/** NICs of virtual machines on the host, in a network namespace of each test's own: the kernel's own answers. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { messageOf } from "../../src/base/errors.ts";
import { type Interface, Interfaces } from "../../src/kernel/net/interfaces.ts";
import { Links } from "../../src/kernel/net/links.ts";
import { ipBytes } from "../../src/kernel/net/ip-address.ts";
import { openTap, type Tap } from "../../src/kernel/net/tap.ts";
import { KernelVmNetworks, type Nic } from "../../src/kernel/net/vm-networks.ts";
import { syscallRaw } from "../../src/kernel/sys/syscall.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForTaps, NetworkNamespace } from "../harness/network-namespace.ts";

const MAC = "02:00:00:00:00:07";
const NIC = { mac: MAC, mtu: 1500 };

function list(): Interface[] {
  using interfaces = new Interfaces();
  return interfaces.list();
}

const find = (name: string) => list().find((it) => it.name === name);

function addressesOf(index: number): string[] {
  using interfaces = new Interfaces();
  const own = interfaces.addresses().filter((it) => it.index === index);
  return own.map(({ address, prefixLength }) => `${address}/${prefixLength}`).toSorted();
}

function setting(family: string, device: string, name: string): string {
  return readFileSync(`/proc/sys/net/${family}/conf/${device}/${name}`, "utf8").trim();
}

const inNetworkOrder = (address: string) => Buffer.from(ipBytes(address));

/** The frames that have come out of a TAP device. */
function framesOf(tap: Tap): Buffer[] {
  const frames: Buffer[] = [];
  for (;;) {
    const frame = Buffer.alloc(2048);
    const length = syscallRaw("read", tap.fd, frame, frame.length);
    if (length <= 0) {
      return frames;
    }
    frames.push(frame.subarray(0, length));
  }
}

/** A bridge of an administrator's. */
function makeBridge(name: string, mtu = 1500): Interface {
  using links = new Links();
  links.createBridge(name);
  const made = find(name)!;
  links.change(made.index, { isUp: true, mtu });
  return made;
}

/** All that can be told of the namespace's devices, but for those of ours. */
const others = () => list().filter(({ alias }) => !alias.startsWith("auraed:"));

const missing = missingForTaps();

if (missing === undefined) {
  tests();
} else {
  test.skip(`NICs of virtual machines: needs namespaces and /dev/net/tun (${missing})`, () =>
    undefined);
}

function tests(): void {
  const networks = new KernelVmNetworks("/var/lib/aurae");
  let namespace: NetworkNamespace;
  beforeEach(() => {
    namespace = new NetworkNamespace();
  });
  afterEach(() => namespace[Symbol.dispose]());

  test("create makes a TAP device on its own, with the contract's name and addresses", async () => {
    const nic = await networks.create("machine", 0, { mac: MAC, mtu: 9000 });
    expect(nic.tap).toMatch(/^auraed-[a-z0-9]{6}$/);
    const tap = find(nic.tap)!;
    expect(nic).toEqual({
      tap: nic.tap,
      ifindex: tap.index,
      hostAddress: "fe80::1",
      ipv4: { host: "192.168.248.0", guest: "192.168.248.1", prefixLength: 31 },
    });
    expect(tap).toMatchObject({ isUp: true, kind: "tun", master: 0, mtu: 9000 });
    expect(addressesOf(tap.index)).toEqual(["192.168.248.0/31", "fe80::1/64"]);
    for (const name of ["accept_ra", "accept_redirects", "autoconf", "disable_ipv6"]) {
      expect([name, setting("ipv6", nic.tap, name)]).toEqual([name, "0"]);
    }
    expect(setting("ipv4", nic.tap, "accept_redirects")).toBe("0");
  });

  test("a packet for fe80::2 by the NIC's index comes out of its TAP device", async () => {
    const nic = await networks.create("machine", 0, NIC);
    using tap = openTap(nic.tap);
    const socket = createSocket("udp6");
    try {
      // A neighbour solicitation (RFC 4861) for fe80::2, from fe80::1.
      const question = await eventually("a question for the guest's address", () => {
        socket.send("hello", 8080, `fe80::2%${nic.ifindex}`, () => undefined);
        return framesOf(tap).find((frame) => frame.includes(inNetworkOrder("fe80::2")));
      });
      expect(question.includes(inNetworkOrder("fe80::1"))).toBeTrue();
    } finally {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    }
  });

  test("a NIC too small for IPv6 has IPv4 alone", async () => {
    const nic = await networks.create("machine", 0, { mac: MAC, mtu: 576 });
    expect(nic.hostAddress).toBe("");
    expect(addressesOf(nic.ifindex)).toEqual(["192.168.248.0/31"]);
  });

  test("NICs have names and IPv4 addresses of their own, which remove gives back", async () => {
    const before = others();
    const nics: Nic[] = [];
    for (const [id, index] of [
      ["a", 0],
      ["a", 1],
      ["b", 0],
    ] as const) {
      nics.push(await networks.create(id, index, NIC));
    }
    expect(new Set(nics.map(({ tap }) => tap)).size).toBe(3);
    expect(nics.map(({ ipv4 }) => ipv4?.host)).toEqual(
      ["192.168.248.0", "192.168.248.2", "192.168.248.4"], // prettier-ignore
    );
    await networks.remove("a", 1);
    expect(find(nics[1]!.tap)).toBeUndefined();
    expect((await networks.create("c", 0, NIC)).ipv4?.host).toBe("192.168.248.2");
    for (const id of ["a", "b", "c"]) {
      await networks.remove(id, 0);
      await networks.remove(id, 0);
    }
    expect(list()).toEqual(before);
  });

  test("addresses that the host has or routes elsewhere are left out", async () => {
    using interfaces = new Interfaces();
    makeBridge("lan");
    interfaces.addAddress(find("lan")!.index, "192.168.248.77", 24);
    expect((await networks.create("machine", 0, NIC)).ipv4?.host).toBe("192.168.249.0");
    interfaces.addAddress(find("lan")!.index, "192.168.249.1", 16);
    const error = await networks.create("other", 0, NIC).catch((reason: unknown) => reason);
    expect(messageOf(error)).toContain("192.168.248.0/21, are all in use");
    expect(list().filter(({ kind }) => kind === "tun")).toHaveLength(1);
  });

  test("a NIC on a bridge is its port, and leaves the bridge as it was", async () => {
    makeBridge("lan");
    using _port = openTap("theirs");
    {
      using links = new Links();
      const mac = Uint8Array.of(0xfc, 0, 0, 0, 0, 1);
      links.change(find("theirs")!.index, { master: find("lan")!.index, mac, isUp: true });
    }
    const before = others();
    const bridge = find("lan")!;
    const nic = await networks.create("machine", 0, { ...NIC, bridge: "lan" });
    expect(others()).toEqual(before);
    expect(nic).toMatchObject({
      ifindex: bridge.index,
      auraedAddress: `[fe80::ff:fe00:7%${bridge.index}]:8080`,
    });
    expect(nic.ipv4).toBeUndefined();
    expect(find(nic.tap)).toMatchObject({ master: bridge.index, isUp: true });
    expect(addressesOf(find(nic.tap)!.index)).toEqual([]);
    await networks.remove("machine", 0);
    expect(others()).toEqual(before);
  });

  test("a bridge of ours is made by its first NIC, and removed after its last", async () => {
    const before = list();
    const first = await networks.create("a", 0, { ...NIC, bridge: "aurae-lab" });
    const second = await networks.create("b", 0, { ...NIC, bridge: "aurae-lab" });
    const bridge = find("aurae-lab")!;
    expect([first.ifindex, second.ifindex]).toEqual([bridge.index, bridge.index]);
    expect(first.hostAddress).toBe("fe80::1");
    expect(bridge).toMatchObject({ kind: "bridge", isUp: true });
    expect(addressesOf(bridge.index)).toEqual(["fe80::1/64"]);
    expect(setting("ipv6", "aurae-lab", "accept_ra")).toBe("0");
    await networks.remove("a", 0);
    expect(find("aurae-lab")).toBeDefined();
    await networks.remove("b", 0);
    expect(list()).toEqual(before);
  });

  test("a bridge that somebody else made is never removed, whatever its name", async () => {
    makeBridge("aurae-theirs");
    await networks.create("a", 0, { ...NIC, bridge: "aurae-theirs" });
    await networks.remove("a", 0);
    expect(find("aurae-theirs")).toBeDefined();
  });

  test.each([
    ["nobody", 'there is no bridge "nobody"; make it with "ip link add nobody type bridge"'],
    ["lo", '"lo" is no bridge'],
    ["auraed-probe", '"auraed-probe" is no bridge but a device of kind "tun"'],
    ["wide", 'bridge "wide" has an MTU of 9000, and the NIC one of 1500'],
    ["a name/with more", "can't be a bridge"],
    ["sixteen-letters!", "can't be a bridge"],
  ])("create refuses the bridge %s and leaves nothing", async (name, fault) => {
    using _probe = openTap("auraed-probe");
    makeBridge("wide", 9000);
    const before = list();
    const error = await networks
      .create("machine", 0, { ...NIC, bridge: name })
      .catch((reason: unknown) => reason);
    expect(messageOf(error)).toContain(fault);
    expect(list()).toEqual(before);
  });

  test.each([
    [{ mac: "02:00", mtu: 1500 }, "is no hardware address"],
    [{ mac: MAC, mtu: 20 }, "EINVAL"],
    [{ mac: "03:00:00:00:00:07", mtu: 1_000_000 }, "EINVAL"],
  ])("create that fails half-way, %j, leaves nothing", async (nic, fault) => {
    const before = list();
    for (const bridge of [undefined, "aurae-lab"]) {
      const asked = bridge === undefined ? nic : { ...nic, bridge };
      const error = await networks.create("machine", 0, asked).catch((reason: unknown) => reason);
      expect(messageOf(error)).toContain(fault);
      expect(list()).toEqual(before);
    }
  });

  test("adopt knows what is there still, and nothing else", async () => {
    const alone = await networks.create("machine", 0, NIC);
    const port = await networks.create("machine", 1, { ...NIC, bridge: "aurae-lab" });
    const successor = new KernelVmNetworks("/var/lib/aurae");
    expect(await successor.adopt("machine", 0, alone)).toBeTrue();
    expect(await successor.adopt("machine", 1, port)).toBeTrue();
    expect(await successor.adopt("machine", 1, alone)).toBeFalse();
    expect(await successor.adopt("another", 0, alone)).toBeFalse();
    expect(await new KernelVmNetworks("/elsewhere").adopt("machine", 0, alone)).toBeFalse();
    using links = new Links();
    links.change(find(port.tap)!.index, { master: 0 });
    expect(await successor.adopt("machine", 1, port)).toBeFalse();
    await networks.remove("machine", 0);
    expect(await successor.adopt("machine", 0, alone)).toBeFalse();
  });

  test("remove finds what it was not told of, and leaves another daemon's", async () => {
    const ours = await networks.create("machine", 0, NIC);
    const theirs = await new KernelVmNetworks("/elsewhere").create("machine", 0, NIC);
    await new KernelVmNetworks("/var/lib/aurae").remove("machine", 0);
    expect(find(ours.tap)).toBeUndefined();
    expect(find(theirs.tap)).toBeDefined();
  });

  test("create takes the place of what a daemon that was killed had made", async () => {
    const first = await networks.create("machine", 0, NIC);
    const second = await networks.create("machine", 0, NIC);
    expect(find(first.tap)).toBeUndefined();
    expect(find(second.tap)).toBeDefined();
  });

  test("a NIC stays when nobody holds its descriptor, and is removed while somebody does", async () => {
    const nic = await networks.create("machine", 0, NIC);
    {
      using _tap = openTap(nic.tap);
      expect(find(nic.tap)?.hasCarrier).toBeTrue();
    }
    expect(find(nic.tap)).toMatchObject({ hasCarrier: false, isUp: true });
    using _held = openTap(nic.tap);
    await networks.remove("machine", 0);
    expect(find(nic.tap)).toBeUndefined();
  });
}
