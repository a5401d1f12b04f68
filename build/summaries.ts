/**
 * Writes src/cli/summaries.ts, the help of `aer`, from the comments in src/gen. A program of its own, since it imports
 * what `gen` has just written.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { summariesFromGenerated, summariesModule } from "../src/cli/summaries-source.ts";
import { SERVICE_GROUPS } from "../src/client/services.ts";
import { filesBelow } from "./files.ts";
import { inRoot } from "./paths.ts";

const sources = filesBelow("src/gen", "**/*_pb.ts")
  .toSorted()
  .map((path) => readFileSync(path, "utf8"));
const services = SERVICE_GROUPS.map(({ service }) => service);
writeFileSync(
  inRoot("src/cli/summaries.ts"),
  summariesModule(summariesFromGenerated(sources), services),
);
