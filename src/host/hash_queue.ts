/**
 * Costly work in turn: so many at a time, the others wait in the order they came. Whoever's signal is aborted waits no more.
 *
 * `yielding`: the work holds the thread. Then behind each piece the thread is left to others for as long as the piece took.
 */
import { type Clock, sleep } from "../base/clock.ts";

/** A pause no shorter than this, so that the event loop does turn. */
const LEAST_PAUSE_MS = 1;

export class HashQueue {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #yielding: boolean;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** When the thread has rested from the last piece; by the monotonic clock. */
  #restedAt = 0;

  constructor(clock: Clock, { most, yielding }: { readonly most: number; readonly yielding: boolean }) {
    this.#clock = clock;
    this.#most = most;
    this.#yielding = yielding;
  }

  /** Rejects with the signal's reason, or with what `work` throws. Work that has begun is not cut off. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      const pause = this.#restedAt - this.#clock.monotonic();
      if (pause > 0) await sleep(this.#clock, pause, signal);
      signal?.throwIfAborted();
      const from = this.#clock.monotonic();
      try {
        return await work();
      } finally {
        const now = this.#clock.monotonic();
        if (this.#yielding) this.#restedAt = now + Math.max(now - from, LEAST_PAUSE_MS);
      }
    } finally {
      this.#leave();
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#running < this.#most) {
      this.#running++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(enter);
    });
  }

  /** The place goes over to the next one, if there is any. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
