/**
 * Loads `@peculiar/x509` when it is needed, and before it the metadata polyfill that it wants. One after the other,
 * awaited: of two static imports, Bun's loader may run the CommonJS one that happens to be read first, and its
 * bundler runs CommonJS imports after ESM ones, so that the polyfill would come too late now and then.
 */

export type X509Module = typeof import("@peculiar/x509");

export async function loadX509(): Promise<X509Module> {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}
