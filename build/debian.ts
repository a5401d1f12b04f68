/**
 * Debian packages that a command needs: looks which are missing, says what each is for, and installs them. Without
 * root it says what to run instead.
 */
import { readdirSync } from "node:fs";
import { BuildError } from "./error.ts";
import { RunError, run } from "./run.ts";
import { step } from "./step.ts";

/** What each package is for. */
const REASONS = {
  "acpica-tools": "iasl, which reads the ACPI tables that virtual machines get",
  binutils: "readelf, which checks that the compiled C files stand on their own",
  "busybox-static": "programs for cells to run inside the test VM",
  crun: "an OCI runtime, the peer of a benchmark",
  curl: "a client that is not ours, in the tests",
  gcc: "the C compiler, for ffi/*.c",
  mandoc: "the checker of manual pages",
  "libc6-dev": "the kernel's and the C library's headers, for ffi/*.c and the tests of layouts",
  "libssl-dev": "TLS for the benchmark's stopwatch, which is in C",
  openssl: "certificates that are not ours, in the tests",
  "qemu-system-x86": "the virtual machine that the tests boot",
  runc: "an OCI runtime, the peer of a benchmark",
} as const;

export type PackageName = keyof typeof REASONS;

export const BUILD_PACKAGES: readonly PackageName[] = ["gcc", "libc6-dev", "binutils"];
export const TEST_PACKAGES: readonly PackageName[] = [
  ...BUILD_PACKAGES,
  "acpica-tools",
  "busybox-static",
  "curl",
  "mandoc",
  "openssl",
  "qemu-system-x86",
];
export const BENCH_PACKAGES: readonly PackageName[] = [
  ...BUILD_PACKAGES,
  "busybox-static",
  "crun",
  "libssl-dev",
  "qemu-system-x86",
  "runc",
];

const APT = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=120"];
const QUIET = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };

/** dpkg-query's own placeholders. */
const QUERY_FORMAT = `\${Package} \${db:Status-Status}\\n`;

async function missing(names: readonly PackageName[]): Promise<PackageName[]> {
  const query = ["dpkg-query", "-W", "-f", QUERY_FORMAT, ...names];
  let listing: string;
  try {
    listing = await run(query);
  } catch (error) {
    // Status 1: it does not know some of them, and lists the others.
    if (!(error instanceof RunError) || Bun.which("dpkg-query") === null) {
      throw new BuildError(
        `can't tell whether ${names.join(", ")} are installed: this is not Debian; install what they hold by hand, and put a dpkg-query on the path`,
        { cause: error },
      );
    }
    listing = error.output;
  }
  const installed = new Set(
    listing
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return names.filter((name) => !installed.has(name));
}

function hasPackageLists(): boolean {
  try {
    return readdirSync("/var/lib/apt/lists").some(
      (name) => name.endsWith("Packages") || name.includes("_Packages."),
    );
  } catch {
    // ENOENT: a slimmed-down image has no folder of lists.
    return false;
  }
}

async function apt(...args: readonly string[]): Promise<void> {
  await run([...APT, ...args], { env: QUIET });
}

async function install(names: readonly PackageName[]): Promise<void> {
  const packages = ["install", "--no-install-recommends", ...names];
  if (!hasPackageLists()) {
    await step("apt-get update", () => apt("update"));
  }
  await step(`apt-get install ${names.length} packages`, async () => {
    try {
      await apt(...packages);
    } catch {
      // Lists of some days ago name versions that the archive has replaced.
      await apt("update");
      await apt(...packages);
    }
  });
}

/**
 * Makes sure that packages are installed.
 * @throws {BuildError} with the command to run, when this is not root
 */
export async function ensurePackages(names: readonly PackageName[]): Promise<void> {
  const absent = await missing(names);
  if (absent.length === 0) {
    return;
  }
  console.log("missing Debian packages:");
  for (const name of absent) {
    console.log(`  ${name.padEnd(16)} ${REASONS[name]}`);
  }
  if (process.getuid?.() !== 0) {
    const command = `sudo apt-get install --no-install-recommends ${absent.join(" ")}`;
    throw new BuildError(
      `installing packages needs root: run this, and then the same again\n  ${command}`,
    );
  }
  await install(absent);
}
