/**
 * A clock that stands still until a test moves it.
 *
 * `advance(ms)` fires what falls due, one moment after the other, and lets everything that wakes from it (promises, streams)
 * run before the next moment comes. Timers still pending at the end of a test are seen in `pending`.
 */
import type { Clock, Timer } from "../../src/base/clock.ts";

interface Armed {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** 2026-01-01T00:00:00Z: a round moment to begin at. */
export const FAKE_START = Date.UTC(2026, 0, 1);

export class FakeClock implements Clock {
  #passed = 0;
  #order = 0;
  readonly #start: number;
  readonly #settle: () => Promise<void>;
  readonly #armed = new Set<Armed>();

  /** `settle` resolves when everything has run that needs no more time; by default it lets the event loop turn once. */
  constructor(start: number = FAKE_START, settle: () => Promise<void> = settled) {
    this.#start = start;
    this.#settle = settle;
  }

  now(): number {
    return this.#start + this.#passed;
  }

  monotonic(): number {
    return this.#passed;
  }

  after(ms: number, run: () => void): Timer {
    const timer: Armed = { at: this.#passed + Math.max(0, ms), order: this.#order++, run };
    this.#armed.add(timer);
    return { cancel: () => void this.#armed.delete(timer) };
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#armed.size;
  }

  /** Milliseconds until the next timer is due; undefined when none waits. */
  get untilNext(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.at - this.#passed;
  }

  /** Lets `ms` milliseconds pass. Timers armed on the way are fired too if they fall into it. */
  async advance(ms: number): Promise<void> {
    const until = this.#passed + ms;
    await this.#settle();
    for (let next = this.#next(); next !== undefined && next.at <= until; next = this.#next()) {
      this.#passed = Math.max(this.#passed, next.at);
      this.#armed.delete(next);
      next.run();
      await this.#settle();
    }
    this.#passed = until;
  }

  #next(): Armed | undefined {
    let first: Armed | undefined;
    for (const timer of this.#armed) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}

/** One turn of the real event loop: every promise that can settle without outside help has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
