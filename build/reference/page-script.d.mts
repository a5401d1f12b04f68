/** The types of page-script.mjs, which a browser gets as it is. */
export declare function rank(
  entries: readonly { readonly name: string; readonly text: string }[],
  query: string,
): number[];
export declare function start(document: object): void;
