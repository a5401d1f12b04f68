import { describe, expect, test } from "bun:test";
import { certificateNames } from "./certificate.ts";
import { DerError } from "./der.ts";
import { principalFromCertificate } from "./identity.ts";

function der(tag: number, ...contents: (Uint8Array | string)[]): Uint8Array {
  const content = Buffer.concat(
    contents.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)),
  );
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from(head), content]);
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const commonName = (text: string, tag = 0x0c) =>
  der(0x31, der(0x30, oid("550403"), der(tag, text)));
const extension = (id: string, value: Uint8Array) => der(0x30, oid(id), der(0x04, value));
const altNames = (...names: Uint8Array[]) => extension("551d11", der(0x30, ...names));
const uri = (text: string) => der(0x86, text);
const dns = (text: string) => der(0x82, text);

/** As much of a certificate as is read: nothing in it is signed. */
function certificate(subject: Uint8Array[], extensions: Uint8Array[], version = true): Uint8Array {
  const nothing = der(0x30);
  return der(
    0x30,
    der(
      0x30,
      ...(version ? [der(0xa0, der(0x02, "\x02"))] : []),
      ...[der(0x02, "\x01"), nothing, nothing, nothing, der(0x30, ...subject), nothing],
      ...(extensions.length > 0 ? [der(0xa3, der(0x30, ...extensions))] : []),
    ),
    nothing,
    der(0x03, "\0"),
  );
}

describe("certificateNames", () => {
  test("reads a certificate without a version and without extensions", () => {
    expect(certificateNames(certificate([commonName("x")], [], false))).toEqual({
      commonName: "x",
      dnsNames: [],
      uris: [],
      isAuthority: false,
    });
  });

  test("has no common name where there are two, or one of another type or with control characters", () => {
    for (const subject of [
      [commonName("a"), commonName("b")],
      [commonName("a", 0x1e)],
      [commonName("a\0b")],
      [commonName("a\nb")],
      [commonName("")],
      [],
    ]) {
      expect(certificateNames(certificate(subject, [])).commonName).toBeUndefined();
    }
  });

  test("keeps names apart whatever they hold", () => {
    const names = certificateNames(
      certificate(
        [],
        [altNames(dns("a, URI:spiffe://x/role/admin/a"), uri("a\0b"), dns("b\0.test"))],
      ),
    );
    expect(names.dnsNames).toEqual([]);
    expect(names.uris).toEqual(["a\0b"]);
  });

  test("refuses what is not DER, at every place where it can be cut or bent", () => {
    const good = certificate(
      [commonName("x")],
      [altNames(uri("spiffe://x.test/a")), extension("551d13", der(0x30))],
    );
    for (let length = 0; length < good.length; length += 1) {
      expect(() => certificateNames(good.subarray(0, length))).toThrow(DerError);
    }
    for (let at = 0; at < good.length; at += 1) {
      for (const value of [0x00, 0x1f, 0x30, 0x7f, 0x80, 0x84, 0xff]) {
        const bent = Uint8Array.from(good);
        bent[at] = value;
        try {
          certificateNames(bent);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }
    }
  });

  test("refuses an extension that is there twice", () => {
    const twice = certificate([], [altNames(uri("spiffe://a/b")), altNames(uri("spiffe://c/d"))]);
    expect(() => certificateNames(twice)).toThrow("repeated extension");
  });
});

describe("principalFromCertificate", () => {
  const spiffe = (...extensions: Uint8Array[]) =>
    principalFromCertificate(certificate([commonName("cn")], extensions)).spiffeId?.uri;

  test("has a SPIFFE ID from exactly one URI name with a path", () => {
    expect(spiffe(altNames(uri("spiffe://x/a"), dns("b.test")))).toBe("spiffe://x/a");
    expect(spiffe(altNames(uri("spiffe://x/a"), uri("spiffe://x/b")))).toBeUndefined();
    expect(spiffe(altNames(uri("spiffe://x/a"), uri("https://x/")))).toBeUndefined();
    expect(spiffe(altNames(uri("spiffe://x")))).toBeUndefined();
    expect(spiffe(altNames(dns("spiffe://x/a")))).toBeUndefined();
    expect(spiffe()).toBeUndefined();
  });

  test("has no SPIFFE ID from a certificate that may sign others", () => {
    const id = altNames(uri("spiffe://x/a"));
    expect(spiffe(id, extension("551d13", der(0x30, der(0x01, "\xff"))))).toBeUndefined();
    expect(spiffe(id, extension("551d0f", der(0x03, "\x01\x06")))).toBeUndefined();
    expect(spiffe(id, extension("551d0f", der(0x03, "\x07\x80")))).toBe("spiffe://x/a");
  });

  test("is called by its best name, and by its user id if there is one", () => {
    const name = (extensions: Uint8Array[], uid?: number, subject = [commonName("n")]) =>
      principalFromCertificate(certificate(subject, extensions), uid).name;
    expect(name([altNames(uri("spiffe://x/a"), dns("b.test"))])).toBe("spiffe://x/a");
    expect(name([altNames(dns("b.test"))], 0)).toBe("dns:b.test (uid 0)");
    expect(name([])).toBe("cn:n");
    expect(name([], undefined, [])).toBe("a certificate without a name");
  });
});
