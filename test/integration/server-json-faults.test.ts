/** Every fault of a JSON message at once, by path, in words and as google.rpc.BadRequest, and never another caller's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorLines } from "../../src/cli/error-lines.ts";
import { type Fixture, startFixture } from "./server-fixture.ts";

const ALLOCATE = "aurae.cells.v0.CellService/Allocate";
const WATCH = "grpc.health.v1.Health/Watch";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly details?: { type: string; value: string; debug: unknown }[];
}

/** The violations in an error's details. */
function violations({ details }: Refusal): unknown {
  expect(details?.map(({ type }) => type)).toEqual(["google.rpc.BadRequest"]);
  return details?.[0]?.debug;
}

function enveloped(json: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, Buffer.from(json)]);
}

/** What a call with enveloped JSON answers with. */
async function envelopedCall(path: string, type: string, json: string): Promise<string> {
  const { stdout } = await fixture.curl(
    [
      ...fixture.as(fixture.admin),
      ...fixture.resolve,
      ...["-i", "--http2", "-H", `content-type: ${type}`, "-H", "te: trailers"],
      ...["--data-binary", "@-", fixture.url(path)],
    ],
    enveloped(json),
  );
  return stdout;
}

describe("JSON that does not decode", () => {
  const body =
    '{"cell":{"name":"a","cpu":{"weight":"abc","max":-1},"memory":{"max":"x"},"bogus":1}}';
  const fieldViolations = [
    {
      field: "cell.cpu.weight",
      description: "must be a whole number from 0 to 18446744073709551615",
    },
    {
      field: "cell.memory.max",
      description: "must be a whole number from -9223372036854775808 to 9223372036854775807",
    },
    { field: "cell.bogus", description: "is not a field of aurae.cells.v0.Cell" },
    { field: "cell.cpu.max", description: "must be greater than or equal to 0" },
  ];

  test("is refused with every bad field, as validation does it", async () => {
    for (const version of ["--http1.1", "--http2"]) {
      const { status, text } = await fixture.post(ALLOCATE, body, version);
      expect(status).toBe(400);
      const refusal: Refusal = JSON.parse(text);
      expect(refusal.code).toBe("invalid_argument");
      expect(refusal.message).toBe(
        fieldViolations.map(({ field, description }) => `${field}: ${description}`).join("; "),
      );
      expect(violations(refusal)).toEqual({ fieldViolations });
    }
  });

  test("is so in a stream and over gRPC, too", async () => {
    const streamed = await envelopedCall(
      WATCH,
      "application/connect+json",
      '{"service":1,"more":2}',
    );
    const refusal: Refusal = JSON.parse(streamed.slice(streamed.indexOf("{"))).error;
    expect(refusal.code).toBe("invalid_argument");
    expect(violations(refusal)).toEqual({
      fieldViolations: [
        { field: "service", description: "must be a string" },
        { field: "more", description: "is not a field of grpc.health.v1.HealthCheckRequest" },
      ],
    });
    const answer = await envelopedCall(ALLOCATE, "application/grpc+json", body);
    expect(answer).toContain("grpc-status: 3");
    for (const { field } of fieldViolations) {
      expect(answer).toContain(`${field}${encodeURIComponent(": ")}`);
    }
    expect(answer).toContain("grpc-status-details-bin: ");
  });

  test("tells each of many calls at once of its own faults alone", async () => {
    const session = connect(fixture.baseUrl, fixture.clientTls());
    const calls = Array.from({ length: 60 }, async (_, at) => {
      const [path, type] =
        at % 2 === 0 ? [ALLOCATE, "application/json"] : [WATCH, "application/connect+json"];
      const stream = session.request({
        ...{ ":method": "POST", ":path": `/${path}`, "content-type": type },
      });
      const json = `{"f${at}":1}`;
      stream.end(path === WATCH ? enveloped(json) : json);
      let text = "";
      for await (const chunk of stream) {
        text += chunk;
      }
      expect(new Set(text.match(/\bf\d+\b/g))).toEqual(new Set([`f${at}`]));
      expect(text).toContain(`f${at}: is not a field`);
    });
    await Promise.all(calls);
    session.destroy();
  });

  test("is told by aer in a line for each field", async () => {
    const { text } = await fixture.post(ALLOCATE, body);
    const { message, details = [] }: Refusal = JSON.parse(text);
    const error = new ConnectError(message, Code.InvalidArgument);
    error.details = details.map(({ type, value }) => ({
      type,
      value: Buffer.from(value, "base64"),
    }));
    expect(errorLines(error)).toEqual(
      fieldViolations.map(({ field, description }) => `invalid argument: ${field}: ${description}`),
    );
  });

  test("with thousands of faults gets an answer of bounded size", async () => {
    const cell = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`x${at}`, 1]));
    const refusal: Refusal = JSON.parse(
      (await fixture.post(ALLOCATE, JSON.stringify({ cell }))).text,
    );
    expect(refusal.message).toEndWith("; and more");
    const { fieldViolations: listed } = violations(refusal) as { fieldViolations: unknown[] };
    expect(listed.length).toBe(32);
  });
});
