/** First in, first out; each step costs the same, however long it is. */
export class Fifo<T> {
  #waiting: T[] = [];
  /** Those in front of it have gone. */
  #head = 0;

  get size(): number {
    return this.#waiting.length - this.#head;
  }

  get first(): T | undefined {
    return this.#waiting[this.#head];
  }

  push(one: T): void {
    this.#waiting.push(one);
  }

  unshift(one: T): void {
    if (this.#head > 0) this.#waiting[--this.#head] = one;
    else this.#waiting.unshift(one);
  }

  shift(): T | undefined {
    if (this.#head === this.#waiting.length) return undefined;
    const one = this.#waiting[this.#head++]!;
    if (this.#head > 64 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return one;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.#head; i < this.#waiting.length; i++) yield this.#waiting[i]!;
  }
}
