/** Where the API reference is, from the repository's root. Apart, so that naming it loads none of what makes it. */
export const REFERENCE = "docs/stdlib/v0";
