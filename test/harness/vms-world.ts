/**
 * Virtual machines on a host in memory, with daemons that can be killed: the one that is killed does nothing more, and the
 * next one finds the same monitors, the same network and what was kept.
 */
import { AuraeError } from "../../src/base/errors.ts";
import { MemoryOutput } from "../../src/domain/executables/memory-outputs.ts";
import type { StoredOutputs } from "../../src/domain/output/stored-outputs.ts";
import { FakeVmHost } from "./fake-monitors.ts";
import { FakeNetworks } from "./fake-networks.ts";
import { MemoryVmState } from "./memory-vm-state.ts";
import type { GuestSite } from "../../src/domain/vms/sites.ts";
import { VmEventLog, type VmEventInit } from "../../src/domain/vms/vm-events.ts";
import { vmId } from "../../src/domain/vms/vm-id.ts";
import type { VmStateStore } from "../../src/domain/vms/vm-record.ts";
import { type AskedVm, DEFAULT_CONSOLE, DEFAULT_MTU } from "../../src/domain/vms/vm-spec.ts";
import type { Vm } from "../../src/domain/vms/vm.ts";
import { Vms } from "../../src/domain/vms/vms.ts";

/** A drive, with all that is left out. */
export const drive = (path: string, isReadOnly = false) =>
  ({ path, isReadOnly, mountPath: "", fsType: "" }) as const;

export const nic = (bridge?: string) =>
  ({ mac: undefined, mtu: DEFAULT_MTU, ...(bridge === undefined ? {} : { bridge }) }) as const;

export function askedVm(id: string, more: Partial<AskedVm> = {}): AskedVm {
  return {
    ...{ id: vmId(id), memoryMb: 128, vcpus: 1, kernelPath: "/vmlinuz", kernelArgs: ["a", "b"] },
    ...{ initrdPaths: ["/initrd"], hasRootDrive: false, drives: [], nics: [nic()] },
    ...{ vsockCid: undefined, balloonMb: 0, console: DEFAULT_CONSOLE, auraedAddress: "" },
    outputMaxBytes: undefined,
    ...more,
  };
}

/** Does nothing once a daemon is dead. */
function mortalState(state: MemoryVmState, life: { readonly isOver: boolean }): VmStateStore {
  return {
    load: () => state.load(),
    save: (record) => (life.isOver ? undefined : state.save(record)),
    remove: (id) => (life.isOver ? undefined : state.remove(id)),
    reserveEvents: (upTo) => state.reserveEvents(upTo),
  };
}

export class VmsWorld {
  /** Keeps output on disk, too, where a test wants to read it as others do. */
  stored: StoredOutputs | undefined;
  readonly host = new FakeVmHost();
  readonly networks = new FakeNetworks();
  readonly state = new MemoryVmState();
  /** The output of each machine, of all its lives, newest last. */
  readonly outputs = new Map<string, MemoryOutput[]>();
  /** Everything that was told, by all daemons. */
  readonly told: VmEventInit[] = [];
  /** What was asked of the sites. */
  readonly sites = new Map<string, GuestSite>();
  /** Which life each guest that runs would be told of. */
  readonly doors = new Map<string, string>();
  vms: Vms;
  #life = { isOver: false };

  constructor() {
    this.vms = this.#newDaemon();
  }

  #newDaemon(): Vms {
    const life = { isOver: false };
    this.#life = life;
    const state = mortalState(this.state, life);
    const events = new VmEventLog({
      last: state.load().lastEvent,
      reserve: (upTo) => state.reserveEvents(upTo),
    });
    const emit = events.emit.bind(events);
    events.emit = (init) => {
      if (!life.isOver) {
        emit(init);
        this.told.push(init);
      }
    };
    return new Vms({
      ...{ state, events, networks: this.networks, hostSeed: "host" },
      vsockPath: (id) => `/run/vms/${id}/vsock.sock`,
      monitors: this.host.monitors(),
      sites: {
        siteFor: (id, site) => {
          this.sites.set(id, site);
          return Uint8Array.of(1);
        },
      },
      doors: {
        open: (id, _monitor, { life }) => {
          this.doors.set(id, life);
          return { [Symbol.dispose]: () => void this.doors.delete(id) };
        },
      },
      outputs: {
        open: (id, maxBytes, isNew) => {
          if (this.stored !== undefined) {
            return this.stored.openVm(id, maxBytes, isNew);
          }
          const output = new MemoryOutput();
          this.outputs.set(id, [...(isNew ? [] : (this.outputs.get(id) ?? [])), output]);
          return output;
        },
      },
    });
  }

  /** Ends the daemon as SIGKILL does, and has another one come. */
  async killDaemon(whileAway: () => unknown = () => undefined): Promise<void> {
    this.#life.isOver = true;
    this.host.killDaemon();
    await whileAway();
    this.vms = this.#newDaemon();
    await this.vms.takeUp(this.state.load());
  }

  allocate(id: string, more: Partial<AskedVm> = {}): Vm {
    return this.vms.allocate(askedVm(id, more));
  }

  async start(id: string, more: Partial<AskedVm> = {}): Promise<Vm> {
    const vm = this.allocate(id, more);
    await vm.start();
    return vm;
  }

  /** What a machine is in now. */
  async stateOf(id: string): Promise<string> {
    return (await this.vms.find(id, "inspected").status()).state;
  }

  /** What there is beside the records of machines: guests and their NICs. */
  get left(): readonly string[] {
    return [...this.host.guests.keys(), ...this.networks.taps.keys()];
  }

  /** What was told of a machine, in order. */
  kinds(id: string): string[] {
    return this.told.filter(({ vm }) => vm === id).map(({ kind }) => kind);
  }
}

/** What work fails with, as its kind and its message. */
export async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === "function" ? work() : work);
    return "no error";
  } catch (error) {
    return error instanceof AuraeError ? `${error.kind}: ${error.message}` : `?: ${String(error)}`;
  }
}
