/**
 * Writes what is made from the comments of the protos: the texts of `aer`'s help, and the API reference. Takes the folder that stands for the
 * repository's root. A program of its own, since it imports what `gen` has just written.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SERVICE_GROUPS } from "../src/client/services.ts";
import { ROOT } from "./paths.ts";
import { readComments } from "./reference/comments.ts";
import { referenceFiles } from "./reference/write.ts";
import { summariesModule } from "./summaries.ts";

const root = process.argv[2] ?? ROOT;
const comments = await readComments();
const services = SERVICE_GROUPS.map(({ service }) => service);
const files = new Map([
  ["src/cli/summaries.ts", summariesModule(comments, services)],
  ...referenceFiles(comments),
]);
for (const [path, text] of files) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
