/** Binary messages that nobody should send, and those of newer clients. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Fixture, startFixture } from "./server-fixture.ts";

const ALLOCATE = "aurae.cells.v0.CellService/Allocate";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

describe("a binary message", () => {
  test("that is malformed is INVALID_ARGUMENT, however it is wrong", async () => {
    const nested = (depth: number) => {
      let bytes = Buffer.alloc(0);
      for (let at = 0; at < depth; at += 1) {
        const length: number[] = [];
        let rest = bytes.length;
        for (; rest > 127; rest = Math.floor(rest / 128)) {
          length.push((rest % 128) + 128);
        }
        bytes = Buffer.concat([Buffer.from([0x0a, ...length, rest]), bytes]);
      }
      return bytes;
    };
    const cases = {
      truncated: Buffer.from([0x0a, 0x7f, 0x01]),
      "a group without an end": Buffer.from([0x0b]),
      "many groups": Buffer.alloc(50_000, 0x0b),
      "no UTF-8": Buffer.from([0x0a, 0x04, 0x0a, 0x02, 0xff, 0xfe]),
      "a varint without an end": Buffer.alloc(20, 0xff),
      "deep nesting": nested(1_000),
    };
    for (const [name, bytes] of Object.entries(cases)) {
      const { stdout } = await fixture.curl(
        [
          ...fixture.as(fixture.admin),
          ...fixture.resolve,
          ...["-H", "content-type: application/proto", "--data-binary", "@-"],
          fixture.url(ALLOCATE),
        ],
        bytes,
      );
      expect(`${name}: ${JSON.parse(stdout).code}`).toBe(`${name}: invalid_argument`);
    }
  });
});

describe("an unknown field in a binary message", () => {
  /** Allocate `a` with field 400 in cell.cpu, and fields 15 and 100 in the request. */
  const newer = Buffer.from([
    ...[0x0a, 0x0a, 0x0a, 0x01, 0x61, 0x12, 0x05, 0x08, 0x64, 0x80, 0x19, 0x01],
    ...[0x78, 0x01, 0xa2, 0x06, 0x01, 0x78],
  ]);
  const envelope = Buffer.concat([Buffer.from([0, 0, 0, 0, newer.length]), newer]);

  /** What a call answers with, whatever the protocol: its headers and its body. */
  async function answer(type: string, body: Uint8Array): Promise<string> {
    const { stdout } = await fixture.curl(
      [
        ...fixture.as(fixture.admin),
        ...fixture.resolve,
        ...["-i", "--http2", "-H", `content-type: ${type}`, "-H", "te: trailers"],
        ...["--data-binary", "@-", fixture.url(ALLOCATE)],
      ],
      body,
    );
    return decodeURIComponent(stdout.replaceAll(/%(?![0-9A-F]{2})/g, "%25"));
  }

  test("is refused with its path and its number, in every protocol", async () => {
    for (const [type, body, refused] of [
      ["application/proto", newer, "invalid_argument"],
      ["application/grpc", envelope, "grpc-status: 3"],
      ["application/grpc-web", envelope, "grpc-status: 3"],
    ] as const) {
      const text = await answer(type, body);
      expect(text).toContain(refused);
      expect(text).toContain(
        "15: is a field number of aurae.cells.v0.CellServiceAllocateRequest that this auraed does not know",
      );
      expect(text).toContain("; 100: is a field number of ");
      expect(text).toContain("cell.cpu.400: is a field number of aurae.cells.v0.CpuController");
    }
    const { stdout } = await fixture.curl(
      [
        ...fixture.as(fixture.admin),
        ...fixture.resolve,
        ...["-H", "content-type: application/proto", "--data-binary", "@-"],
        fixture.url(ALLOCATE),
      ],
      newer,
    );
    const [detail] = JSON.parse(stdout).details;
    expect(detail.type).toBe("google.rpc.BadRequest");
    expect(detail.debug.fieldViolations.map(({ field }: { field: string }) => field)).toEqual([
      ...["15", "100", "cell.cpu.400"],
    ]);
  });

  test("by the million takes no memory by the gigabyte", async () => {
    const many = Buffer.alloc(4_000_000, Buffer.from([0x78, 0x01]));
    const text = await answer("application/proto", many);
    expect(text).toContain("invalid_argument");
    expect(text).toContain("more than 10000 nested messages and unknown fields");
  });
});
