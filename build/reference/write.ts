/** All files of the API reference, by their path from the repository's root. */
import type { Comments } from "./comments.ts";
import { REFERENCE } from "./folder.ts";
import { htmlPage } from "./html.ts";
import { markdownPages } from "./markdown.ts";
import { createModel } from "./model.ts";

export function referenceFiles(comments: Comments): ReadonlyMap<string, string> {
  const packages = createModel(comments);
  const files = new Map<string, string>();
  for (const [name, text] of markdownPages(packages)) {
    files.set(`${REFERENCE}/${name}`, text);
  }
  files.set(`${REFERENCE}/index.html`, htmlPage(packages));
  return files;
}
