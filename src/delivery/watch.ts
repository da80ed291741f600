/**
 * One timer for the deadlines of all connections: setting a deadline is writing a number.
 *
 * It looks every quarter of a second while there is anything to watch, and that is when it reads the clock: a deadline may be up to twice that much
 * late, and never early.
 */
import type { Clock, Timer } from "../base/clock.ts";

export interface Watched {
  /** On the clock's monotonic scale; `Infinity` for none. */
  deadline: number;
  /** Called once the deadline is over; it must set another one or leave the watch. */
  expire(): void;
}

const TICK_MS = 250;

export class Watch {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;
  /** When the clock was read last; while anything is watched, not longer ago than a tick. */
  #now = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    if (this.#timer !== undefined) return;
    this.#now = this.#clock.monotonic();
    this.#arm();
  }

  /** A deadline so many milliseconds from now. */
  within(ms: number): number {
    return (this.#timer === undefined ? this.#clock.monotonic() : this.#now + TICK_MS) + ms;
  }

  /** The timer goes with the last one watched. */
  delete(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#timer = undefined;
      const now = this.#now = this.#clock.monotonic();
      for (const watched of this.#watched) if (watched.deadline <= now) watched.expire();
      if (this.#watched.size > 0 && this.#timer === undefined) this.#arm();
    });
  }
}
