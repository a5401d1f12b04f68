import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setLogSink } from "../base/log.ts";
import { vmId } from "../domain/vms/vm-id.ts";
import type { VmRecord } from "../domain/vms/vm-record.ts";
import { StateDatabase } from "./state-database.ts";
import { VmStateRows } from "./vm-state-rows.ts";

let directory: string;
let logged: string[];
let unlog: () => void;

const open = (boot = "this boot"): StateDatabase => StateDatabase.open(directory, boot);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "aurae-vm-state-"));
  logged = [];
  unlog = setLogSink((line) => logged.push(line));
});

afterEach(() => {
  unlog();
  rmSync(directory, { recursive: true });
});

/** Every field says something. */
const FULL: VmRecord = {
  spec: {
    ...{ id: vmId("full"), memoryMb: 512, vcpus: 2, kernelPath: "/k", kernelArgs: ["$a", "b"] },
    ...{ initrdPaths: ["/i"], hasRootDrive: true, vsockCid: 3, balloonMb: 1 },
    drives: [{ path: "/d", isReadOnly: true, mountPath: "/m", fsType: "ext4" }],
    nics: [{ bridge: "br0", mac: "02:00:00:00:00:01", mtu: 1500 }],
    ...{ console: { columns: 80, rows: 24 }, auraedAddress: "x:1", outputMaxBytes: 65_536 },
  },
  state: "live",
  nics: [{ tap: "t", ifindex: 7, hostAddress: "fe80::1", auraedAddress: "y:1" }, undefined],
  monitor: { pid: 7, startTime: 8n, stdoutInode: 9n, stderrInode: 10n, uid: 11 },
  startedMs: 12,
  ending: { kind: "crash", message: "why", endedMs: 13 },
};
const PLAIN: VmRecord = {
  spec: {
    ...{ id: vmId("plain"), memoryMb: 1, vcpus: 1, kernelPath: "/k", kernelArgs: [] },
    ...{ initrdPaths: [], hasRootDrive: false, vsockCid: 4, balloonMb: 0, drives: [], nics: [] },
    ...{ console: { columns: 80, rows: 24 }, auraedAddress: "", outputMaxBytes: undefined },
  },
  state: "idle",
  nics: [],
};

describe("VmStateRows", () => {
  test("gives back every field of every record, to the daemon that comes next, too", () => {
    {
      using database = open();
      expect(database.hasVms).toBe(false);
      const rows = new VmStateRows(database);
      expect(rows.load()).toEqual({ vms: [], lost: [], lastEvent: 0n });
      rows.save(PLAIN);
      rows.save({ ...FULL, state: "starting" });
      rows.save(FULL);
      rows.reserveEvents(1_000n);
    }
    using database = open();
    expect(database.hasVms).toBe(true);
    const rows = new VmStateRows(database);
    expect(rows.load()).toEqual({ vms: [FULL, PLAIN], lost: [], lastEvent: 1_000n });
    rows.remove("full");
    rows.remove("none");
    expect(rows.load().vms).toEqual([PLAIN]);
  });

  test("forgets everything of another boot", () => {
    {
      using database = open();
      new VmStateRows(database).save(FULL);
    }
    using database = open("the next boot");
    expect([database.hasVms, new VmStateRows(database).load().lastEvent]).toEqual([false, 0n]);
  });

  test("goes on with a database of a daemon that had no such table", () => {
    open()[Symbol.dispose]();
    const raw = new Database(join(directory, "state.db"));
    raw.run("DROP TABLE vms");
    raw.close(true);
    using database = open();
    new VmStateRows(database).save(PLAIN);
    expect(new VmStateRows(database).load().vms).toEqual([PLAIN]);
  });

  test("moves a record that can't be read to a file, and leaves the others", () => {
    using database = open();
    const rows = new VmStateRows(database);
    rows.save(PLAIN);
    const bad: Record<string, string> = {
      cut: "{",
      empty: "{}",
      other: JSON.stringify({ ...PLAIN }),
      state: JSON.stringify({ ...PLAIN, spec: { ...PLAIN.spec, id: "state" }, state: "new" }),
      path: JSON.stringify({ ...PLAIN, spec: { ...PLAIN.spec, id: "path", kernelPath: "k" } }),
    };
    for (const [id, text] of Object.entries(bad)) {
      database.saveVm(id, text);
    }
    database.setMeta("last_vm_event", "many");
    const { vms, lost, lastEvent } = rows.load();
    expect(vms).toEqual([PLAIN]);
    expect([...lost].sort()).toEqual(Object.keys(bad).sort());
    expect(lastEvent).toBeGreaterThan(1_000_000n);
    expect(rows.load()).toEqual({ vms: [PLAIN], lost: [], lastEvent });
    const [file = ""] = readdirSync(directory).filter((name) => name.includes(".bad-"));
    expect(readFileSync(join(directory, file), "utf8").trimEnd().split("\n")).toHaveLength(6);
    expect(logged.join("\n")).toContain("the record of a vm.state is not one of idle, starting");
  });
});
