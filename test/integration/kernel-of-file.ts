/** One kernel fixture for a file of tests, and a census at its end: what the file leaves behind fails it. */
import { afterAll, beforeAll, expect } from "bun:test";
import { type Census, settledCensus, takeCensus } from "../harness/census.ts";
import { eventually } from "../harness/eventually.ts";
import { KernelFixture } from "./kernel-fixture.ts";

export interface KernelOfFile {
  readonly kernel: KernelFixture;
}

/** Bun closes its own descriptors of streams a little later. */
const isClosed = (): boolean =>
  !takeCensus().descriptors.some((descriptor) => descriptor.includes("ptmx"));

/** Registers the hooks. */
export function kernelOfFile(): KernelOfFile {
  let before: Census;
  let kernel: KernelFixture | undefined;

  beforeAll(async () => {
    // The first one loads what stays: the library, and Bun's own descriptors.
    const warmUp = new KernelFixture();
    await warmUp.run("true", { stdin: "terminal" });
    await warmUp[Symbol.asyncDispose]();
    await eventually("the end of the terminal", isClosed);
    before = takeCensus();
    kernel = new KernelFixture();
  });

  afterAll(async () => {
    await kernel?.[Symbol.asyncDispose]();
    expect(await settledCensus(before)).toEqual(before);
  });

  return {
    get kernel() {
      if (kernel === undefined) {
        throw new Error("there is no fixture before the tests");
      }
      return kernel;
    },
  };
}
