/**
 * When each waiting item is due: a heap, and one timer for its earliest. A million waiting items cost no polling.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { Heap, type HeapEntry } from "../base/heap.ts";

/** What the schedule needs of an item. */
export interface Timed<T> {
  /** Epoch milliseconds. */
  readonly wakeAt: number;
  slot: HeapEntry<T> | undefined;
}

export class Schedule<T extends Timed<T>> {
  readonly #clock: Clock;
  readonly #due: (item: T) => void;
  readonly #heap = new Heap<T>((a, b) => a.wakeAt < b.wakeAt);
  #timer: Timer | undefined;
  #armedFor = Infinity;
  #running = false;

  /** `due` is called once for each item whose time has come, while the schedule runs. */
  constructor(clock: Clock, due: (item: T) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#heap.size;
  }

  /** `wakeAt` must not change while the item is in. */
  add(item: T): void {
    item.slot = this.#heap.push(item);
    if (this.#running && item.wakeAt < this.#armedFor) this.#arm();
  }

  /** False when it was not in. */
  remove(item: T): boolean {
    if (item.slot === undefined) return false;
    this.#heap.remove(item.slot);
    item.slot = undefined;
    return true;
  }

  start(): void {
    this.#running = true;
    this.#arm();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#armedFor = Infinity;
  }

  #arm(): void {
    this.#timer?.cancel();
    const first = this.#heap.peek();
    this.#armedFor = first?.wakeAt ?? Infinity;
    this.#timer = first && this.#clock.after(Math.max(0, first.wakeAt - this.#clock.now()), () => this.#ring());
  }

  #ring(): void {
    const now = this.#clock.now();
    for (let first = this.#heap.peek(); first !== undefined && first.wakeAt <= now; first = this.#heap.peek()) {
      this.#heap.pop();
      first.slot = undefined;
      this.#due(first);
    }
    if (this.#running) this.#arm();
  }
}
