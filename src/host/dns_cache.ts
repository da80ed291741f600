/** Answers kept for their time to live, at most so many; the least lately used goes first. Failures are never kept. */
import type { Clock } from "../base/clock.ts";
import type { DnsAnswer, RecordType } from "./types.ts";

/** No answer is kept longer, whatever its zone says (RFC 8767 §4 speaks of days; mail routes should move sooner). */
const LONGEST_S = 86_400;

interface Kept {
  readonly until: number;
  readonly answer: DnsAnswer<RecordType>;
}

export class DnsCache {
  readonly #kept = new Map<string, Kept>();
  readonly #clock: Clock;
  readonly #limit: number;

  constructor(clock: Clock, limit = 10_000) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** With the seconds that are left of it. */
  get<T extends RecordType>(name: string, type: T): DnsAnswer<T> | undefined {
    const key = `${type} ${name}`;
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    const left = kept.until - this.#clock.monotonic();
    if (left <= 0) return undefined;
    this.#kept.set(key, kept);
    return { ...kept.answer, ttl: Math.ceil(left / 1000) } as DnsAnswer<T>;
  }

  put<T extends RecordType>(name: string, type: T, answer: DnsAnswer<T>): void {
    if (answer.kind === "failed" || answer.ttl <= 0) return;
    const until = this.#clock.monotonic() + Math.min(answer.ttl, LONGEST_S) * 1000;
    const key = `${type} ${name}`;
    this.#kept.delete(key);
    this.#kept.set(key, { until, answer: answer as DnsAnswer<RecordType> });
    if (this.#kept.size > this.#limit) this.#kept.delete(this.#kept.keys().next().value!);
  }
}
