/**
 * Notices a peer that neither speaks nor listens.
 *
 * One timer for all sessions of a limit, which comes round eight times within it: waiting only leaves a mark, and a round counts those it finds. So a
 * peer may have up to an eighth more than the limit; a command costs no look at the clock, and a session no timer. Time spent in hooks does not
 * count: they have deadlines of their own.
 */
import type { Clock, Timer } from "../base/clock.ts";

const ROUNDS = 8;
/** Nobody waits. */
const ACTIVE = -1;

export class IdleWatch {
  readonly #rounds: Rounds | undefined;
  readonly #onIdle: () => void;
  /** That the present wait has seen. */
  #seen = ACTIVE;

  /** `limitMs` 0 is no limit. */
  constructor(clock: Clock, limitMs: number, onIdle: () => void) {
    this.#onIdle = onIdle;
    if (limitMs <= 0) return;
    this.#rounds = roundsOf(clock, limitMs);
    this.#rounds.add(this);
  }

  /** The session waits for the peer from now on; waiting anew starts anew. */
  waiting(): void {
    this.#seen = 0;
  }

  /** The peer did something. */
  active(): void {
    this.#seen = ACTIVE;
  }

  stop(): void {
    this.#rounds?.delete(this);
  }

  /** A round; the first one of a wait only begins to count. */
  look(): void {
    if (this.#seen === ACTIVE || ++this.#seen <= ROUNDS) return;
    this.stop();
    this.#onIdle();
  }
}

/** The watches of one limit. The timer goes with the last of them. */
class Rounds {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #watches = new Set<IdleWatch>();
  #timer: Timer | undefined;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  add(watch: IdleWatch): void {
    this.#watches.add(watch);
    if (this.#timer === undefined) this.#arm();
  }

  delete(watch: IdleWatch): void {
    this.#watches.delete(watch);
    if (this.#watches.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#everyMs, () => {
      this.#arm();
      for (const watch of this.#watches) watch.look();
    });
  }
}

/** A limit that is changed while we run leaves an empty object behind. */
const ROUNDS_OF = new WeakMap<Clock, Map<number, Rounds>>();

function roundsOf(clock: Clock, limitMs: number): Rounds {
  let limits = ROUNDS_OF.get(clock);
  if (limits === undefined) ROUNDS_OF.set(clock, limits = new Map());
  let rounds = limits.get(limitMs);
  if (rounds === undefined) limits.set(limitMs, rounds = new Rounds(clock, limitMs / ROUNDS));
  return rounds;
}
