/** Where a server listens, and how that is written in logs and errors. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** A Unix socket at which a relay has peers from elsewhere: nothing that the kernel says of the relay is said of them. */
  | { readonly kind: "relay"; readonly path: string; readonly from: string };

/** `127.0.0.1:8080`, `[::1]:8080`, the path, or where a relay's peers are. */
export function printedAddress(address: Address): string {
  if (address.kind === "unix") {
    return address.path;
  }
  if (address.kind === "relay") {
    return address.from;
  }
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
