/**
 * Notices a peer that neither speaks nor listens.
 *
 * One timer per session, armed about once per limit: waiting notes a moment, and the timer looks at it when it comes round. Time spent
 * in hooks does not count: they have deadlines of their own.
 */
import type { Clock, Timer } from "../base/clock.ts";

export class IdleWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onIdle: () => void;
  #since: number | undefined;
  #timer: Timer | undefined;

  /** `limitMs` 0 is no limit. */
  constructor(clock: Clock, limitMs: number, onIdle: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onIdle = onIdle;
    if (limitMs > 0) this.#arm(limitMs);
  }

  /** The session waits for the peer from now on; waiting anew starts anew. */
  waiting(): void {
    this.#since = this.#clock.monotonic();
  }

  /** The peer did something. */
  active(): void {
    this.#since = undefined;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#look());
  }

  #look(): void {
    if (this.#since === undefined) return this.#arm(this.#limitMs);
    const left = this.#since + this.#limitMs - this.#clock.monotonic();
    if (left > 0) return this.#arm(left);
    this.#timer = undefined;
    this.#onIdle();
  }
}
