/**
 * `aer cell top`: what cells use, anew each second on a screen of its own, which is gone when it ends, however it ends.
 * Without a terminal, or as JSON, one reading over a second.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { CellServiceStatusRequest } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { EXIT } from "../exit-codes.ts";
import { escapeJson } from "../../base/escape.ts";
import { styleFrom } from "../render/style.ts";
import type { Host } from "./host.ts";
import { DEFAULT_SIZE } from "./host.ts";
import { Interruption } from "./session.ts";
import type { Tool, ToolContext } from "./tool.ts";
import { topFrame } from "./top-frame.ts";
import {
  type Reading,
  readCells,
  rowsBetween,
  SORTS,
  type Sort,
  sortedRows,
} from "./top-readings.ts";

const REFRESH_MS = 1_000;
/** Between the first two readings of a live view, so that there is something to see soon. */
const FIRST_MS = 250;

/** A second screen without a cursor (xterm control sequences, DECSET 1049 and 25), and back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const CTRL_C = "\x03";

export const top: Tool = async (context) => {
  const { cellName } = context.request as CellServiceStatusRequest;
  const host = await context.host();
  if (context.output === "json" || !context.io.isTerminal || host.size() === undefined) {
    return await once(context, cellName);
  }
  return await new LiveTop(context, host, cellName).run();
};

async function once(context: ToolContext, cellName: string): Promise<number> {
  const { io, output } = context;
  const before = await readCells(context, cellName, io.signal);
  await sleep(REFRESH_MS, undefined, { signal: io.signal });
  const after = await readCells(context, cellName, io.signal);
  const rows = sortedRows(rowsBetween(before, after), "c");
  if (output === "json") {
    await io.stdout(`${escapeJson(JSON.stringify({ cells: rows }, undefined, 2))}\n`);
    return EXIT.ok;
  }
  const width = rows.reduce((most, { name }) => Math.max(most, name.length), 0);
  const lines = topFrame(rows, {
    size: { rows: rows.length + 2, columns: 110 + width },
    style: styleFrom(io.env, io.isTerminal),
    sort: "c",
    scroll: 0,
  });
  await io.stdout(lines.map((line) => `${line}\n`).join(""));
  return EXIT.ok;
}

class LiveTop {
  readonly #context: ToolContext;
  readonly #host: Host;
  readonly #cellName: string;
  #sort: Sort = "c";
  #scroll = 0;
  #before: Reading | undefined;
  #after: Reading | undefined;

  constructor(context: ToolContext, host: Host, cellName: string) {
    this.#context = context;
    this.#host = host;
    this.#cellName = cellName;
  }

  async run(): Promise<number> {
    const { io } = this.#context;
    using interruption = new Interruption(this.#host, ["SIGINT", "SIGTERM", "SIGHUP"]);
    // A cell that is not there is told before the screen changes.
    this.#after = await readCells(this.#context, this.#cellName, interruption.signal);
    await io.stdout(ENTER);
    try {
      using _resize = this.#host.onResize(() => void this.#draw().catch(() => undefined));
      using _raw = this.#host.isInputTerminal ? await this.#host.rawMode() : undefined;
      const keys = this.#host.isInputTerminal ? this.#takeKeys(interruption) : undefined;
      keys?.catch(() => interruption.end(EXIT.failed));
      await this.#refresh(interruption.signal);
      return EXIT.ok;
    } catch (error) {
      if (interruption.code !== undefined) {
        return interruption.code;
      }
      throw error;
    } finally {
      await io.stdout(LEAVE);
    }
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    for (let waitMs = FIRST_MS; ; waitMs = REFRESH_MS) {
      await sleep(waitMs, undefined, { signal });
      this.#before = this.#after;
      this.#after = await readCells(this.#context, this.#cellName, signal);
      await this.#draw();
    }
  }

  async #takeKeys(interruption: Interruption): Promise<void> {
    for await (const bytes of this.#host.input()) {
      const keys = Buffer.from(bytes).toString("latin1");
      for (const [key] of keys.matchAll(/\x1b\[[0-9;]*[A-Za-z~]|[\s\S]/g)) {
        if (key === "q" || key === CTRL_C) {
          interruption.end(key === "q" ? EXIT.ok : EXIT.interrupted);
          return;
        }
        this.#press(key);
      }
      await this.#draw();
    }
  }

  #press(key: string): void {
    const page = (this.#host.size() ?? DEFAULT_SIZE).rows - 2;
    const steps: Readonly<Record<string, number>> = {
      "\x1b[A": -1,
      "\x1b[B": 1,
      "\x1b[5~": -page,
      "\x1b[6~": page,
    };
    if (key in SORTS) {
      this.#sort = key as Sort;
      this.#scroll = 0;
    } else {
      const last = Math.max(0, (this.#after?.cells.size ?? 0) - page);
      this.#scroll = Math.min(last, Math.max(0, this.#scroll + (steps[key] ?? 0)));
    }
  }

  async #draw(): Promise<void> {
    const { io } = this.#context;
    if (this.#before === undefined || this.#after === undefined) {
      return;
    }
    const lines = topFrame(sortedRows(rowsBetween(this.#before, this.#after), this.#sort), {
      size: this.#host.size() ?? DEFAULT_SIZE,
      style: styleFrom(io.env, true),
      sort: this.#sort,
      scroll: this.#scroll,
      note: "q quits; c m p r w n sort; arrows scroll",
    });
    // From the top, each line to its end, and what is below it.
    await io.stdout(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  }
}
