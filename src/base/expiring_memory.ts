/** What is remembered for a while: keys that are forgotten by themselves. In this process, or wherever else somebody keeps them. */
import type { Clock } from "./clock.ts";

export interface ExpiringMemory {
  /** A promise only where somebody else has to be asked. Never rejects. */
  has(key: string): boolean | Promise<boolean>;
  /** Remembers a key for so many milliseconds from now. */
  add(key: string, ms: number): void;
}

/** The oldest is forgotten first. */
const MOST_REMEMBERED = 10_000;

export class ProcessMemory implements ExpiringMemory {
  readonly #clock: Clock;
  /** Key → monotonic moment at which it is forgotten. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(key: string): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#until.delete(key);
    return false;
  }

  add(key: string, ms: number): void {
    if (this.#until.size >= MOST_REMEMBERED) this.#until.delete(this.#until.keys().next().value!);
    this.#until.set(key, this.#clock.monotonic() + ms);
  }
}
