/** The least of what the runtime has beside the web's own names, where no @types/bun is installed. */
declare const process: {
  argv: string[];
  env: Record<string, string | undefined>;
  exitCode: number | undefined;
  readonly execPath: string;
  readonly pid: number;
  cwd(): string;
  exit(code?: number): never;
  on(event: string, listener: (...args: any[]) => void): void;
  once(event: string, listener: (...args: any[]) => void): void;
  readonly stdin: any;
  readonly stdout: { write(text: string | Uint8Array): boolean; readonly isTTY?: boolean };
  readonly stderr: { write(text: string | Uint8Array): boolean; readonly isTTY?: boolean };
};
declare const Bun: any;
declare const Buffer: any;
declare function require(name: string): any;

interface ImportMeta {
  readonly main: boolean;
  readonly path: string;
  readonly dir: string;
}

declare module "bun";
declare module "bun:*";
declare module "node:*";
