/**
 * Loads `@peculiar/x509` when it is needed, and before it the metadata polyfill that it wants.
 *
 * It is a file of its own in the executable (`build/x509.ts`), read and compiled when a certificate is made: as a part of the
 * program it would have a fifth of all bytecode, for what nobody waits for.
 */
import libraryPath from "../../dist/x509.js" with { type: "file" };

export type X509Module = typeof import("@peculiar/x509");

export async function loadX509(): Promise<X509Module> {
  await import("reflect-metadata");
  return (await import(libraryPath)) as X509Module;
}
