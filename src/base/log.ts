/**
 * The daemon's log: one line an event, to standard output, as `time LEVEL message key=value`. With `main/`, this is
 * the only place that writes to the console.
 */
import { writeSync } from "node:fs";
import { LogRing } from "./log-ring.ts";

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

const LEVELS = ["TRACE", "INFO", "WARN", "ERROR"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** The last lines that were written. */
export const recentLog = new LogRing();

let threshold: LogLevel = "INFO";
let sink: (line: string) => void = (line) => {
  try {
    writeSync(1, line);
  } catch {
    // EPIPE, EAGAIN, EIO: nobody reads our standard output; the log must not end the daemon.
  }
};

/** Says which events are written: this level and those above. */
export function setLogLevel(level: LogLevel): void {
  threshold = level;
}

/** Sends the lines elsewhere; answers with a function that sends them back. */
export function setLogSink(next: (line: string) => void): () => void {
  const before = sink;
  sink = next;
  return () => {
    sink = before;
  };
}

/** Quotes what is not a plain word, so that a hostile value can't forge a line or steer a terminal. */
function printed(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w./:@+,[\]-]+$/.test(text) ? text : JSON.stringify(text).replace(/[\x7f-\x9f]/g, "?");
}

function write(level: LogLevel, message: string, fields: LogFields): void {
  if (LEVELS.indexOf(level) < LEVELS.indexOf(threshold)) {
    return;
  }
  const now = new Date();
  let line = `${now.toISOString()} ${level.padEnd(5)} ${message.replace(/[\0-\x1f\x7f-\x9f]/g, " ")}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) {
      line += ` ${key}=${printed(value)}`;
    }
  }
  recentLog.push(line, now.getTime());
  sink(`${line}\n`);
}

export const log = {
  trace: (message: string, fields: LogFields = {}) => write("TRACE", message, fields),
  info: (message: string, fields: LogFields = {}) => write("INFO", message, fields),
  warn: (message: string, fields: LogFields = {}) => write("WARN", message, fields),
  error: (message: string, fields: LogFields = {}) => write("ERROR", message, fields),
};
