/** The table of rules and the routes against the services there are, both ways. */
import { describe, expect, test } from "bun:test";
import { createConnectRouter } from "@connectrpc/connect";
import { RULES } from "../../src/authz/rules.ts";
import { HealthRegistry } from "../../src/service/health/registry.ts";
import { createRoutes } from "../../src/service/routes.ts";
import { SERVICES } from "../../src/service/services.ts";

const methods = SERVICES.flatMap((service) =>
  service.methods.map((method) => `${service.typeName}/${method.name}`),
).sort();

describe("RULES", () => {
  test("has a line for every method there is, and no line for another", () => {
    expect(Object.keys(RULES).sort()).toEqual(methods);
  });
});

describe("createRoutes", () => {
  test("registers every method there is, and no other", () => {
    const router = createConnectRouter();
    createRoutes({ version: "", health: new HealthRegistry(), machine: undefined })(router);
    expect(router.handlers.map(({ requestPath }) => requestPath.slice(1)).sort()).toEqual(methods);
  });
});
