/**
 * VmService as it is registered. What does the work (service.ts) is loaded with the first call: a daemon without virtual
 * machines has nothing of it.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import type { Vms } from "../../domain/vms/vms.ts";
import type { VmService } from "../../gen/aurae/vms/v0/vms_pb.ts";

type Service = ServiceImpl<typeof VmService>;

/** @param vms called again after it has failed */
export function createVmsHandler(vms: () => Promise<Vms>): Service {
  const load = async (): Promise<Service> => {
    const { createVmService } = await import("./service.ts");
    return createVmService(await vms());
  };
  return {
    allocate: async (request, context) => (await load()).allocate(request, context),
    free: async (request, context) => (await load()).free(request, context),
    start: async (request, context) => (await load()).start(request, context),
    stop: async (request, context) => (await load()).stop(request, context),
    list: async (request, context) => (await load()).list(request, context),
    inspect: async (request, context) => (await load()).inspect(request, context),
    pause: async (request, context) => (await load()).pause(request, context),
    resume: async (request, context) => (await load()).resume(request, context),
    update: async (request, context) => (await load()).update(request, context),
    snapshot: async (request, context) => (await load()).snapshot(request, context),
    restore: async (request, context) => (await load()).restore(request, context),
    wait: async (request, context) => (await load()).wait(request, context),
    async *attach(requests, context) {
      yield* (await load()).attach(requests, context);
    },
    async *events(request, context) {
      yield* (await load()).events(request, context);
    },
  };
}
