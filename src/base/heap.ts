/**
 * A binary heap that gives the smallest value first and can give up any value by its handle.
 *
 * `push` and `pop` and `remove` take O(log n); nothing is allocated but the handle. Equal values come in no particular order unless
 * `before` settles it.
 */

/** A place in one heap. `index` is -1 once the value has left it. */
export interface HeapEntry<T> {
  readonly value: T;
  readonly index: number;
}
interface Entry<T> {
  value: T;
  index: number;
}

export class Heap<T> {
  readonly #entries: Entry<T>[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** `before(a, b)`: whether `a` must come out before `b`. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#entries.length;
  }

  peek(): T | undefined {
    return this.#entries[0]?.value;
  }

  push(value: T): HeapEntry<T> {
    const entry = { value, index: this.#entries.length };
    this.#entries.push(entry);
    this.#up(entry);
    return entry;
  }

  pop(): T | undefined {
    const first = this.#entries[0];
    if (first === undefined) return undefined;
    this.remove(first);
    return first.value;
  }

  /** Takes a value out wherever it stands; false when it has left already. */
  remove(handle: HeapEntry<T>): boolean {
    const { index } = handle;
    if (index < 0 || this.#entries[index] !== handle) return false;
    const last = this.#entries.pop()!;
    if (last !== handle) {
      this.#place(last, index);
      this.#up(last);
      this.#down(last);
    }
    (handle as Entry<T>).index = -1;
    return true;
  }

  /** Puts a value right whose order has changed. Does nothing when it has left. */
  update(handle: HeapEntry<T>): void {
    if (handle.index < 0 || this.#entries[handle.index] !== handle) return;
    this.#up(handle as Entry<T>);
    this.#down(handle as Entry<T>);
  }

  /** All values, in no order. */
  *values(): IterableIterator<T> {
    for (const entry of this.#entries) yield entry.value;
  }

  #up(entry: Entry<T>): void {
    let { index } = entry;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#entries[parentIndex]!;
      if (!this.#before(entry.value, parent.value)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(entry, index);
  }

  #down(entry: Entry<T>): void {
    const { length } = this.#entries;
    let { index } = entry;
    for (;;) {
      let childIndex = index * 2 + 1;
      if (childIndex >= length) break;
      const left = this.#entries[childIndex]!;
      const right = this.#entries[childIndex + 1];
      const child = right !== undefined && this.#before(right.value, left.value) ? right : left;
      if (child === right) childIndex++;
      if (!this.#before(child.value, entry.value)) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(entry, index);
  }

  #place(entry: Entry<T>, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }
}
