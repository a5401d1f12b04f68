/** `man`: makes the manual pages, `dist/man`, which man(1) reads with `man -M dist/man aer`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../../src/daemon/version.ts";
import { DIST } from "../paths.ts";
import { type Comments, readComments } from "../reference/comments.ts";
import { step } from "../step.ts";
import { aerPages } from "./aer-pages.ts";
import { auraedPage } from "./auraed-page.ts";
import { auraescriptPage } from "./auraescript-page.ts";
import { type Page, renderPage } from "./roff.ts";

export const MAN = join(DIST, "man");

export function manPages(comments: Comments): readonly Page[] {
  return [...aerPages(comments, VERSION), auraedPage(VERSION), auraescriptPage(VERSION)];
}

export async function manCommand(): Promise<void> {
  await step("write dist/man", async () => {
    const pages = manPages(await readComments());
    rmSync(MAN, { recursive: true, force: true });
    for (const page of pages) {
      const folder = join(MAN, `man${page.section}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${page.name}.${page.section}`), renderPage(page));
    }
    return `ok, ${pages.length} pages`;
  });
}
