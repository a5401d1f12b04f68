/** Files that the build embeds in the executable; an import of one is its path there. */
declare module "*.so" {
  const path: string;
  export default path;
}

declare module "*/launcher" {
  const path: string;
  export default path;
}

declare module "*/cell-init" {
  const path: string;
  export default path;
}

declare module "*.json.zst" {
  const path: string;
  export default path;
}

declare module "*/dist/x509.js" {
  const path: string;
  export default path;
}
