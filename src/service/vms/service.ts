/** VmService: from messages to the domain's virtual machines and back. */
import { resolve } from "node:path";
import type { ServiceImpl } from "@connectrpc/connect";
import { vmId } from "../../domain/vms/vm-id.ts";
import { DEFAULT_GRACE_MS, type VmStopAsk } from "../../domain/vms/vm.ts";
import type { Vms } from "../../domain/vms/vms.ts";
import type { VmService } from "../../gen/aurae/vms/v0/vms_pb.ts";
import { present } from "../present.ts";
import { attach } from "./attach.ts";
import { endToProto, eventToProto, machineToProto, summaryToProto } from "./convert.ts";
import { askedNicsFrom, askedVmFrom, drivePathsFrom } from "./validate.ts";

interface StopRequest {
  readonly gracePeriodMs?: number | undefined;
  readonly force: boolean;
}

function stopAskFrom({ gracePeriodMs, force }: StopRequest): VmStopAsk {
  return { graceMs: gracePeriodMs ?? DEFAULT_GRACE_MS, isForced: force };
}

export function createVmService(vms: Vms): ServiceImpl<typeof VmService> {
  return {
    allocate(request) {
      const vm = vms.allocate(askedVmFrom(present(request.machine, "machine")));
      return { vmId: vm.id };
    },

    async free(request) {
      await vms.free(request.vmId, stopAskFrom(request));
      return {};
    },

    async start(request) {
      const vm = vms.find(request.vmId, "started");
      await vm.start();
      return { auraedAddress: vm.auraedAddress, hostPid: vm.pid ?? 0 };
    },

    async stop(request) {
      const ending = await vms.find(request.vmId, "stopped").stop(stopAskFrom(request));
      return { end: endToProto(ending) };
    },

    async list() {
      return { machines: await Promise.all(vms.all.map((vm) => summaryToProto(vms, vm))) };
    },

    async inspect(request) {
      const vm = vms.find(request.vmId, "inspected");
      return { machine: machineToProto(vm.spec), summary: await summaryToProto(vms, vm) };
    },

    async pause(request) {
      await vms.find(request.vmId, "paused").pause();
      return {};
    },

    async resume(request) {
      await vms.find(request.vmId, "resumed").resume();
      return {};
    },

    async update(request) {
      const vm = vms.find(request.vmId, "updated");
      await vm.update({ balloonMb: request.balloonMb });
      return { balloonMb: vm.spec.balloonMb };
    },

    async snapshot(request) {
      const { writtenBytes } = await vms.snapshot(request.vmId, resolve(request.path));
      return { writtenBytes: BigInt(writtenBytes) };
    },

    async restore(request) {
      const vm = await vms.restore({
        id: vmId(request.vmId),
        path: resolve(request.path),
        drivePaths: drivePathsFrom(request.drivePaths),
        nics: askedNicsFrom("nics", request.nics),
        vsockCid: request.vsockCid,
        isPaused: request.paused,
      });
      return { auraedAddress: vm.auraedAddress, hostPid: vm.pid ?? 0 };
    },

    async wait(request, context) {
      const ending = await vms.find(request.vmId, "waited for").wait(context.signal);
      return { end: endToProto(ending) };
    },

    attach: (requests, context) => attach(vms, requests[Symbol.asyncIterator](), context),

    async *events(request, context) {
      const { afterSequence, vmId: id } = request;
      for await (const event of vms.events.read(afterSequence, id, context.signal)) {
        yield { event: eventToProto(event) };
      }
    },
  };
}
