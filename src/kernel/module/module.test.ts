import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { isModuleLive } from "./module.ts";
import { moduleName } from "./module-name.ts";

test("moduleName is the kernel's, whatever the file is called and packed by", () => {
  expect(moduleName("kernel/drivers/net/virtio_net.ko")).toBe("virtio_net");
  expect(moduleName("kernel/drivers/acpi/a-b.ko.xz")).toBe("a_b");
});

test("isModuleLive knows what is loaded, and neither what is built in nor what there is none of", () => {
  const modules = existsSync("/sys/module") ? readdirSync("/sys/module") : [];
  const isLoadable = (name: string): boolean => existsSync(`/sys/module/${name}/initstate`);
  for (const name of modules) {
    expect(isModuleLive(name)).toBe(isLoadable(name));
  }
  expect(isModuleLive("there_is_none")).toBe(false);
});
