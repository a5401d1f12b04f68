import { describe, expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectFailure } from "./connect-failure.ts";

describe("connectFailure", () => {
  const context = {
    address: { kind: "unix", path: "/run/aurae.sock" },
    serverName: "server",
    credentials: { ca: "", cert: "", key: "" },
    paths: { caCrt: "/pki/ca.crt", clientCrt: "/pki/client.crt", clientKey: "/pki/client.key" },
  } as const;

  test("does not blame the certificate alone where the server closed the connection", () => {
    for (const code of ["ECONNRESET", "EPIPE"]) {
      const error = connectFailure(Object.assign(new Error("closed"), { code }), context);
      expect(error).toBeInstanceOf(ConnectError);
      expect(error).toMatchObject({ code: Code.Unavailable });
      expect((error as ConnectError).rawMessage).toStartWith(
        'connect to "/run/aurae.sock": the server closed the connection: ' +
          'it has ended, or it does not trust "/pki/client.crt"',
      );
    }
  });
});
