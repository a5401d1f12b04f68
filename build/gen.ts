/**
 * `gen`: generates `src/gen` and `src/library/gen` from `proto/`, the texts that are made of its comments
 * (generated-texts.ts), and `proto/lock.binpb`, the descriptors
 * of the API as it was last accepted. A change that breaks clients of that API is refused unless it is asked for.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError } from "./error.ts";
import { inRoot } from "./paths.ts";
import { REFERENCE } from "./reference/folder.ts";
import { run } from "./run.ts";
import { step } from "./step.ts";

const PROTO = inRoot("proto");
const LOCK = "lock.binpb";

function buf(...args: readonly string[]): Promise<string> {
  return run(["buf", ...args], { cwd: PROTO });
}

async function withTempFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "auraed-gen-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function buildLock(path: string): Promise<string> {
  return buf("build", "--exclude-source-info", "-o", path);
}

export async function lintProtos(): Promise<void> {
  await buf("lint");
}

export async function checkBreaking(): Promise<void> {
  await buf("breaking", "--against", LOCK);
}

/** @throws {BuildError} when the lock is not what the protos say */
export async function checkLock(): Promise<void> {
  await withTempFolder(async (folder) => {
    const fresh = join(folder, LOCK);
    await buildLock(fresh);
    if (!readFileSync(fresh).equals(readFileSync(join(PROTO, LOCK)))) {
      throw new BuildError(`proto/${LOCK} is older than the protos: run \`bun build.ts gen\``);
    }
  });
}

/** What buf.gen.yaml writes. */
const GENERATED = ["src/gen", "src/library/gen"];

/** Of what `texts` writes. */
const TEXTS = ["src/cli/summaries.ts", REFERENCE];

/** @param root what stands for the repository's root */
async function texts(root: string): Promise<void> {
  await run([process.execPath, inRoot("build/generated-texts.ts"), root]);
}

async function refuseDifference(path: string, fresh: string): Promise<void> {
  try {
    await run(["diff", "-r", "-u", inRoot(path), join(fresh, path)]);
  } catch (cause) {
    const remedy = `run \`bun build.ts gen\`, and never edit ${path} by hand`;
    const diff = cause instanceof Error && "output" in cause ? String(cause.output) : "";
    throw new BuildError(`${path} is not what proto/ gives: ${remedy}\n${diff}`, { cause });
  }
}

/** @throws {BuildError} when src/gen, the library, or a text that is made of comments, is not what the protos give */
export async function checkGenerated(): Promise<void> {
  await withTempFolder(async (folder) => {
    // buf.gen.yaml writes to folders of ../src, which are taken from the folder named here.
    await buf("generate", "-o", join(folder, "proto"));
    await texts(folder);
    for (const path of [...GENERATED, ...TEXTS]) {
      await refuseDifference(path, folder);
    }
  });
}

export async function genCommand(args: readonly string[]): Promise<void> {
  await step("lint the protos", lintProtos);
  if (!args.includes("--allow-breaking")) {
    await step("compare with proto/lock.binpb", checkBreaking);
  }
  await step("generate src/gen and src/library/gen", async () => {
    await buf("generate");
  });
  await step(`write ${TEXTS.join(" and ")}`, () => texts(inRoot()));
  await step("write proto/lock.binpb", async () => {
    await buildLock(LOCK);
  });
}
