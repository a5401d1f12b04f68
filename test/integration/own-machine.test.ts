/** The cards of a machine that goes on from a snapshot, in a network namespace of the test's own: the kernel's answers. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { NETWORK_FILE, networkText } from "../../src/base/machine-files.ts";
import { takeCards } from "../../src/init/own-machine.ts";
import { Interfaces } from "../../src/kernel/net/interfaces.ts";
import { openTap } from "../../src/kernel/net/tap.ts";
import { missingForTaps, NetworkNamespace } from "../harness/network-namespace.ts";

const missing = missingForTaps();
let stack: DisposableStack;

beforeEach(() => {
  stack = new DisposableStack();
});
afterEach(() => stack.dispose());

/** Of each card but loopback. */
function cards() {
  using interfaces = new Interfaces();
  const addresses = interfaces.addresses();
  return interfaces
    .list()
    .filter(({ isLoopback }) => !isLoopback)
    .map(({ index, name, mac, isUp }) => {
      const own = addresses.filter((it) => it.index === index);
      return { name, mac, isUp, own: own.map((it) => `${it.address}/${it.prefixLength}`).sort() };
    });
}

if (missing !== undefined) {
  test.skip(`cards of a restored machine: needs network namespaces (${missing})`, () => undefined);
} else {
  test("a restored machine's cards take its own addresses, in their order, and nothing of another's", () => {
    stack.use(new NetworkNamespace());
    for (const name of ["eth0", "eth1"]) {
      stack.use(openTap(name));
    }
    using interfaces = new Interfaces();
    const eth0 = interfaces.list().find(({ name }) => name === "eth0")?.index ?? 0;
    interfaces.setUp(eth0);
    interfaces.addAddress(eth0, "fe80::2", 64, { isSure: true });
    interfaces.addAddress(eth0, "192.168.248.1", 31);
    interfaces.addDefaultRoute({ gateway: "192.168.248.0", index: eth0 });
    const own = [
      { mac: "02:00:00:00:00:0a", addresses: ["192.168.248.9/31"], gateway: "192.168.248.8" },
      { mac: "02:00:00:00:00:0b", addresses: [] },
      { mac: "02:00:00:00:00:0c", addresses: [] }, // there is no such card, and the others are none the worse
    ];
    takeCards([{ path: NETWORK_FILE, text: networkText(own) }]);
    const [first, second] = cards();
    expect(first).toMatchObject({ name: "eth0", mac: "02:00:00:00:00:0a", isUp: true });
    expect(first?.own).toContain("fe80::2/64");
    expect(first?.own.filter((it) => it.includes("."))).toEqual(["192.168.248.9/31"]);
    expect(second).toMatchObject({ name: "eth1", mac: "02:00:00:00:00:0b", isUp: true });
    expect(interfaces.defaultRoutes()).toEqual([{ gateway: "192.168.248.8", index: eth0 }]);
    takeCards([]);
    expect(cards()[0]).toEqual(first!);
  });
}
