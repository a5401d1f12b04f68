/**
 * The API as the daemon offers it: its services, what stands before them, and what answers requests. With it come the
 * messages and Connect, which is why the daemon loads it after it has begun to listen.
 */
import { createGate } from "../authz/gate.ts";
import type { Policy } from "../authz/policy.ts";
import { recentLog } from "../base/log.ts";
import type { Cells } from "../domain/cells/cells.ts";
import type { OutputSources } from "../domain/output/sources.ts";
import type { Vms } from "../domain/vms/vms.ts";
import { createCellService } from "../service/cells/handler.ts";
import { guarded } from "../service/errors.ts";
import { HealthRegistry } from "../service/health/registry.ts";
import { jsonText } from "../service/json/json-text.ts";
import type { MachineControl } from "../service/machine/handler.ts";
import { createObserveService } from "../service/observe/handler.ts";
import { createRoutes, INTERCEPTORS } from "../service/routes.ts";
import { createVmsHandler } from "../service/vms/handler.ts";
import { type AnswerRequest, createRpcAnswer } from "../transport/rpc.ts";

export interface ApiParts {
  readonly version: string;
  readonly policy: Policy;
  /** What PowerOff and Reboot act on; undefined where auraed is not the machine's init. */
  readonly machine: MachineControl | undefined;
  readonly cells: Cells;
  /** Loads them, if need be. */
  readonly vms: () => Promise<Vms>;
  readonly outputs: OutputSources;
}

export interface Api {
  readonly answer: AnswerRequest;
  /** Tells those who watch its health that it is going away. */
  close(): void;
}

export function createApi(parts: ApiParts): Api {
  const health = new HealthRegistry();
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const answer = createRpcAnswer({
    jsonText,
    gate: guarded(createGate(parts.policy)),
    interceptors: INTERCEPTORS,
    routes: createRoutes({
      version: parts.version,
      health,
      machine: parts.machine,
      cells: createCellService(parts.cells, ids),
      observe: createObserveService(parts.outputs, recentLog),
      vms: createVmsHandler(parts.vms),
    }),
  });
  return { answer, close: () => health.close() };
}
