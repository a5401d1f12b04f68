/** What every implementation of `Cgroups` must do, for the kernel's and the one in memory alike. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Cgroups, isTreeRemoved, removeTree } from "../../src/kernel/cgroup/cgroups.ts";

export interface CgroupsFixture {
  readonly cgroups: Cgroups;
  /** A group that the suite may do with as it likes. */
  readonly base: string;
  /** Puts a process that runs until it is killed into a group. */
  readonly occupy: (path: string) => number;
  /** Ends a process of `occupy`, and reaps it. */
  readonly end: (pid: number) => void;
}

export function cgroupsContract(name: string, createFixture: () => CgroupsFixture): void {
  describe(`${name}: Cgroups`, () => {
    let fixture: CgroupsFixture;

    beforeEach(() => {
      fixture = createFixture();
      fixture.cgroups.create(fixture.base);
    });

    afterEach(async () => {
      fixture.cgroups.kill(fixture.base);
      await fixture.cgroups.emptied(fixture.base);
      removeTree(fixture.cgroups, fixture.base);
    });

    test("create makes a group that exists and is listed by its parent", () => {
      const { cgroups, base } = fixture;
      cgroups.create(`${base}/a`);
      expect(cgroups.exists(`${base}/a`)).toBe(true);
      expect(cgroups.children(base)).toEqual(["a"]);
    });

    test("create answers EEXIST for a group that is there", () => {
      const { cgroups, base } = fixture;
      expect(() => cgroups.create(base)).toThrow(/^mkdir ".*": EEXIST$/);
    });

    test("create answers ENOENT where the parent is missing", () => {
      const { cgroups, base } = fixture;
      expect(() => cgroups.create(`${base}/a/b`)).toThrow(/^mkdir ".*": ENOENT$/);
    });

    test("write answers ENOENT naming file and value for a file of a controller that is not there", () => {
      const { cgroups, base } = fixture;
      expect(() => cgroups.write(base, { file: "rdma.max", value: "1" })).toThrow(
        /^write ".*\/rdma\.max" = "1": ENOENT$/,
      );
    });

    test("delegate answers only with controllers that the group has", () => {
      const { cgroups, base } = fixture;
      const delegated = cgroups.delegate(base, ["cpu", "memory", "io"]);
      for (const controller of delegated) {
        expect(cgroups.controllers().has(controller)).toBe(true);
      }
    });

    test("delegateOnce does what delegate does, the first time", () => {
      const { cgroups, base } = fixture;
      cgroups.create(`${base}/a`);
      cgroups.delegateOnce(base, cgroups.controllers());
      const delegated = cgroups.delegate(base, []);
      expect(cgroups.delegate(base, cgroups.controllers())).toEqual(delegated);
      // One that is made anew has handed down nothing.
      removeTree(cgroups, base);
      cgroups.create(base);
      cgroups.delegateOnce(base, cgroups.controllers());
      expect(cgroups.delegate(base, [])).toEqual(delegated);
    });

    test("processes lists who is directly in the group, and nobody for one that is gone", () => {
      const { cgroups, base, occupy } = fixture;
      cgroups.create(`${base}/a`);
      const pid = occupy(`${base}/a`);
      expect(cgroups.processes(`${base}/a`)).toEqual([pid]);
      expect(cgroups.processes(base)).toEqual([]);
      expect(cgroups.processes(`${base}/gone`)).toEqual([]);
    });

    test("remove answers EBUSY for a group with a process", () => {
      const { cgroups, base, occupy } = fixture;
      cgroups.create(`${base}/a`);
      occupy(`${base}/a`);
      expect(() => cgroups.remove(`${base}/a`)).toThrow(/EBUSY/);
    });

    test("remove answers EBUSY for a group with a child", () => {
      const { cgroups, base } = fixture;
      cgroups.create(`${base}/a`);
      expect(() => cgroups.remove(base)).toThrow(/EBUSY/);
    });

    test("emptied resolves at once for a group without processes and for one that is gone", async () => {
      const { cgroups, base } = fixture;
      await cgroups.emptied(base);
      await cgroups.emptied(`${base}/gone`);
    });

    test("emptied resolves when the last process below has ended", async () => {
      const { cgroups, base, occupy, end } = fixture;
      cgroups.create(`${base}/a`);
      const first = occupy(`${base}/a`);
      const second = occupy(`${base}/a`);
      let empty = false;
      const emptied = cgroups.emptied(base).then(() => {
        empty = true;
      });
      end(first);
      await Promise.resolve();
      expect(empty).toBe(false);
      end(second);
      await emptied;
      expect(cgroups.processes(`${base}/a`)).toEqual([]);
    });

    test("emptied rejects with the signal's reason", async () => {
      const { cgroups, base, occupy } = fixture;
      cgroups.create(`${base}/a`);
      occupy(`${base}/a`);
      const reason = new Error("enough");
      const abort = new AbortController();
      const emptied = cgroups.emptied(base, abort.signal);
      abort.abort(reason);
      expect(emptied).rejects.toBe(reason);
      expect(cgroups.emptied(base, abort.signal)).rejects.toBe(reason);
    });

    test("kill ends every process in the group and below", async () => {
      const { cgroups, base, occupy } = fixture;
      cgroups.create(`${base}/a`);
      cgroups.create(`${base}/a/b`);
      occupy(`${base}/a/b`);
      occupy(`${base}/a/b`);
      cgroups.kill(`${base}/a`);
      await cgroups.emptied(`${base}/a`);
    });

    test("cgroup.freeze stands still with all below, until it is written again", async () => {
      const { cgroups, base, occupy } = fixture;
      cgroups.create(`${base}/a`);
      occupy(`${base}/a`);
      expect(cgroups.isFrozen(base)).toBe(false);
      cgroups.write(base, { file: "cgroup.freeze", value: "1" });
      await cgroups.frozen(base, true);
      expect([cgroups.isFrozen(base), cgroups.isFrozen(`${base}/a`)]).toEqual([true, true]);
      expect(cgroups.read(base, "cgroup.freeze")).toBe("1\n");
      cgroups.write(base, { file: "cgroup.freeze", value: "0" });
      await cgroups.frozen(base, false);
      expect([cgroups.isFrozen(base), cgroups.isFrozen(`${base}/a`)]).toEqual([false, false]);
    });

    test("frozen rejects with the signal's reason, and ENOENT for a group that is gone", async () => {
      const { cgroups, base } = fixture;
      const reason = new Error("enough");
      const abort = new AbortController();
      const frozen = cgroups.frozen(base, true, abort.signal);
      abort.abort(reason);
      expect(frozen).rejects.toBe(reason);
      expect(cgroups.frozen(`${base}/gone`, true)).rejects.toThrow("ENOENT");
      expect(() => cgroups.isFrozen(`${base}/gone`)).toThrow("ENOENT");
    });

    test("kill ends processes that are frozen", async () => {
      const { cgroups, base, occupy } = fixture;
      occupy(base);
      cgroups.write(base, { file: "cgroup.freeze", value: "1" });
      await cgroups.frozen(base, true);
      cgroups.kill(base);
      await cgroups.emptied(base);
    });

    test("read tells in cgroup.events whether there are processes below", () => {
      const { cgroups, base, occupy } = fixture;
      cgroups.create(`${base}/a`);
      const events = () => cgroups.read(base, "cgroup.events");
      expect(events()).toBe("populated 0\nfrozen 0\n");
      occupy(`${base}/a`);
      expect(events()).toBe("populated 1\nfrozen 0\n");
    });

    test("files lists the files of the group and of the controllers that it has", () => {
      const { cgroups, base } = fixture;
      cgroups.create(`${base}/a`);
      expect(cgroups.files(base)).toContain("cgroup.events");
      expect(cgroups.files(base)).not.toContain("a");
      expect(cgroups.files(base)).not.toContain("rdma.max");
      expect(() => cgroups.files(`${base}/gone`)).toThrow("ENOENT");
    });

    test("blockDevice takes a number as it is, and refuses what is no block device by name", () => {
      const { cgroups } = fixture;
      expect(cgroups.blockDevice("254:0")).toBe("254:0");
      expect(() => cgroups.blockDevice("/dev/null")).toThrow('"/dev/null": ENOTBLK');
    });

    test("removeTree removes all below, and nothing is an error that is gone", () => {
      const { cgroups, base } = fixture;
      cgroups.create(`${base}/a`);
      cgroups.create(`${base}/a/b`);
      removeTree(cgroups, `${base}/a`);
      removeTree(cgroups, `${base}/a`);
      expect(cgroups.children(base)).toEqual([]);
    });

    test("isTreeRemoved says no where a process is below, and isEmpty when there is none any more", async () => {
      const { cgroups, base, occupy } = fixture;
      cgroups.create(`${base}/a`);
      cgroups.create(`${base}/a/b`);
      occupy(`${base}/a/b`);
      expect([cgroups.isEmpty(`${base}/a`), isTreeRemoved(cgroups, `${base}/a`)]).toEqual([
        false,
        false,
      ]);
      cgroups.kill(`${base}/a`);
      await cgroups.emptied(`${base}/a`);
      expect([cgroups.isEmpty(`${base}/a`), isTreeRemoved(cgroups, `${base}/a`)]).toEqual([
        true,
        true,
      ]);
      expect([cgroups.isEmpty(`${base}/a`), isTreeRemoved(cgroups, `${base}/a`)]).toEqual([
        true,
        true,
      ]);
    });
  });
}
