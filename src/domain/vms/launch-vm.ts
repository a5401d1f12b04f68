/**
 * Makes a life of a virtual machine: its network, its site, its monitor, and then it runs. What was made is undone where a
 * later step fails; what is about to be made is kept before, so that the daemon that comes next can undo it as well.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { ExecutableOutput } from "../executables/outputs.ts";
import type { DriveUse } from "./drive-use.ts";
import type { GuestDoors } from "./guest-doors.ts";
import type { Monitor, Monitors } from "./monitors.ts";
import { guestSite, monitorSpec, type SnapshotFiles } from "./monitor-spec.ts";
import type { VmNetworks, VmNic } from "./networks.ts";
import type { VmSites } from "./sites.ts";
import type { VmEventInit } from "./vm-events.ts";
import { VmLife } from "./vm-life.ts";
import type { VmRecord } from "./vm-record.ts";
import { MIB, type VmSpec } from "./vm-spec.ts";

/** Where the output of machines is kept. */
export interface VmOutputs {
  /**
   * @param maxBytes of each port; undefined for the default
   * @param anew whether what earlier machines of the id have left there goes
   * @returns the console as its standard output, the serial port as its standard error
   */
  open(id: string, maxBytes: number | undefined, anew: boolean): ExecutableOutput;
}

/** What a machine has of its surroundings. */
export interface VmSurroundings {
  readonly monitors: Monitors;
  readonly networks: VmNetworks;
  readonly sites: VmSites;
  readonly doors: GuestDoors;
  readonly outputs: VmOutputs;
  readonly drives: DriveUse;
  readonly keep: (record: VmRecord) => void;
  readonly forget: (id: string) => void;
  readonly emit: (event: VmEventInit) => void;
}

export interface LaunchOptions {
  readonly restore: (SnapshotFiles & { readonly isPaused: boolean }) | undefined;
  /** Whether it was never started before. */
  readonly isFirst: boolean;
  /** Keeps what there is by now, or may be in a moment. */
  readonly keep: (made: Pick<VmRecord, "nics" | "monitor" | "life">) => void;
}

interface LaunchedVm {
  readonly life: VmLife;
  readonly nics: readonly VmNic[];
}

/** @throws {AuraeError} failed_precondition, resource_exhausted, internal; nothing is left behind then */
export async function launchVm(
  spec: VmSpec,
  around: VmSurroundings,
  { restore, isFirst, keep }: LaunchOptions,
): Promise<LaunchedVm> {
  const { monitors, networks, outputs, sites } = around;
  if (monitors.problem !== undefined) {
    throw new AuraeError("failed_precondition", monitors.problem);
  }
  const nics: VmNic[] = [];
  const lifeId = crypto.randomUUID().replaceAll("-", "");
  let life: VmLife | undefined;
  try {
    for (const [index, nic] of spec.nics.entries()) {
      keep({ nics: [...nics, undefined] });
      nics.push(await networks.create(spec.id, index, nic));
    }
    keep({ nics });
    const takesSite = restore === undefined && spec.initrdPaths.length > 0;
    const site = takesSite
      ? await sites.siteFor(spec.id, guestSite(spec, nics, lifeId))
      : undefined;
    const files = restore && { statePath: restore.statePath, memoryPath: restore.memoryPath };
    const monitor = await monitors.create(monitorSpec(spec, nics, site, files));
    const output = outputs.open(spec.id, spec.outputMaxBytes, isFirst);
    const door = openDoor({ spec, nics, life: lifeId }, monitor, around);
    life = new VmLife(spec.id, monitor, output, { lifeId, door, wasAdopted: false });
    keep({ nics, monitor: monitor.record, life: lifeId });
    if (spec.balloonMb > 0) {
      await monitor.setBalloon(spec.balloonMb * MIB);
    }
    if (restore?.isPaused !== true) {
      await monitor.run();
    }
    return { life, nics };
  } catch (error) {
    await undo(life, spec.id, monitors);
    await removeNics(around, spec.id, nics);
    throw error;
  }
}

/** Goes on with the life that an earlier daemon began. */
export function adoptLife(record: VmRecord, monitor: Monitor, around: VmSurroundings): VmLife {
  const { id, outputMaxBytes } = record.spec;
  const output = around.outputs.open(id, outputMaxBytes, false);
  const door = openDoor(record, monitor, around);
  return new VmLife(id, monitor, output, { lifeId: record.life, door, wasAdopted: true });
}

/** Has the guest of a monitor find its host. @returns undefined where nobody knows which life it is */
function openDoor(
  { spec, nics, life }: Pick<VmRecord, "spec" | "nics" | "life">,
  { record }: Monitor,
  { doors }: Pick<VmSurroundings, "doors">,
): Disposable | undefined {
  return life === undefined ? undefined : doors.open(spec.id, record, guestSite(spec, nics, life));
}

/** Never rejects: what can't be undone is for the log, and for `Monitors.create`, which refuses an id that is in use. */
async function undo(life: VmLife | undefined, id: string, monitors: Monitors): Promise<void> {
  if (life === undefined) {
    return;
  }
  const failed = life.killFailed;
  life.kill("its start failed");
  try {
    await Promise.race([life.over, failed]);
  } catch {
    await monitors
      .clear(id)
      .catch((error: unknown) =>
        log.error("could not end a vm whose start failed", { vm: id, cause: messageOf(error) }),
      );
  }
}

/** Never rejects. */
export async function removeNics(
  { networks }: Pick<VmSurroundings, "networks">,
  id: string,
  nics: readonly (VmNic | undefined)[],
): Promise<void> {
  for (const [index, nic] of nics.entries()) {
    try {
      await networks.remove(id, index, nic);
    } catch (error) {
      log.error("could not remove the network of a vm", {
        ...{ vm: id, index, tap: nic?.tap, cause: messageOf(error) },
      });
    }
  }
}
