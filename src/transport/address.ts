/** Where a server listens, and how that is written in logs and errors. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** `127.0.0.1:8080`, `[::1]:8080`, or the path. */
export function printedAddress(address: Address): string {
  if (address.kind === "unix") {
    return address.path;
  }
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
