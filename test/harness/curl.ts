/** Calls a daemon as a stranger would: by curl, with a client certificate, in Connect's JSON. */
import { join } from "node:path";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(command: readonly string[]): Promise<Ended> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

export interface Caller {
  /** The folder of the PKI. */
  readonly pki: string;
  /** `host:port` of the URL. */
  readonly authority: string;
  /** The Unix socket to connect to instead. */
  readonly socket?: string;
  /** The client certificate, by its name in the PKI. */
  readonly as?: string;
  readonly http?: "1.1" | "2";
}

export interface Answer {
  readonly status: number;
  /** The HTTP version, `2` or `1.1`. */
  readonly version: string;
  readonly body: Record<string, unknown>;
}

export function curlArgs({ pki, socket, as = "nova", http = "2" }: Caller): string[] {
  return [
    ...["--silent", "--show-error", "--max-time", "60", `--http${http}`],
    ...["--cacert", join(pki, "ca.crt")],
    ...["--cert", join(pki, `_signed.client.${as}.crt`)],
    ...["--key", join(pki, `client.${as}.key`)],
    ...(socket === undefined ? [] : ["--unix-socket", socket]),
  ];
}

/** @param request a message, or the body as it is */
export async function curlCall(caller: Caller, method: string, request: unknown): Promise<Answer> {
  const { code, stdout, stderr } = await run([
    "curl",
    ...curlArgs(caller),
    ...["--header", "content-type: application/json"],
    ...["--data-binary", typeof request === "string" ? request : JSON.stringify(request)],
    ...["--write-out", "\n%{http_code} %{http_version}"],
    `https://${caller.authority}/${method}`,
  ]);
  if (code !== 0) {
    throw new Error(`curl ended with ${code}: ${stderr}`);
  }
  const end = stdout.lastIndexOf("\n");
  const [status = "", version = ""] = stdout.slice(end + 1).split(" ");
  const body = stdout.slice(0, end);
  return { status: Number(status), version, body: body === "" ? {} : JSON.parse(body) };
}
