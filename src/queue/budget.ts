/** Octets of message bodies that may stay in memory, over all messages: taken on acceptance, given back after the first attempts. */
export class Budget {
  readonly #limit: () => number;
  #used = 0;

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** False when it does not fit. */
  take(octets: number): boolean {
    if (this.#used + octets > this.#limit()) return false;
    this.#used += octets;
    return true;
  }

  give(octets: number): void {
    this.#used -= octets;
  }
}
