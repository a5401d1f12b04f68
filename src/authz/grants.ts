/**
 * The policy file: grants of roles to principals that don't carry them in their SPIFFE ID.
 *
 * ```toml
 * [[grant]]
 * principal = "spiffe://example.org/ci/*"   # or "dns:NAME", "cn:NAME", "uid:1000"
 * role = "reader"
 * ```
 */
import { readFileSync } from "node:fs";
import { AuraeError, messageOf } from "../base/errors.ts";
import type { Principal } from "./identity.ts";
import { type Role, ROLES } from "./rules.ts";
import { parseSpiffeId } from "./spiffe-id.ts";

export interface Grant {
  readonly role: Role;
  matches(principal: Principal): boolean;
}

const DNS_NAME = /^[a-zA-Z0-9*]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$/;
const UID = /^(0|[1-9][0-9]{0,9})$/;
const MAX_UID = 0xffff_fffe;

type Matcher = (principal: Principal) => boolean;

/** `spiffe://domain/a/b` is that one ID, `spiffe://domain/a/*` all below `/a/`. */
function spiffeMatcher(text: string): Matcher | undefined {
  const isPrefix = text.endsWith("/*");
  const id = parseSpiffeId(isPrefix ? text.slice(0, -2) : text);
  if (id === undefined || (!isPrefix && id.segments.length === 0)) {
    return undefined;
  }
  return isPrefix
    ? (principal) => principal.spiffeId?.uri.startsWith(`${id.uri}/`) === true
    : (principal) => principal.spiffeId?.uri === id.uri;
}

function matcherOf(text: string): Matcher | undefined {
  const colon = text.indexOf(":");
  const value = text.slice(colon + 1);
  switch (text.slice(0, colon)) {
    case "spiffe":
      return spiffeMatcher(text);
    case "dns": {
      const wanted = value.toLowerCase();
      return DNS_NAME.test(value)
        ? (principal) => principal.dnsNames.some((name) => name.toLowerCase() === wanted)
        : undefined;
    }
    case "cn":
      return value === "" ? undefined : (principal) => principal.commonName === value;
    case "uid":
      return UID.test(value) && Number(value) <= MAX_UID
        ? (principal) => principal.uid === Number(value)
        : undefined;
    default:
      return undefined;
  }
}

function grantOf(entry: unknown, where: string): Grant {
  const fail = (message: string) => new AuraeError("invalid_argument", `${where}: ${message}`);
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw fail("not a table with the keys principal and role");
  }
  for (const key of Object.keys(entry)) {
    if (key !== "principal" && key !== "role") {
      throw fail(`unknown key "${key}"; the keys are principal and role`);
    }
  }
  const principal: unknown = Reflect.get(entry, "principal");
  const role: unknown = Reflect.get(entry, "role");
  const known = ROLES.find((name) => name === role);
  if (known === undefined) {
    throw fail(`unknown role ${JSON.stringify(role)}; the roles are ${ROLES.join(", ")}`);
  }
  const matches = typeof principal === "string" ? matcherOf(principal) : undefined;
  if (matches === undefined) {
    throw fail(
      `malformed principal ${JSON.stringify(principal)}; write spiffe://DOMAIN/PATH, spiffe://DOMAIN/PATH/*, dns:NAME, cn:NAME or uid:NUMBER`,
    );
  }
  return { role: known, matches };
}

/**
 * The grants in the text of a policy file.
 * @throws {AuraeError} invalid_argument naming the file and the entry
 */
export function parseGrants(text: string, path: string): Grant[] {
  let document: object;
  try {
    document = Bun.TOML.parse(text);
  } catch (error) {
    throw new AuraeError("invalid_argument", `policy "${path}": not TOML: ${messageOf(error)}`, {
      cause: error,
    });
  }
  for (const key of Object.keys(document)) {
    if (key !== "grant") {
      throw new AuraeError(
        "invalid_argument",
        `policy "${path}": unknown key "${key}"; a policy is a list of [[grant]]`,
      );
    }
  }
  const entries: unknown = Reflect.get(document, "grant") ?? [];
  if (!Array.isArray(entries)) {
    throw new AuraeError(
      "invalid_argument",
      `policy "${path}": "grant" is not a list; write [[grant]]`,
    );
  }
  return entries.map((entry: unknown, index) =>
    grantOf(entry, `policy "${path}": grant ${index + 1}`),
  );
}

/**
 * Reads a policy file; one that does not have to be there and is not has no grants.
 * @throws {AuraeError} failed_precondition if it can't be read, invalid_argument if it is malformed
 */
export function loadPolicy(path: string, options: { readonly required: boolean }): Grant[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (!options.required && error instanceof Error && "code" in error && error.code === "ENOENT") {
      return [];
    }
    const other = options.required ? "name another with --policy" : "move it away";
    throw new AuraeError(
      "failed_precondition",
      `cannot read the policy "${path}": ${messageOf(error)}; make it a file that the user of auraed may read, or ${other}`,
      { cause: error },
    );
  }
  return parseGrants(text, path);
}
