import { describe, expect, test } from "bun:test";
import { AuraeError } from "./errors.ts";
import {
  type DriveMount,
  mountsText,
  networkText,
  parseDriveMount,
  parseMounts,
  parseNetwork,
  splitPrefix,
} from "./machine-files.ts";

const DATA: DriveMount = { device: "/dev/vdb", path: "/data", fsType: "ext4", readOnly: true };

const faultsOf = (mounts: unknown) =>
  parseMounts(JSON.stringify({ mounts })).map((entry) =>
    entry instanceof AuraeError ? entry.message : entry.path,
  );

describe("parseMounts", () => {
  test("reads what mountsText writes", () => {
    const bare = { device: "/dev/disk/by-id/x_1", path: "/mnt/a b/ü", readOnly: false };
    expect(parseMounts(mountsText([DATA, bare]))).toEqual([DATA, bare]);
    expect(parseMounts(mountsText([]))).toEqual([]);
  });

  test("keeps the right ones beside one that is wrong, and names that", () => {
    expect(
      faultsOf([DATA, { device: "vdc", path: "/c" }, { device: "/dev/vdd", path: "/d" }]),
    ).toEqual(["/data", 'mounts[1].device: "vdc" is not of the right form', "/d"]);
  });

  test("refuses a second drive at the same place", () => {
    expect(faultsOf([DATA, { device: "/dev/vdc", path: "/data" }])[1]).toBe(
      'mounts[1].path: another drive is at "/data"',
    );
  });

  test.each([
    "",
    "{",
    "[]",
    "null",
    "1",
    '{"mounts": {}}',
    '{"mount": []}',
    '{"mounts": [], "x": 1}',
    "{}",
  ])("refuses the file %j", (text) => expect(() => parseMounts(text)).toThrow(AuraeError));

  test("refuses more than its bounds", () => {
    const many = Array.from({ length: 65 }, (_, at) => ({ device: "/dev/vdb", path: `/p${at}` }));
    expect(faultsOf(many.slice(1))).toHaveLength(64);
    expect(() => faultsOf(many)).toThrow("mounts: has 65, 64 at most");
    expect(() => parseMounts(" ".repeat(70_000))).toThrow("has more than 65536 characters");
  });
});

describe("parseDriveMount", () => {
  test.each([
    [{ ...DATA, path: "data" }, "is no absolute path"],
    [{ ...DATA, path: "/" }, "is not a clean path"],
    [{ ...DATA, path: "/data/" }, "is not a clean path"],
    [{ ...DATA, path: "/data//x" }, "is not a clean path"],
    [{ ...DATA, path: "/data/../etc" }, "is not a clean path"],
    [{ ...DATA, path: "/a\0b" }, "is no absolute path"],
    [{ ...DATA, path: `/${"x".repeat(4095)}` }, "more than 4095 bytes"],
    [{ ...DATA, path: "/proc" }, "is where the system itself is"],
    [{ ...DATA, path: "/etc/aurae/pki" }, "is where the system itself is"],
    [{ ...DATA, path: 7 }, "7 is no absolute path"],
    [{ device: "/dev/vdb" }, "nothing is no absolute path"],
    [{ ...DATA, device: "/dev/../etc/shadow" }, "is not of the right form"],
    [{ ...DATA, device: "/dev/" }, "is not of the right form"],
    [{ ...DATA, device: "/etc/passwd" }, "is not of the right form"],
    [{ ...DATA, device: undefined }, "nothing is not of the right form"],
    [{ ...DATA, fsType: "" }, '"" is not of the right form'],
    [{ ...DATA, fsType: "ext4,bind" }, "is not of the right form"],
    [{ ...DATA, readOnly: "yes" }, "readOnly: want true or false"],
    [{ ...DATA, readonly: true }, '"readonly" means nothing here'],
    [[DATA], "want an object"],
    [null, "want an object"],
  ])("refuses %j", (value, fault) => {
    expect(() => parseDriveMount(value, "drive")).toThrow(fault);
  });

  test("takes places that only look like the system's", () => {
    for (const path of [
      "/etcetera",
      "/devices",
      "/srv/proc",
      "/var/lib/aurae",
      "/tmp/x",
      "/root",
    ]) {
      expect(parseDriveMount({ ...DATA, path }, "drive").path).toBe(path);
    }
  });
});

describe("parseNetwork", () => {
  test("reads what networkText writes", () => {
    const cards = [
      {
        mac: "02:00:00:00:00:07",
        addresses: ["192.168.248.1/31", "fd00::2/64"],
        gateway: "192.168.248.0",
      },
      { mac: "02:00:00:00:00:08", addresses: [] },
    ];
    expect(parseNetwork(networkText(cards))).toEqual(cards);
  });

  test.each([
    [{ mac: "02:00", addresses: [] }, "cards[0].mac"],
    [{ mac: "02:00:00:00:00:07" }, "cards[0].addresses: want a list"],
    [{ mac: "02:00:00:00:00:07", addresses: ["10.0.0.1"] }, "cards[0].addresses[0]"],
    [{ mac: "02:00:00:00:00:07", addresses: ["10.0.0.1/24 x"] }, "cards[0].addresses[0]"],
    [{ mac: "02:00:00:00:00:07", addresses: [], gateway: "a" }, "cards[0].gateway"],
    [{ mac: "02:00:00:00:00:07", addresses: [], name: "eth0" }, '"name" means nothing here'],
  ])("refuses the card %j", (card, fault) => {
    expect(() => parseNetwork(JSON.stringify({ cards: [card] }))).toThrow(fault);
  });
});

test("splitPrefix takes an address and its prefix apart", () => {
  expect(splitPrefix("192.168.248.1/31")).toEqual({ address: "192.168.248.1", prefixLength: 31 });
  expect(splitPrefix("fd00::2/64")).toEqual({ address: "fd00::2", prefixLength: 64 });
});
