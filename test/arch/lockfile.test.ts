/**
 * `npm ci` refuses a lock that lacks any package, those for other platforms included, which an installation against a
 * registry that does not have them leaves out without a word.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { inRoot } from "../../build/paths.ts";

interface Locked {
  readonly version?: string;
  readonly optional?: boolean;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, Locked>>;

function lockedPackages(): Packages {
  return JSON.parse(readFileSync(inRoot("package-lock.json"), "utf8")).packages;
}

/** Looks a package up as Node does: beside the one that wants it, then further out. */
function isLocked(packages: Packages, wantedBy: string, name: string): boolean {
  for (let at = wantedBy; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    if (packages[`${at === "" ? "" : `${at}/`}node_modules/${name}`] !== undefined) {
      return true;
    }
    if (at === "") {
      return false;
    }
  }
}

function missingFrom(packages: Packages): string[] {
  return Object.entries(packages).flatMap(([path, locked]) =>
    Object.keys({
      ...locked.dependencies,
      ...locked.devDependencies,
      ...locked.optionalDependencies,
    })
      .filter((name) => !isLocked(packages, path, name))
      .map((name) => `${path === "" ? "package.json" : path} wants ${name}`),
  );
}

test("package-lock.json has every package that its packages want", () => {
  expect(missingFrom(lockedPackages())).toEqual([]);
});

test("package-lock.json has the digest of every package that is not for another platform alone", () => {
  const unsure = Object.entries(lockedPackages()).filter(
    ([path, { integrity, optional }]) =>
      path !== "" && integrity === undefined && optional !== true,
  );
  expect(unsure.map(([path]) => path)).toEqual([]);
});

test("package.json pins every package to one version", () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(inRoot("package.json"), "utf8"),
  );
  const versions = Object.values<string>({ ...dependencies, ...devDependencies });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

test("missingFrom names an optional package that the lock lacks", () => {
  const packages = { ...lockedPackages() };
  delete packages["node_modules/@oven/bun-linux-x64"];
  expect(missingFrom(packages)).toEqual(["node_modules/bun wants @oven/bun-linux-x64"]);
});
