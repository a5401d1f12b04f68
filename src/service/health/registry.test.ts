import { describe, expect, test } from "bun:test";
import { HealthRegistry, ServingStatus } from "./registry.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;

describe("HealthRegistry.watch", () => {
  test("tells the status now and then every change, also of a service that comes later", async () => {
    const registry = new HealthRegistry();
    const statuses = registry.watch("a", new AbortController().signal);
    expect((await statuses.next()).value).toBe(SERVICE_UNKNOWN);
    const later = statuses.next();
    registry.set("b", SERVING);
    registry.set("a", SERVING);
    expect((await later).value).toBe(SERVING);
    registry.set("a", SERVING);
    const changed = statuses.next();
    registry.set("a", NOT_SERVING);
    expect((await changed).value).toBe(NOT_SERVING);
  });

  test("skips what came and went while nobody looked", async () => {
    const registry = new HealthRegistry();
    registry.set("a", SERVING);
    const statuses = registry.watch("a", new AbortController().signal);
    await statuses.next();
    registry.set("a", NOT_SERVING);
    registry.set("a", SERVING);
    registry.set("a", NOT_SERVING);
    expect((await statuses.next()).value).toBe(NOT_SERVING);
  });

  test("fails with its signal's reason and leaves nothing behind", async () => {
    const registry = new HealthRegistry();
    const controller = new AbortController();
    const statuses = registry.watch("a", controller.signal);
    await statuses.next();
    const last = statuses.next();
    expect(registry.watcherCount).toBe(1);
    controller.abort(new Error("enough"));
    await expect(last).rejects.toThrow("enough");
    expect(registry.watcherCount).toBe(0);
  });

  test("hears NOT_SERVING and ends when the registry closes", async () => {
    const registry = new HealthRegistry();
    registry.set("a", SERVING);
    const asleep = registry.watch("a", new AbortController().signal);
    await asleep.next();
    const next = asleep.next();
    registry.close();
    expect((await next).value).toBe(NOT_SERVING);
    expect((await asleep.next()).done).toBe(true);
    const late = registry.watch("a", new AbortController().signal);
    expect((await late.next()).value).toBe(NOT_SERVING);
    expect((await late.next()).done).toBe(true);
    expect(registry.get("a")).toBe(NOT_SERVING);
  });
});
