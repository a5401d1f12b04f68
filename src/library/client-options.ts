/** What `createClient` can be told, in both spellings: ours, and the one of scripts for Aurae. */

/** Where the daemon is and who we are; what is left out is taken from the configuration file. */
export interface ClientOptions {
  /** This configuration file, and no other. */
  readonly config?: string | undefined;
  /** This named context (`aer context list`); `default` for the file that is found without one. */
  readonly context?: string | undefined;
  /** A socket's path, `host:port` or `[ipv6%zone]:port`. */
  readonly socket?: string | undefined;
  /** The file of the CA's certificate, PEM. */
  readonly caCrt?: string | undefined;
  /** The file of the client's certificate, PEM. */
  readonly clientCrt?: string | undefined;
  /** The file of the client's key, PEM. */
  readonly clientKey?: string | undefined;
  /** The name that the server's certificate has to carry. */
  readonly serverName?: string | undefined;
}

/** The same as scripts for Aurae write it. */
export type AuraeClientOptions =
  | { readonly kind: "default" }
  | { readonly kind?: "path"; readonly path: string }
  | {
      readonly kind?: "opts";
      readonly ca_crt: string;
      readonly client_crt: string;
      readonly client_key: string;
      readonly socket: string;
    };
