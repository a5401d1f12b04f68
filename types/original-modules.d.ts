/** The modules that scripts for Aurae import by path, wherever that would lead. */
declare module "*/auraescript/gen/aurae.ts" {
  import { createClient } from "aurae";
  const aurae: { readonly createClient: typeof createClient };
  export { createClient };
  export default aurae;
}
declare module "*/auraescript/aurae.ts" {
  import { createClient } from "aurae";
  export { createClient };
}
declare module "*/auraescript/gen/cells.ts" {
  export * from "aurae/library/gen/cells.js";
}
declare module "*/auraescript/gen/discovery.ts" {
  export * from "aurae/library/gen/discovery.js";
}
declare module "*/auraescript/gen/grpc_health.ts" {
  export * from "aurae/library/gen/health.js";
}
declare module "*/auraescript/gen/health.ts" {
  export * from "aurae/library/gen/health.js";
}
declare module "*/auraescript/gen/observe.ts" {
  export * from "aurae/library/gen/observe.js";
}
declare module "*/auraescript/gen/runtime.ts" {
  export * from "aurae/library/original/runtime.js";
}
declare module "*/auraescript/gen/vms.ts" {
  export * from "aurae/library/original/vms.js";
}
