/**
 * Notices a peer that neither speaks nor listens.
 *
 * One timer per session, which comes round eight times within the limit: waiting only leaves a mark, and the first round that finds it begins to count.
 * So a peer may have up to an eighth more than the limit, and a command costs no look at the clock. Time spent in hooks does not count: they have
 * deadlines of their own.
 */
import type { Clock, Timer } from "../base/clock.ts";

export class IdleWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onIdle: () => void;
  readonly #roundMs: number;
  #waits = false;
  /** When a round first found the present wait; undefined before. */
  #since: number | undefined;
  #timer: Timer | undefined;

  /** `limitMs` 0 is no limit. */
  constructor(clock: Clock, limitMs: number, onIdle: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#roundMs = limitMs / ROUNDS;
    this.#onIdle = onIdle;
    if (limitMs > 0) this.#arm(this.#roundMs);
  }

  /** The session waits for the peer from now on; waiting anew starts anew. */
  waiting(): void {
    this.#waits = true;
    this.#since = undefined;
  }

  /** The peer did something. */
  active(): void {
    this.#waits = false;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#look());
  }

  #look(): void {
    if (!this.#waits) return this.#arm(this.#roundMs);
    const now = this.#clock.monotonic();
    this.#since ??= now;
    const left = this.#since + this.#limitMs - now;
    if (left > 0) return this.#arm(Math.min(left, this.#roundMs));
    this.#timer = undefined;
    this.#onIdle();
  }
}

const ROUNDS = 8;
