/**
 * Failed authentications by client address, over all sessions: whoever connects anew for each guess waits as long as whoever stays.
 *
 * Bounded in time (an address is forgotten a while after its last failure) and in size (the longest quiet is forgotten first).
 */
import type { Clock } from "../base/clock.ts";

export const FAILURES_KEPT_MS = 10 * 60_000;
const MOST_KEPT = 10_000;

export class AuthFailures {
  readonly #clock: Clock;
  /** In the order of their last failures. */
  readonly #of = new Map<string, { count: number; until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One more; says how many there were of late, this one included. */
  add(address: string): number {
    const now = this.#clock.monotonic();
    const before = this.#of.get(address);
    const count = before !== undefined && before.until > now ? before.count + 1 : 1;
    this.#of.delete(address);
    if (this.#of.size >= MOST_KEPT) this.#of.delete(this.#of.keys().next().value!);
    this.#of.set(address, { count, until: now + FAILURES_KEPT_MS });
    return count;
  }
}
