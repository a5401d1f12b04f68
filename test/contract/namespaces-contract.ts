/** What every implementation of `Namespaces` must do, for the kernel's and the one in memory alike. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SIGKILL } from "../../src/kernel/abi/signal.ts";
import type { CellNamespaces, NamespaceRequest } from "../../src/kernel/namespace/namespaces.ts";
import type { ProcessesFixture } from "./processes-fixture.ts";

export function namespacesContract(
  name: string,
  createFixture: () => ProcessesFixture | Promise<ProcessesFixture>,
): void {
  describe(`${name}: Namespaces`, () => {
    let fixture: ProcessesFixture;

    beforeEach(async () => {
      fixture = await createFixture();
    });

    afterEach(() => fixture[Symbol.asyncDispose]());

    function create(request: Partial<NamespaceRequest> = {}): CellNamespaces {
      const { cgroups, namespaces } = fixture.kernel;
      using cgroup = cgroups.open(`${fixture.base}/init`);
      const made = namespaces.create({
        process: true,
        network: false,
        hostname: "leaf",
        cgroup,
        ...request,
      });
      made.settle();
      return made;
    }

    test("create starts a first process in the group", () => {
      const { cgroups } = fixture.kernel;
      const it = create();
      expect(it.startTime).toBeGreaterThan(0n);
      expect(cgroups.processes(`${fixture.base}/init`)).toEqual([it.pid]);
    });

    test("hasProcessIds holds where they are unshared, and below", () => {
      const network = create({ process: false, network: true });
      const outer = create();
      const inner = create({ process: false, network: true, parent: outer });
      const innermost = create({ parent: inner });
      expect([network, outer, inner, innermost].map(({ hasProcessIds }) => hasProcessIds)).toEqual([
        false,
        true,
        true,
        true,
      ]);
    });

    test("a process in them has an id of theirs, after the first one's", () => {
      const namespaces = create();
      const it = fixture.start({ namespaces });
      expect(it.namespacePid).toBe(2);
      expect(it.pid).not.toBe(2);
    });

    test("end ends all that is in a process id namespace, and in those within", async () => {
      const outer = create();
      const inner = create({ process: false, network: true, parent: outer });
      const innermost = create({ parent: inner });
      const all = [outer, inner, innermost].map((namespaces) => fixture.start({ namespaces }));
      outer.end();
      outer.end();
      for (const it of all) {
        expect((await it.exited).status).toEqual({ kind: "signaled", signal: SIGKILL });
      }
      await Promise.all([outer.ended, inner.ended, innermost.ended]);
      expect(fixture.kernel.cgroups.processes(`${fixture.base}/init`)).toEqual([]);
      outer.end();
    });

    test("end of a network namespace's first process leaves the others be", async () => {
      const namespaces = create({ process: false, network: true });
      const it = fixture.start({ namespaces });
      namespaces.end();
      await namespaces.ended;
      await fixture.exit(it, 4);
      expect((await it.exited).status).toEqual({ kind: "exited", code: 4 });
    });

    test("ended comes when somebody else kills the first process", async () => {
      const it = create();
      fixture.kernel.cgroups.kill(`${fixture.base}/init`);
      await it.ended;
    });

    test("adopt answers undefined for another start time and for what has ended", async () => {
      const { namespaces } = fixture.kernel;
      const it = create();
      const { pid, startTime } = it;
      expect(namespaces.adopt({ pid, startTime: startTime + 1n })).toBeUndefined();
      it.end();
      await it.ended;
      expect(namespaces.adopt({ pid, startTime })).toBeUndefined();
    });
  });
}
