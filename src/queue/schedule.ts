/**
 * When each waiting item is due: a heap, and one timer for its earliest. A million waiting items cost no polling, and a million that are due at
 * one time keep nobody else waiting: so many go at once, then others have their turn.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { Heap, type HeapEntry } from "../base/heap.ts";

/** What the schedule needs of an item. */
export interface Timed<T> {
  /** Epoch milliseconds. */
  readonly wakeAt: number;
  slot: HeapEntry<T> | undefined;
}

/** Where items wait that the schedule need not hold by themselves. */
export interface Sleepers {
  /** When the first of them is due. */
  readonly nextAt: number;
  /** Puts the first of them into the schedule, with others it may not be parted from. */
  wakeFirst(): void;
}

const NO_SLEEPERS: Sleepers = { nextAt: Infinity, wakeFirst: () => {} };
/** Items that go before others have a turn. */
const AT_ONCE = 500;

export class Schedule<T extends Timed<T>> {
  readonly #clock: Clock;
  readonly #due: (item: T) => void;
  readonly #heap = new Heap<T>((a, b) => a.wakeAt < b.wakeAt);
  readonly #sleepers: Sleepers;
  #timer: Timer | undefined;
  #armedFor = Infinity;
  #running = false;

  /** `due` is called once for each item whose time has come, while the schedule runs. */
  constructor(clock: Clock, due: (item: T) => void, sleepers: Sleepers = NO_SLEEPERS) {
    this.#sleepers = sleepers;
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

  /** The sleepers' times are others than before. */
  changed(): void {
    if (this.#running && this.#sleepers.nextAt < this.#armedFor) this.#arm();
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

  get #nextAt(): number {
    return Math.min(this.#heap.peek()?.wakeAt ?? Infinity, this.#sleepers.nextAt);
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#armedFor = this.#nextAt;
    this.#timer = this.#armedFor === Infinity
      ? undefined
      : this.#clock.after(Math.max(0, this.#armedFor - this.#clock.now()), () => this.#ring());
  }

  #ring(): void {
    const now = this.#clock.now();
    // What is added meanwhile arms nothing.
    this.#armedFor = -Infinity;
    for (let n = 0; n < AT_ONCE && this.#nextAt <= now; n++) {
      if (this.#sleepers.nextAt <= (this.#heap.peek()?.wakeAt ?? Infinity)) this.#sleepers.wakeFirst();
      else {
        const first = this.#heap.pop()!;
        first.slot = undefined;
        this.#due(first);
      }
    }
    if (this.#running) this.#arm();
  }
}
