/**
 * Which methods answer, by the handlers that the daemon registers. They are made as the daemon makes them, over nothing,
 * and never called.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { LogRing } from "../../src/base/log-ring.ts";
import { createCellService } from "../../src/service/cells/handler.ts";
import { HealthRegistry } from "../../src/service/health/registry.ts";
import { createObserveService } from "../../src/service/observe/handler.ts";
import { createRoutes } from "../../src/service/routes.ts";
import { isUnimplemented } from "../../src/service/unimplemented.ts";
import { createVmsHandler } from "../../src/service/vms/handler.ts";

type Handlers = Readonly<Record<string, object | undefined>>;

/** @returns whether a method does what it says, rather than to answer UNIMPLEMENTED */
export function implementedMethods(): (method: DescMethod) => boolean {
  const nothing = {} as never;
  const handlers = new Map<string, Handlers>();
  const router = {
    service: (desc: { typeName: string }, implementation: object) => {
      handlers.set(desc.typeName, implementation as Handlers);
      return router;
    },
  };
  createRoutes({
    version: "",
    health: new HealthRegistry(),
    machine: undefined,
    cells: createCellService(nothing, { uid: 0, gid: 0 }),
    observe: createObserveService(nothing, new LogRing(1)),
    vms: createVmsHandler(nothing),
  })(router as unknown as ConnectRouter);
  return ({ parent, localName }) => !isUnimplemented(handlers.get(parent.typeName)?.[localName]);
}
