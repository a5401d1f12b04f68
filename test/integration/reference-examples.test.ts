/**
 * The lines for curl of the API reference, run as they are against a daemon: none is a request that it does not
 * understand, and those methods answer UNIMPLEMENTED that the reference says are not there yet, and no others.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { curlLine } from "../../build/reference/curl.ts";
import { exampleOf } from "../../build/reference/examples.ts";
import { implementedMethods } from "../../build/reference/implemented.ts";
import { SERVICES } from "../../src/service/services.ts";
import { run } from "../harness/curl.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { missingForCgroups } from "../harness/host.ts";

/** Of curl: the time is over. What follows something would go on for ever. */
const TIMED_OUT = 28;
const LAST = ["Stop", "Free"];

const missing = missingForCgroups();
const isImplemented = implementedMethods();
const methods = SERVICES.flatMap((service) => service.methods).toSorted(
  (a, b) => LAST.indexOf(a.name) - LAST.indexOf(b.name),
);

describe.skipIf(missing !== undefined)(`the reference's lines for curl ${missing ?? ""}`, () => {
  // The reference's cell by another name, so that tests of the same host don't meet.
  const cell = `ae-ref-${randomUUID()}`;
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await TestDaemon.start();
  });
  afterAll(async () => await daemon.stop());

  const requestsOf = (method: DescMethod): JsonObject[] => {
    const text = JSON.stringify(exampleOf(method)).replaceAll('"web"', JSON.stringify(cell));
    // The host may have no memory controller, and the cell has to be there for the others.
    return JSON.parse(method.name === "Allocate" ? text.replace(/,"memory":\{.*?\}/, "") : text);
  };

  test.each(methods.map((method) => [`${method.parent.typeName}/${method.name}`, method] as const))(
    "%s",
    async (_, method) => {
      const pki = join(daemon.directory, "pki");
      const certificates = `--cacert ${pki}/ca.crt --cert ${pki}/_signed.client.nova.crt --key ${pki}/client.nova.key`;
      const { code, stdout } = await run([
        ...["env", `id=${certificates} --max-time 1`, `socket=${daemon.socket}`],
        ...["sh", "-c", curlLine(method, requestsOf(method))],
      ]);
      expect([0, TIMED_OUT]).toContain(code);
      const status = /"code":"([a-z_]+)"/.exec(stdout)?.[1];
      expect(status).not.toBe("invalid_argument");
      expect(status === "unimplemented").toBe(!isImplemented(method));
    },
  );
});
