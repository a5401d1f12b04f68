import { expect, test } from "bun:test";
import { DEFAULT_CLIENTS } from "./layout.ts";
import { parsePkiOptions } from "./options.ts";

test("parsePkiOptions without words has the contract's directory and clients", () => {
  expect(parsePkiOptions([])).toEqual({
    help: false,
    dir: "/etc/aurae/pki",
    trustDomain: undefined,
    clients: DEFAULT_CLIENTS,
    days: 365,
    force: false,
    config: undefined,
    socket: "/var/run/aurae/aurae.sock",
  });
});

test("parsePkiOptions reads clients with and without a role; the known ones keep theirs", () => {
  const { clients } = parsePkiOptions(["--client", "nova", "--client", "ci", "--client=a-1:admin"]);
  expect(clients).toEqual([
    { name: "nova", role: "admin" },
    { name: "ci", role: "reader" },
    { name: "a-1", role: "admin" },
  ]);
});

test.each([
  [["--nope"], "unknown option '--nope'"],
  [["stray"], "unexpected argument 'stray'"],
  [["--dir"], "'--dir <value>' argument missing"],
  [["--dir", ""], '--dir is "", not a path'],
  [["--dir", "a\0b"], '--dir is "a\\u0000b", not a path'],
  [["--days", "0"], '--days is "0"'],
  [["--days", "1.5"], '--days is "1.5"'],
  [["--days", "99999"], '--days is "99999"'],
  [["--days=-1"], '--days is "-1"'],
  [["--trust-domain", ""], '--trust-domain is ""'],
  [["--trust-domain", "A.example"], '--trust-domain is "A.example"'],
  [["--trust-domain", "a/b"], '--trust-domain is "a/b"'],
  [["--trust-domain", "a..b"], '--trust-domain is "a..b"'],
  [["--trust-domain", `${"a.".repeat(100)}b`], "not a lower-case DNS name"],
  [["--client", ""], '--client is ""'],
  [["--client", "server"], 'not "server"'],
  [["--client", "localhost"], 'not "server" or "localhost"'],
  [["--client", "../x"], '--client is "../x"'],
  [["--client", "a.b"], '--client is "a.b"'],
  [["--client", "a\n"], '--client is "a\\n"'],
  [["--client", "a".repeat(10_000)], "not a name of up to 63"],
  [["--client", "ci:"], '--client is "ci:"'],
  [["--client", "ci:a/b"], '--client is "ci:a/b"'],
  [["--client", "ci", "--client", "ci:admin"], '--client names "ci" twice'],
  [Array.from({ length: 101 }, (_, i) => `--client=c${i}`), "100 at most"],
  [["--socket", "[::1]:8080"], "--socket is for --config"],
])("parsePkiOptions refuses %j", (args: string[], message: string) => {
  expect(() => parsePkiOptions(args)).toThrow(message);
});
