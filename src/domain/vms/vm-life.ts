/**
 * One life of a virtual machine: its monitor from the moment it was made until it is gone, with what its ports print, the
 * turns of those who want something of it, and an end that comes in time. It decides nothing: what follows upon its end is
 * for vm.ts.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { Turns } from "../../base/turns.ts";
import { OutputDrain } from "../executables/output-drain.ts";
import type { ExecutableOutput } from "../executables/outputs.ts";
import { TappedOutput } from "../executables/taps.ts";
import { askGuestToEnd } from "./guest-control.ts";
import type { Monitor } from "./monitors.ts";
import type { VmEnding } from "./vm-record.ts";
import { within } from "./within.ts";

/** How long a monitor may take to say what its guest does. */
const STATUS_TIMEOUT_MS = 2_000;
/** How long after a refusal the end of a monitor may turn out to be the reason for it. */
const ENDING_MS = 250;

export interface LifeStatus {
  /** One that was restored, and has not gone on yet, is paused. */
  readonly state: "running" | "paused" | "ended";
  /** The monitor did not say in time; the state is the last one that it told. */
  readonly isUnresponsive: boolean;
  /** What the guest has given back by its balloon; 0 where nobody said. */
  readonly balloonBytes: number;
}

export interface VmLifeOptions {
  /** Which one it is, as its guest knows it; left out where nobody knows. */
  readonly lifeId: string | undefined;
  /** Closed at its end. Left out: its guest can ask nobody. */
  readonly door: Disposable | undefined;
  readonly wasAdopted: boolean;
}

export class VmLife {
  readonly monitor: Monitor;
  readonly lifeId: string | undefined;
  /** The console is its standard output, the serial port its standard error. */
  readonly output: TappedOutput;
  /** Never rejects. The monitor is gone, and all that it printed is kept. */
  readonly over: Promise<VmEnding>;
  readonly #id: string;
  readonly #wasAdopted: boolean;
  readonly #door: Disposable | undefined;
  #ending: VmEnding | undefined;
  #deadline: { readonly atMs: number; readonly timer: NodeJS.Timeout } | undefined;
  /** Why we killed it. */
  #verdict: string | undefined;
  readonly #turns = new Turns();
  #lastState: "running" | "paused" = "running";
  #killFailed = silentRejection();

  constructor(
    id: string,
    monitor: Monitor,
    output: ExecutableOutput,
    { lifeId, door, wasAdopted }: VmLifeOptions,
  ) {
    this.#id = id;
    this.monitor = monitor;
    this.lifeId = lifeId;
    this.#door = door;
    this.#wasAdopted = wasAdopted;
    this.output = new TappedOutput(output);
    const { pid, startTime } = monitor.record;
    this.output.begin({ pid, namespacePid: pid, startTime });
    this.over = this.#run();
  }

  /** Undefined while it lives. */
  get ending(): VmEnding | undefined {
    return this.#ending;
  }

  async #run(): Promise<VmEnding> {
    const { monitor, output } = this;
    const pipes = { stdout: monitor.console, stderr: monitor.serial };
    const drain = new OutputDrain(pipes, output, (error) =>
      log.error("lost output of a vm", { vm: this.#id, cause: messageOf(error) }),
    );
    const end = await monitor.ended;
    const endedMs = this.#wasAdopted && end.kind === "unknown" ? undefined : Date.now();
    clearTimeout(this.#deadline?.timer);
    this.#door?.[Symbol.dispose]();
    await drain.finish();
    output.end();
    output.close();
    const isOurs = this.#verdict !== undefined && end.kind !== "off";
    this.#ending = isOurs
      ? { kind: "killed", message: this.#verdict ?? "", endedMs }
      : { ...end, endedMs };
    return this.#ending;
  }

  /** Never rejects. */
  async status(): Promise<LifeStatus> {
    const told = await within(this.monitor.status(), STATUS_TIMEOUT_MS).catch(async () => {
      await within(this.over, ENDING_MS);
    });
    if (this.#ending !== undefined || told?.state === "ended") {
      return { state: "ended", isUnresponsive: false, balloonBytes: 0 };
    }
    if (told !== undefined) {
      this.#lastState = told.state === "running" ? "running" : "paused";
    }
    const { balloonBytes = 0 } = told ?? {};
    return { state: this.#lastState, isUnresponsive: told === undefined, balloonBytes };
  }

  /**
   * Asks something of the monitor, once those before are served.
   * @throws {AuraeError} failed_precondition if it has ended; what the monitor refuses with
   */
  async use<T>(run: (monitor: Monitor) => Promise<T>): Promise<T> {
    return await this.#turns.take(async () => {
      this.#requireAlive();
      try {
        return await run(this.monitor);
      } catch (error) {
        await within(this.over, ENDING_MS);
        this.#requireAlive();
        throw error;
      }
    });
  }

  #requireAlive(): void {
    if (this.#ending !== undefined) {
      const { kind, message } = this.#ending;
      const why = `it has ended meanwhile: ${message === "" ? kind : message}`;
      throw new AuraeError("failed_precondition", why);
    }
  }

  /** What the guest does about it is its own business; one that can't be asked is ended by force. Never rejects. */
  async pressPowerButton(): Promise<void> {
    try {
      await this.use(askGuestToEnd);
    } catch (error) {
      if (this.#ending === undefined) {
        const why = `its power button could not be pressed: ${messageOf(error)}`;
        log.warn("a vm is ended by force", { vm: this.#id, cause: why });
        this.kill(why);
      }
    }
  }

  /**
   * Has it end within this time, or earlier if that was asked for before.
   * @param ms 0 for at once
   */
  endWithin(ms: number): void {
    const atMs = performance.now() + ms;
    if (
      this.#ending !== undefined ||
      (this.#deadline !== undefined && this.#deadline.atMs <= atMs)
    ) {
      return;
    }
    clearTimeout(this.#deadline?.timer);
    const why = ms === 0 ? "it was ended by force" : `it did not end within ${ms} ms`;
    if (ms === 0) {
      this.kill(why);
      return;
    }
    this.#deadline = { atMs, timer: setTimeout(() => this.kill(why), ms) };
  }

  /** @param why for people */
  kill(why: string): void {
    clearTimeout(this.#deadline?.timer);
    this.#deadline = undefined;
    this.#verdict ??= why;
    this.monitor.kill().catch((error: unknown) => {
      this.#verdict = undefined;
      const { reject } = this.#killFailed;
      this.#killFailed = silentRejection();
      reject(error);
    });
  }

  /** Never resolves. @throws {AuraeError} internal, once it could not be killed */
  get killFailed(): Promise<never> {
    return this.#killFailed.promise;
  }
}

/** A promise whose rejection need not be heard by anybody. */
function silentRejection(): PromiseWithResolvers<never> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  return failed;
}
