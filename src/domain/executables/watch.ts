/**
 * Watches over one life of an executable: hears that it is ready, bounds how long that may take, and from then on runs
 * its health checks. What follows upon what it sees is for executable.ts.
 */
import type { ExecutableSpec } from "./executable-spec.ts";
import { type Health, HealthChecks, type HealthChecksPlace } from "./health-checks.ts";
import { removeGroup } from "./life.ts";
import { listenAgain, listenForReadiness, NOTIFY_SOCKET, type ReadinessEars } from "./readiness.ts";
import { spawn, type Surroundings } from "./surroundings.ts";

/** The control group of a health check, in the executable's. */
const CHECK_DIRECTORY = "check";

export interface WatchEvents {
  readonly onReady: () => void;
  readonly onStatusText: (text: string) => void;
  readonly onHealth: (health: Health, detail: string) => void;
  /** It is not ready in time. */
  readonly onLate: (why: string) => void;
}

/** What an earlier daemon has seen of a life. */
export interface Earlier {
  readonly isReady: boolean;
  readonly notifySocket: string | undefined;
}

/** Closed, it sees nothing more. */
export class Watch implements Disposable {
  readonly #around: Surroundings;
  readonly #spec: ExecutableSpec;
  readonly #events: WatchEvents;
  readonly #ears: ReadinessEars | undefined;
  readonly #wasReady: boolean;
  #timer: NodeJS.Timeout | undefined;
  #checks: HealthChecks | undefined;
  #isReady = false;
  #isClosed = false;

  /**
   * To be made before the process is.
   * @param earlier for one whose process was there before
   * @throws {SyscallError} never for one whose process was there before
   */
  constructor(
    around: Surroundings,
    spec: ExecutableSpec,
    earlier: Earlier | undefined,
    events: WatchEvents,
  ) {
    this.#around = around;
    this.#spec = spec;
    this.#events = events;
    const { kernel, cgroup } = around;
    const heard = { onReady: () => this.#ready(), onStatusText: events.onStatusText };
    this.#ears =
      earlier === undefined
        ? listenForReadiness(kernel, spec.readiness, cgroup, heard)
        : listenAgain(kernel, earlier.notifySocket, cgroup, heard);
    // Whom nobody can hear any more counts as ready: to end it would punish it for the end of a daemon.
    const isDeaf = earlier !== undefined && this.#ears === undefined;
    this.#wasReady = spec.readiness.kind === "none" || earlier?.isReady === true || isDeaf;
  }

  /** What the process needs from its start. */
  get options(): ReadinessEars["options"] {
    return this.#ears?.options ?? { env: {} };
  }

  /** Where the process tells that it is ready, if it does so by a socket. */
  get notifySocket(): string | undefined {
    return this.options.env[NOTIFY_SOCKET];
  }

  /** To be called once the process runs. One that has no readiness of its own is ready then. */
  launched(): void {
    this.#ears?.launched();
    if (this.#wasReady) {
      this.#ready();
      return;
    }
    const { readiness } = this.#spec;
    const timeoutMs = readiness.kind === "none" ? 0 : readiness.timeoutMs;
    if (timeoutMs > 0) {
      const why = `it did not say within ${timeoutMs} ms that it is ready`;
      this.#timer = setTimeout(() => this.#events.onLate(why), timeoutMs);
    }
  }

  #ready(): void {
    if (this.#isReady || this.#isClosed) {
      return;
    }
    this.#isReady = true;
    clearTimeout(this.#timer);
    const { healthCheck } = this.#spec;
    if (healthCheck !== undefined) {
      this.#checks = new HealthChecks(healthCheck, this.#checksPlace());
    }
    this.#events.onReady();
  }

  /** Each check gets a control group of its own inside the executable's, so that all it started ends with it. */
  #checksPlace(): HealthChecksPlace {
    const { kernel, cgroup: parent, isFrozen } = this.#around;
    const cgroup = `${parent}/${CHECK_DIRECTORY}`;
    return {
      start: (command) => {
        kernel.cgroups.create(cgroup);
        return spawn({ ...this.#around, cgroup }, { env: {} }, command);
      },
      clear: async () => {
        if (kernel.cgroups.exists(cgroup)) {
          // Since Linux 6.14, what is born into a group that cgroup.kill was ever written to is killed at once.
          await removeGroup(kernel, this.#spec.name, cgroup);
        }
      },
      isFrozen,
      onChange: this.#events.onHealth,
    };
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#ears?.[Symbol.dispose]();
    this.#checks?.[Symbol.dispose]();
  }
}
