/**
 * Runs the health check of an executable every so often, where it runs and as the same user, and says when what it finds
 * has changed. What the checks print is thrown away, and what they leave behind is ended.
 */
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { SIGKILL } from "../../kernel/abi/signal.ts";
import type { ManagedProcess, OutputPipe } from "../../kernel/process/processes.ts";
import type { HealthCheckSpec } from "./executable-spec.ts";
import { readChunks } from "./read-chunks.ts";

export type Health = "unknown" | "healthy" | "unhealthy";

export interface HealthChecksPlace {
  /** Runs a command line where the executable runs. Nothing is left of the one before then. */
  readonly start: (command: string) => ManagedProcess;
  /** Kills at once what is left of the last check, and resolves when it is gone. @throws {AuraeError} internal */
  readonly clear: () => Promise<void>;
  /** Nothing runs in a frozen cell, which says nothing about the executable. */
  readonly isFrozen: () => boolean;
  readonly onChange: (health: Health, detail: string) => void;
}

export class HealthChecks implements Disposable {
  readonly #spec: HealthCheckSpec;
  readonly #place: HealthChecksPlace;
  readonly #startedMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #running: ManagedProcess | undefined;
  #failures = 0;
  #health: Health = "unknown";
  #isClosed = false;

  constructor(spec: HealthCheckSpec, place: HealthChecksPlace) {
    this.#spec = spec;
    this.#place = place;
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#isClosed) {
      this.#timer = setTimeout(() => void this.#check(), this.#spec.intervalMs);
    }
  }

  async #check(): Promise<void> {
    if (!this.#place.isFrozen()) {
      let failure: string | undefined;
      try {
        failure = await this.#run();
      } catch (error) {
        failure = messageOf(error);
      }
      if (!this.#isClosed && (failure === undefined || !this.#place.isFrozen())) {
        this.#take(failure);
      }
    }
    this.#schedule();
  }

  /** @returns what failed, if anything */
  async #run(): Promise<string | undefined> {
    // Of an earlier daemon, or of a check that could not be ended.
    await this.#place.clear();
    if (this.#isClosed) {
      return;
    }
    try {
      return await this.#runCommand();
    } finally {
      // Closed, the place may be another's already.
      if (!this.#isClosed) {
        await this.#place.clear();
      }
    }
  }

  async #runCommand(): Promise<string | undefined> {
    const process = this.#place.start(this.#spec.command);
    this.#running = process;
    void discard(process.stdout);
    void discard(process.stderr);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      process.signalGroup(SIGKILL);
    }, this.#spec.timeoutMs);
    try {
      const { status } = await process.exited;
      if (isLate) {
        return `took longer than ${this.#spec.timeoutMs} ms`;
      }
      return status?.kind === "exited"
        ? status.code === 0
          ? undefined
          : `exit code ${status.code}`
        : `signal ${status?.signal ?? "unknown"}`;
    } finally {
      clearTimeout(timer);
      this.#running = undefined;
      await Promise.all([process.stdout.close(), process.stderr.close()]);
    }
  }

  #take(failure: string | undefined): void {
    if (failure === undefined) {
      this.#failures = 0;
      this.#change("healthy", "");
    } else if (performance.now() - this.#startedMs >= this.#spec.startPeriodMs) {
      this.#failures += 1;
      if (this.#failures >= this.#spec.retries) {
        this.#change("unhealthy", `${this.#failures} checks in a row failed, the last: ${failure}`);
      }
    }
  }

  #change(health: Health, detail: string): void {
    if (this.#health !== health) {
      this.#health = health;
      this.#place.onChange(health, detail);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#running?.signalGroup(SIGKILL);
    this.#place.clear().catch((error: unknown) => {
      log.warn("could not end a health check", { cause: messageOf(error) });
    });
  }
}

async function discard(pipe: OutputPipe): Promise<void> {
  try {
    for await (const _bytes of readChunks(pipe)) {
      // Nobody asked for it.
    }
  } catch (error) {
    log.trace("a health check's output broke off", { cause: messageOf(error) });
  }
}
