import { expect, test } from "bun:test";
import { clientConfigToml } from "./client-config.ts";

test("clientConfigToml is read back by a TOML parser, whatever the paths hold", () => {
  const config = {
    caCrt: '/a "quoted"\\path/ca.crt',
    clientCrt: "/tab\there/é/\x7f.crt",
    clientKey: "/new\nline = 1/[x]",
    socket: "[fe80::2%4]:8080",
  };
  expect(Bun.TOML.parse(clientConfigToml(config))).toEqual({
    auth: { ca_crt: config.caCrt, client_crt: config.clientCrt, client_key: config.clientKey },
    system: { socket: config.socket },
  });
});
