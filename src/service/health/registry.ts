/**
 * The serving status of every service, and who waits for it to change. A watcher that reads slowly skips states that
 * came and went meanwhile, so its memory is one value whatever happens.
 */
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";

export { ServingStatus };

export class HealthRegistry {
  readonly #statuses = new Map<string, ServingStatus>();
  /** The watchers that sleep, by the service they watch. */
  readonly #sleepers = new Map<string, Set<() => void>>();
  #isClosed = false;

  /** @param service full name of a service; "" is the daemon as a whole */
  set(service: string, status: ServingStatus): void {
    if (this.#statuses.get(service) !== status) {
      this.#statuses.set(service, status);
      this.#wake(service);
    }
  }

  get(service: string): ServingStatus | undefined {
    return this.#statuses.get(service);
  }

  /** Sets every service to NOT_SERVING, tells the watchers, and ends them. */
  close(): void {
    this.#isClosed = true;
    for (const service of this.#statuses.keys()) {
      this.#statuses.set(service, ServingStatus.NOT_SERVING);
    }
    for (const service of [...this.#sleepers.keys()]) {
      this.#wake(service);
    }
  }

  /**
   * The status now, and then whenever it changes, until the registry closes.
   * @throws the signal's reason, once it is aborted and the last status is told
   */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<ServingStatus> {
    let last: ServingStatus | undefined;
    for (;;) {
      const status = this.#statuses.get(service) ?? ServingStatus.SERVICE_UNKNOWN;
      if (status !== last) {
        last = status;
        yield status;
      } else if (this.#isClosed) {
        return;
      } else if (signal.aborted) {
        throw signal.reason;
      } else {
        await this.#change(service, signal);
      }
    }
  }

  #change(service: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const sleepers = this.#sleepers.get(service) ?? new Set();
      this.#sleepers.set(service, sleepers);
      const wake = () => {
        signal.removeEventListener("abort", wake);
        sleepers.delete(wake);
        if (sleepers.size === 0 && this.#sleepers.get(service) === sleepers) {
          this.#sleepers.delete(service);
        }
        resolve();
      };
      sleepers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #wake(service: string): void {
    for (const wake of [...(this.#sleepers.get(service) ?? [])]) {
      wake();
    }
  }

  /** How many watchers sleep; for tests of leaks. */
  get watcherCount(): number {
    let count = 0;
    for (const sleepers of this.#sleepers.values()) {
      count += sleepers.size;
    }
    return count;
  }
}
