/** The kernel's settings of one network device, `/proc/sys/net/FAMILY/conf/NAME` (ip-sysctl). */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Whether this kernel has IPv6 at all: `ipv6.disable=1` takes it away. */
export function hasIpv6(): boolean {
  return existsSync("/proc/sys/net/ipv6");
}

/**
 * Writes what is not so already: where /proc/sys can only be read, what is right is right.
 * @throws {Error} naming the setting
 */
export function setDeviceSettings(
  family: "ipv4" | "ipv6",
  device: string,
  settings: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(settings)) {
    const path = `/proc/sys/net/${family}/conf/${device}/${name}`;
    if (readFileSync(path, "utf8").trim() !== value) {
      writeFileSync(path, value);
    }
  }
}
