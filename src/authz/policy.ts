/**
 * What a principal may do: its roles, from its SPIFFE ID, from being root on this machine, and from the grants of a
 * policy file; and the decision on a method, from the table in rules.ts. Everything that is not allowed is refused.
 */
import { AuraeError } from "../base/errors.ts";
import type { Grant } from "./grants.ts";
import type { Principal } from "./identity.ts";
import { type Role, ROLES, RULES, type Rule } from "./rules.ts";

export interface PolicyOptions {
  /** The daemon's own trust domain; undefined if its certificate has no SPIFFE ID: then no path carries a role. */
  readonly trustDomain: string | undefined;
  readonly grants?: readonly Grant[];
  /** For tests. */
  readonly rules?: Readonly<Record<string, Rule>>;
}

export class Policy {
  readonly #trustDomain: string | undefined;
  readonly #grants: readonly Grant[];
  readonly #rules: Readonly<Record<string, Rule>>;
  /** A principal lives as long as its connection, so its roles are found once. */
  readonly #roles = new WeakMap<Principal, ReadonlySet<Role>>();

  constructor(options: PolicyOptions) {
    this.#trustDomain = options.trustDomain;
    this.#grants = options.grants ?? [];
    this.#rules = options.rules ?? RULES;
  }

  rolesOf(principal: Principal): ReadonlySet<Role> {
    let roles = this.#roles.get(principal);
    if (roles === undefined) {
      const found = [...this.#findRoles(principal)];
      roles = new Set(found.filter((role) => counts(role, principal)));
      this.#roles.set(principal, roles);
    }
    return roles;
  }

  /**
   * @param method `aurae.cells.v0.CellService/List`
   * @throws {AuraeError} permission_denied naming the principal, the method and the role that it takes
   */
  authorize(principal: Principal, method: string): void {
    const rule = Object.hasOwn(this.#rules, method) ? this.#rules[method] : undefined;
    if (rule === "any") {
      return;
    }
    if (rule === undefined) {
      throw refusal(principal, method, "no rule allows it to anybody");
    }
    const roles = this.rolesOf(principal);
    if (!rule.some((role) => roles.has(role))) {
      const afar = rule.find((role) => [...this.#findRoles(principal)].includes(role));
      throw refusal(
        principal,
        method,
        afar === undefined
          ? `it takes the role ${rule.map((r) => `"${r}"`).join(" or ")}`
          : `its role "${afar}" counts only on the machine itself`,
      );
    }
  }

  *#findRoles(principal: Principal): Generator<Role> {
    const { spiffeId, uid } = principal;
    if (spiffeId !== undefined && spiffeId.trustDomain === this.#trustDomain) {
      // /role/<role>/<whoever>
      const [kind, role, whoever] = spiffeId.segments;
      const known = ROLES.find((name) => name === role);
      if (kind === "role" && known !== undefined && whoever !== undefined) {
        yield known;
      }
    }
    // Root owns the machine already. It also lets clients of the original in, whose certificates carry no SAN.
    if (uid === 0) {
      yield "admin";
    }
    for (const grant of this.#grants) {
      if (grant.matches(principal)) {
        yield grant.role;
      }
    }
  }
}

/**
 * The key of `boot` lies in a machine's image. Who has it is that machine's root, or has read the image; neither is to be
 * let in by other machines of the same CA. What a forwarder on the machine makes anew is local, too (docs/boot.md).
 */
function counts(role: Role, { isLocal = false }: Principal): boolean {
  return role !== "boot" || isLocal;
}

function refusal(principal: Principal, method: string, why: string): AuraeError {
  return new AuraeError("permission_denied", `"${principal.name}" may not call ${method}: ${why}`, {
    resource: method,
  });
}
