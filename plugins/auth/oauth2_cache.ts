/** Tokens that were good a moment ago, by their SHA-256: the tokens themselves are nowhere kept. Bounded; the oldest goes first. */
import { type Clock, utf8Encode } from "kasi";
import type { TokenAnswer } from "./oauth2_endpoint.ts";

type Good = Extract<TokenAnswer, { kind: "good" }>;
export const MOST_TOKENS = 10_000;

export class TokenCache {
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly answer: Good; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  static async keyOf(token: string): Promise<string> {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8Encode(token)));
    return Array.from(digest, (octet) => octet.toString(16).padStart(2, "0")).join("");
  }

  get(key: string): Good | undefined {
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    const { answer, until } = known;
    const ended = answer.until !== undefined && answer.until <= this.#clock.now();
    if (!ended && until > this.#clock.monotonic()) return answer;
    this.#known.delete(key);
    return undefined;
  }

  set(key: string, answer: Good, ms: number): void {
    if (ms <= 0) return;
    this.#known.delete(key);
    if (this.#known.size >= MOST_TOKENS) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, { answer, until: this.#clock.monotonic() + ms });
  }

  clear(): void {
    this.#known.clear();
  }
}
