/**
 * The modules that scripts for Aurae import by path, `../auraescript/gen/cells.ts`, by the name of their file. Each is
 * loaded when it is asked for.
 */

type Exports = Readonly<Record<string, unknown>>;

export const ORIGINAL_MODULES: Readonly<Record<string, () => Promise<Exports>>> = {
  aurae: async () => {
    const { createClient } = await import("../create-client.ts");
    return { createClient };
  },
  cells: () => import("../gen/cells.ts"),
  discovery: () => import("../gen/discovery.ts"),
  grpc_health: () => import("../gen/health.ts"),
  health: () => import("../gen/health.ts"),
  observe: () => import("../gen/observe.ts"),
  runtime: () => import("./runtime.ts"),
  vms: () => import("./vms.ts"),
};
