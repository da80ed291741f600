/**
 * How one site stands with us: how many deliveries it may have now, whether it rests and until when, and what brought it there.
 *
 * - It begins with a few deliveries at a time and gets twice as many with each that reaches it, up to its policy's number. One that reaches nobody
 *   takes it back to one.
 * - The breaker: so many in a row that reached nobody, and it rests. Then one message probes; success ends it, failure doubles the rest.
 * - A reply that a back-off matches slows it (half the connections, half the rate, and again), or lets it rest. It speeds up by a step at a time.
 * - The operator suspends and resumes it.
 *
 * Attempts that began before the last change say nothing new of what led to it, and don't change it again. Times have jitter, so that sites that
 * went down together don't come back together. Pure but for `random`: whoever asks brings the time.
 */
import type { BackoffRule, SitePolicy } from "../../hooks/site.ts";
import type { Heard } from "./heard.ts";
import { emptyAt, type Pace, paceOf } from "./pace.ts";

export interface Rest {
  /** Epoch milliseconds. */
  readonly until: number;
  readonly by: "breaker" | "backoff";
  readonly reason: string;
  readonly lengthMs: number;
}

export interface Suspension {
  readonly reason: string;
  /** Epoch milliseconds; absent: until it is resumed. */
  readonly until?: number;
  readonly since: number;
}

/** How much it may take of what all share: those nobody knows yet and those that fail have to do with a part. */
export type Standing = "proven" | "new" | "failing";

/** What changed, for the log. */
export type SiteChange =
  | { readonly kind: "rests"; readonly rest: Rest }
  | {
    readonly kind: "slow";
    readonly level: number;
    readonly forMs: number;
    readonly reason: string;
    readonly rule: string;
  }
  | { readonly kind: "recovered" };

const AT_FIRST = 5;
const SLOWEST = 8;
/** From this level on a site without a rate has one: a message a second, then one in two seconds … */
const PACED_FROM = 3;
const SLOW_RATE = { count: 1, perMs: 1_000 };
const JITTER = 0.2;

export class SiteState {
  readonly name: string;
  policy: SitePolicy;
  rest: Rest | undefined;
  suspension: Suspension | undefined;
  /** How often it was halved. */
  slow = 0;
  /** When it speeds up by a step. */
  slowUntil = 0;
  slowReason = "";
  /** Attempts in a row that reached nobody. */
  fails = 0;
  /** Counts changes: what began in an earlier one is old news. */
  epoch = 0;
  /** When the bucket of its rate will be full. */
  fullAt: number | undefined = undefined;
  /** How many deliveries it has earned. */
  #earned = AT_FIRST;
  #isProven = false;
  readonly #random: () => number;

  constructor(name: string, policy: SitePolicy, random: () => number) {
    this.name = name;
    this.policy = policy;
    this.#random = random;
  }

  get standing(): Standing {
    return this.fails > 0 || this.rest !== undefined ? "failing" : this.#isProven ? "proven" : "new";
  }

  /** Nothing to remember but that it is well. */
  get isPlain(): boolean {
    return this.rest === undefined && this.suspension === undefined && this.slow === 0 && this.fails === 0;
  }

  /** Until when nothing may go; 0: it may. Infinity: until it is resumed. */
  restsUntil(now: number): number {
    if (this.suspension !== undefined) {
      const { until = Infinity } = this.suspension;
      if (until > now) return until;
      this.suspension = undefined;
    }
    return this.rest !== undefined && this.rest.until > now ? this.rest.until : 0;
  }

  /** Deliveries at one time, as things are; one while it is probed. */
  limit(now: number): number {
    if (this.rest !== undefined) return 1;
    if (this.slow > 0) this.#speedUp(now);
    const { connections } = this.policy;
    return Math.max(1, Math.min(connections, this.#earned, connections >> this.slow));
  }

  /** The pace it must keep; undefined: none. */
  pace(now: number): Pace | undefined {
    if (this.slow > 0) this.#speedUp(now);
    const { rate } = this.policy;
    if (rate !== undefined) return paceOf(rate, this.slow);
    return this.slow < PACED_FROM ? undefined : paceOf(SLOW_RATE, this.slow - PACED_FROM);
  }

  /** For the pace, where nothing went before. */
  fullFrom(now: number, pace: Pace): number {
    return this.fullAt ?? emptyAt(now, pace);
  }

  /** What an attempt brought that began in that epoch. */
  heard(heard: Heard, epoch: number, now: number): SiteChange | undefined {
    switch (heard.kind) {
      case "nothing":
        return undefined;
      case "unreachable":
        return this.#unreachable(heard.reason, epoch, now);
      case "reached":
        return this.#reached(heard.replies, epoch, now);
    }
  }

  suspend(suspension: Suspension): void {
    this.suspension = suspension;
    this.epoch++;
  }

  /** Whatever keeps it back is over; false when nothing did. */
  resume(): boolean {
    const was = !this.isPlain;
    this.suspension = undefined;
    this.rest = undefined;
    this.slow = 0;
    this.fails = 0;
    this.epoch++;
    return was;
  }

  #unreachable(reason: string, epoch: number, now: number): SiteChange | undefined {
    if (this.rest !== undefined) return epoch === this.epoch ? this.#restAgain(reason, now) : undefined;
    this.fails++;
    this.#earned = 1;
    const { breaker, breakerRestMs } = this.policy;
    if (breaker === 0 || this.fails < breaker) return undefined;
    return this.#restFor("breaker", breakerRestMs, reason, now);
  }

  #reached(replies: readonly string[], epoch: number, now: number): SiteChange | undefined {
    this.fails = 0;
    const isNew = epoch === this.epoch;
    for (const reply of replies) {
      const rule = this.policy.backoff.find(({ matches }) => matches(reply));
      if (rule === undefined || rule.action === "ignore") continue;
      if (!isNew) return undefined;
      return rule.action === "slow" ? this.#slowDown(rule, reply, now) : this.#restBy(rule, reply, now);
    }
    if (this.#earned < this.policy.connections) this.#earned = Math.max(AT_FIRST, this.#earned * 2);
    this.#isProven = true;
    if (this.rest === undefined || (this.rest.by === "backoff" && !isNew)) return undefined;
    this.rest = undefined;
    this.epoch++;
    return { kind: "recovered" };
  }

  #slowDown({ name, forMs, maxMs }: BackoffRule, reason: string, now: number): SiteChange {
    this.rest = undefined;
    this.slow = Math.min(SLOWEST, this.slow + 1);
    const ms = this.#jitter(Math.min(maxMs, forMs * 2 ** (this.slow - 1)));
    this.slowUntil = now + ms;
    this.slowReason = reason;
    this.#slowStepMs = ms;
    this.epoch++;
    return { kind: "slow", level: this.slow, forMs: ms, reason, rule: name };
  }
  #slowStepMs = 0;

  #speedUp(now: number): void {
    while (this.slow > 0 && this.slowUntil <= now) {
      this.slow--;
      this.slowUntil += this.#slowStepMs;
    }
  }

  #restBy({ forMs, maxMs }: BackoffRule, reason: string, now: number): SiteChange {
    const before = this.rest?.by === "backoff" ? this.rest.lengthMs : 0;
    return this.#restFor("backoff", Math.min(maxMs, Math.max(forMs, before * 2)), reason, now);
  }

  #restAgain(reason: string, now: number): SiteChange {
    const { breakerRestMs, breakerRestMaxMs } = this.policy;
    const { by, lengthMs } = this.rest!;
    return this.#restFor(by, Math.min(breakerRestMaxMs, Math.max(breakerRestMs, lengthMs * 2)), reason, now);
  }

  #restFor(by: Rest["by"], lengthMs: number, reason: string, now: number): SiteChange {
    this.rest = { by, reason, lengthMs, until: now + this.#jitter(lengthMs) };
    this.#earned = 1;
    this.epoch++;
    return { kind: "rests", rest: this.rest };
  }

  #jitter(ms: number): number {
    return Math.round(ms * (1 - JITTER + 2 * JITTER * this.#random()));
  }
}
