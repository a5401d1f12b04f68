import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuraeError } from "../base/errors.ts";
import { loadPolicy, parseGrants } from "./grants.ts";

function refusalOf(act: () => unknown): AuraeError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(AuraeError);
    return error as AuraeError;
  }
  throw new Error("it was not refused");
}

const grant = (principal: string, role = '"reader"') =>
  `[[grant]]\nprincipal = ${principal}\nrole = ${role}\n`;

describe("parseGrants", () => {
  test("takes an empty policy and every form of a principal", () => {
    expect(parseGrants("", "p")).toEqual([]);
    const forms = [
      "spiffe://x.test/a",
      "spiffe://x.test/*",
      "spiffe://x.test/a/*",
      "dns:a.test",
      "cn:a b",
      "uid:0",
    ];
    const grants = parseGrants(forms.map((form) => grant(JSON.stringify(form))).join("\n"), "p");
    expect(grants.map(({ role }) => role)).toEqual(forms.map(() => "reader"));
  });

  test("matches a SPIFFE ID whole, or below a path, and never beside it", () => {
    const matching = (pattern: string, uri: string) => {
      const [only] = parseGrants(grant(JSON.stringify(pattern)), "p");
      const spiffeId = { uri, trustDomain: "x", segments: [] };
      return only?.matches({ dnsNames: [], name: "", spiffeId });
    };
    expect(matching("spiffe://x/a", "spiffe://x/a")).toBe(true);
    expect(matching("spiffe://x/a", "spiffe://x/a/b")).toBe(false);
    expect(matching("spiffe://x/a/*", "spiffe://x/a/b/c")).toBe(true);
    expect(matching("spiffe://x/a/*", "spiffe://x/a")).toBe(false);
    expect(matching("spiffe://x/a/*", "spiffe://x/ab/c")).toBe(false);
    expect(matching("spiffe://x/*", "spiffe://x.evil/a")).toBe(false);
  });

  test("does not match a principal without the name in question", () => {
    for (const form of ["spiffe://x/*", "dns:a", "cn:a", "uid:0"]) {
      const [only] = parseGrants(grant(JSON.stringify(form)), "p");
      expect(only?.matches({ dnsNames: [], name: "" })).toBe(false);
    }
  });

  test("names the file and the entry of what it does not understand", () => {
    const second = (text: string) =>
      refusalOf(() => parseGrants(`${grant('"uid:1"')}${text}`, "/etc/p.toml")).message;
    expect(second(grant('"uid:1"', '"root"'))).toBe(
      'policy "/etc/p.toml": grant 2: unknown role "root"; the roles are admin, reader, boot',
    );
    expect(second(`${grant('"uid:1"')}rol = "x"`)).toContain('grant 2: unknown key "rol"');
    const malformed = [
      "uid:-1",
      "uid:01",
      "uid:4294967295",
      "uid:x",
      "dns:",
      "dns:a b",
      "cn:",
      "x",
      "",
      "spiffe://x",
      "spiffe://X/a",
      "spiffe://x/*/a",
      "user:1",
    ];
    for (const principal of malformed) {
      expect(second(grant(JSON.stringify(principal)))).toContain("grant 2: malformed principal");
    }
    expect(second(grant("12"))).toContain("grant 2: malformed principal 12");
    expect(second("[[grant]]\nrole = 'admin'")).toContain("grant 2: malformed principal undefined");
    expect(refusalOf(() => parseGrants("[grant]\n", "p")).message).toContain("[[grant]]");
    expect(refusalOf(() => parseGrants("grant = [1]", "p")).message).toContain(
      "grant 1: not a table",
    );
    expect(refusalOf(() => parseGrants("grants = []", "p")).message).toContain(
      'unknown key "grants"',
    );
    expect(refusalOf(() => parseGrants("= nope", "p")).message).toContain('policy "p": not TOML');
  });
});

describe("loadPolicy", () => {
  test("does without a file that does not have to be there, and no other", () => {
    const directory = mkdtempSync(join(tmpdir(), "aurae-policy-"));
    try {
      const path = join(directory, "policy.toml");
      expect(loadPolicy(path, { required: false })).toEqual([]);
      expect(refusalOf(() => loadPolicy(path, { required: true })).message).toMatch(
        /^cannot read the policy ".*policy\.toml": ENOENT.*; make it a file that the user of auraed may read, or name another with --policy$/,
      );
      const refusal = refusalOf(() => loadPolicy(directory, { required: false }));
      expect(refusal.kind).toBe("failed_precondition");
      expect(refusal.message).toMatch(
        /: EISDIR.*; make it a file that the user of auraed may read, or move it away$/,
      );
      writeFileSync(path, grant('"uid:7"', '"admin"'));
      expect(loadPolicy(path, { required: true })[0]?.role).toBe("admin");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
