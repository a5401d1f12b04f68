/**
 * The virtual machines of this host. What is described here is theirs alone: ids, context ids on vsock, MAC addresses, and
 * who uses which drive.
 */
import { AuraeError, badField, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { DriveUse } from "./drive-use.ts";
import type { VmSurroundings } from "./launch-vm.ts";
import { derivedMac } from "./mac.ts";
import { readSnapshot, snapshotFiles, writeSnapshot } from "./snapshot-folder.ts";
import { clearVm, takeUpVm } from "./take-up-vm.ts";
import { type VmAction, cidIsTaken, vmExists, vmFailed, vmNotFound } from "./vm-errors.ts";
import type { VmEventLog } from "./vm-events.ts";
import type { VmId } from "./vm-id.ts";
import { VmPort, type PortName } from "./vm-port.ts";
import type { SavedVms, VmRecord, VmStateStore } from "./vm-record.ts";
import { type AskedNic, type AskedVm, VSOCK_CID_MIN, type VmSpec } from "./vm-spec.ts";
import { Vm, type VmStopAsk } from "./vm.ts";

export interface VmsOptions extends Pick<
  VmSurroundings,
  "monitors" | "networks" | "sites" | "doors" | "outputs"
> {
  readonly state: VmStateStore;
  readonly events: VmEventLog;
  /** What tells this host from others, so that MAC addresses differ. */
  readonly hostSeed: string;
  /** Where the host reaches the vsock of a machine. */
  readonly vsockPath: (id: string) => string;
}

export interface RestoreAsk {
  readonly id: VmId;
  /** The folder of the snapshot. */
  readonly path: string;
  /** In the place of the snapshot's; empty for those. */
  readonly drivePaths: readonly string[];
  readonly nics: readonly AskedNic[];
  readonly vsockCid: number | undefined;
  readonly isPaused: boolean;
}

export class Vms {
  readonly #options: VmsOptions;
  readonly #around: VmSurroundings;
  readonly #byId = new Map<string, Vm>();

  constructor(options: VmsOptions) {
    const { state, events } = options;
    this.#options = options;
    this.#around = {
      ...options,
      drives: new DriveUse(),
      keep: (record) => keepOrLog(state, record),
      forget: (id) => this.#forget(id),
      emit: (event) => events.emit(event),
    };
  }

  /** Every change of their state. */
  get events(): VmEventLog {
    return this.#options.events;
  }

  /** The Unix socket of the host by which the vsock of a machine is reached. */
  vsockPath(id: string): string {
    return this.#options.vsockPath(id);
  }

  /** By id. */
  get all(): readonly Vm[] {
    return [...this.#byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** @throws {AuraeError} not_found */
  find(id: string, action: VmAction): Vm {
    const vm = this.#byId.get(id);
    if (vm === undefined) {
      throw vmNotFound(id, action);
    }
    return vm;
  }

  /** @throws {AuraeError} already_exists, resource_exhausted where it can't be kept */
  allocate(asked: AskedVm): Vm {
    const vm = this.#describe(asked, "allocated");
    try {
      this.#options.state.save(vm.record);
    } catch (cause) {
      this.#byId.delete(vm.id);
      const why = `its state can't be kept: ${messageOf(cause)}`;
      throw vmFailed(vm.id, "allocated", new AuraeError("resource_exhausted", why, { cause }));
    }
    this.events.emit({ kind: "allocated", vm: vm.id });
    return vm;
  }

  #describe(asked: AskedVm, action: VmAction): Vm {
    const { id } = asked;
    if (this.#byId.has(id)) {
      throw vmExists(id, action);
    }
    const spec: VmSpec = {
      ...asked,
      nics: asked.nics.map((nic, index) => ({
        ...nic,
        mac: nic.mac ?? derivedMac(this.#options.hostSeed, id, index),
      })),
      vsockCid: this.#cidFor(id, asked.vsockCid),
    };
    const vm = new Vm(spec, this.#around);
    this.#byId.set(id, vm);
    return vm;
  }

  #cidFor(id: string, asked: number | undefined): number {
    const owners = new Map([...this.#byId.values()].map((vm) => [vm.spec.vsockCid, vm.id]));
    const owner = asked === undefined ? undefined : owners.get(asked);
    if (asked !== undefined && owner !== undefined) {
      throw cidIsTaken(id, asked, owner);
    }
    let cid = asked ?? VSOCK_CID_MIN;
    while (owners.has(cid)) {
      cid += 1;
    }
    return cid;
  }

  /**
   * Makes a machine from a snapshot, which goes on from there.
   * @throws {AuraeError} already_exists, not_found, invalid_argument, failed_precondition, resource_exhausted, internal;
   * nothing is left behind then
   */
  async restore(asked: RestoreAsk): Promise<Vm> {
    if (this.#byId.has(asked.id)) {
      throw vmExists(asked.id, "restored");
    }
    const vm = this.#describe(restoredSpec(asked, readSnapshot(asked.path)), "restored");
    try {
      const starting = vm.start({ ...snapshotFiles(asked.path), isPaused: asked.isPaused });
      this.events.emit({ kind: "allocated", vm: vm.id, detail: `from "${asked.path}"` });
      await starting;
      return vm;
    } catch (error) {
      // Free waits until what was made is undone.
      await vm.free({ graceMs: 0, isForced: true }).catch(() => undefined);
      throw error;
    }
  }

  /** @throws {AuraeError} not_found, failed_precondition, already_exists, resource_exhausted, internal */
  async snapshot(id: string, path: string): Promise<{ readonly writtenBytes: number }> {
    const vm = this.find(id, "snapshotted");
    vm.requireLife("snapshotted");
    const written = await writeSnapshot(path, vm.spec, (files) => vm.snapshot(files)).catch(
      (error: unknown) => {
        if (error instanceof AuraeError && error.resource === id) {
          throw error.kind === "resource_exhausted" ? needsRoom(error, id, path) : error;
        }
        throw vmFailed(id, "snapshotted", error);
      },
    );
    vm.snapshotWritten(path);
    return written;
  }

  /** A way to type into one that runs, and to see what it prints. @throws {AuraeError} not_found, failed_precondition */
  attach(id: string, port: PortName): { readonly vm: Vm; readonly port: VmPort } {
    const vm = this.find(id, "attached to");
    return { vm, port: new VmPort(vm.requireLife("attached to"), port) };
  }

  /** Ends it, if it runs, and forgets it. @throws {AuraeError} not_found, internal */
  async free(id: string, asked: VmStopAsk): Promise<void> {
    await this.find(id, "freed").free(asked);
  }

  /** Frees them all, as a daemon does that ends. What fails is logged, and the rest goes on. */
  async freeAll(graceMs: number): Promise<void> {
    const ends = this.all.map((vm) => vm.free({ graceMs, isForced: false }));
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === "rejected") {
        log.error("could not free at shutdown", { cause: messageOf(end.reason) });
      }
    }
  }

  /**
   * Goes on with what an earlier daemon has left: takes up what runs, finishes what was being freed, and undoes what was
   * being started. What nobody knows any more what it is to be is ended. Never rejects.
   */
  async takeUp(saved: SavedVms): Promise<void> {
    await Promise.all([
      ...saved.lost.map((id) => clearVm(id, this.#around)),
      ...saved.vms.map(async (record) => {
        const vm = await takeUpVm(record, this.#around);
        if (vm !== undefined) {
          this.#byId.set(vm.id, vm);
          vm.keep();
        }
      }),
    ]);
  }

  #forget(id: string): void {
    this.#byId.delete(id);
    try {
      this.#options.state.remove(id);
    } catch (error) {
      couldNotKeep(id, error);
    }
  }
}

/** The machine of a snapshot under another id, with what is asked for in the place of what it had. */
function restoredSpec(asked: RestoreAsk, from: VmSpec): AskedVm {
  const { drivePaths, nics } = asked;
  refuseOtherNumber("drive_paths", drivePaths.length, from.drives.length);
  refuseOtherNumber("nics", nics.length, from.nics.length);
  return {
    ...from,
    id: asked.id,
    drives: from.drives.map((drive, i) => ({ ...drive, path: drivePaths[i] ?? drive.path })),
    nics: nics.length > 0 ? nics : from.nics.map((nic) => ({ ...nic, mac: undefined })),
    vsockCid: asked.vsockCid,
  };
}

function refuseOtherNumber(field: string, given: number, had: number): void {
  if (given > 0 && given !== had) {
    throw badField(field, `the snapshot has ${had}, and not ${given}: name all of them, or none`);
  }
}

/** The monitor knows that no space is left, and not where. */
function needsRoom(error: AuraeError, id: string, path: string): AuraeError {
  const message = `${error.message}; make room for "${path}", or name another place`;
  return new AuraeError(error.kind, message, { resource: id, cause: error });
}

function keepOrLog(state: VmStateStore, record: VmRecord): void {
  try {
    state.save(record);
  } catch (error) {
    couldNotKeep(record.spec.id, error);
  }
}

function couldNotKeep(vm: string, error: unknown): void {
  log.error("could not keep a state for the daemon that comes next", {
    ...{ vm, cause: messageOf(error) },
  });
}
