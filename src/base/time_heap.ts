/**
 * Which of many numbered things comes first: a heap in typed arrays, by time. Numbers are small; each is in at most once.
 *
 * `set` and `delete` take O(log n); `enter` and one `order` for all of them O(n).
 */
import { grown } from "./grown.ts";

export class TimeHeap {
  /** Numbers, the earliest first: those of the children of place i stand at 2i + 1 and 2i + 2. */
  #heap = new Uint32Array(0);
  #size = 0;
  /** By number: its time, and its place counted from 1; 0 when it is not in. */
  #times = new Float64Array(0);
  #places = new Uint32Array(0);

  get bytes(): number {
    return [this.#heap, this.#times, this.#places].reduce((sum, column) => sum + column.byteLength, 0);
  }

  get size(): number {
    return this.#size;
  }

  /** Infinity when it is empty. */
  get nextAt(): number {
    return this.#size === 0 ? Infinity : this.#times[this.#heap[0]!]!;
  }

  /** The earliest; -1 when it is empty. */
  get first(): number {
    return this.#size === 0 ? -1 : this.#heap[0]!;
  }

  /** Puts a number in, or gives it another time. */
  set(number: number, at: number): void {
    this.enter(number, at);
    this.#up(this.#places[number]! - 1);
    this.#down(this.#places[number]! - 1);
  }

  /** As `set`, but nothing else may be asked before `order`. */
  enter(number: number, at: number): void {
    if (number >= this.#places.length) {
      this.#places = grown(this.#places, number + 1);
      this.#times = grown(this.#times, number + 1);
    }
    this.#times[number] = at;
    if (this.#places[number] !== 0) return;
    this.#heap = grown(this.#heap, this.#size + 1);
    this.#put(number, this.#size++);
  }

  /** Puts all in order. */
  order(): void {
    for (let place = (this.#size >>> 1) - 1; place >= 0; place--) this.#down(place);
  }

  /** Does nothing when it is not in. */
  delete(number: number): void {
    const place = (this.#places[number] ?? 0) - 1;
    if (place < 0) return;
    this.#places[number] = 0;
    const last = this.#heap[--this.#size]!;
    if (last === number) return;
    this.#put(last, place);
    this.#up(place);
    this.#down(this.#places[last]! - 1);
  }

  #up(from: number): void {
    const number = this.#heap[from]!;
    const at = this.#times[number]!;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (this.#times[this.#heap[parent]!]! <= at) break;
      this.#put(this.#heap[parent]!, place);
      place = parent;
    }
    if (place !== from) this.#put(number, place);
  }

  #down(from: number): void {
    const number = this.#heap[from]!;
    const at = this.#times[number]!;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#times[this.#heap[child + 1]!]! < this.#times[this.#heap[child]!]!) child++;
      if (this.#times[this.#heap[child]!]! >= at) break;
      this.#put(this.#heap[child]!, place);
      place = child;
    }
    if (place !== from) this.#put(number, place);
  }

  #put(number: number, place: number): void {
    this.#heap[place] = number;
    this.#places[number] = place + 1;
  }
}
