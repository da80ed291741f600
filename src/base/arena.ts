/**
 * Octet strings by the million in a few large buffers: what keeps them holds a number each, and a garbage collector has nothing to visit.
 *
 * A string stands in a block of its own, rounded up to 16 octets with its length; freed blocks serve strings of their size again. Reading
 * one that was freed, or freeing it twice, is the caller's fault and not noticed.
 */
const UNIT = 16;
const PAGE_UNITS = 1 << 16;
const LENGTH_BYTES = 4;

/** The longest string it takes. */
export const LONGEST_IN_ARENA = PAGE_UNITS * UNIT - LENGTH_BYTES;

export class Arena {
  readonly #pages: Uint8Array[] = [];
  /** By size in units: blocks that were freed. */
  readonly #free: number[][] = [];
  /** Units of the last page that were given out. */
  #used = PAGE_UNITS;

  /** Octets it has taken from the system. */
  get bytes(): number {
    return this.#pages.length * PAGE_UNITS * UNIT;
  }

  /** Keeps a copy of the octets `from` to `to`. Throws a `RangeError` when they are too many. */
  put(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from;
    if (length > LONGEST_IN_ARENA) throw new RangeError(`Cannot keep ${length} octets: ${LONGEST_IN_ARENA} at most`);
    const ref = this.#block(unitsFor(length));
    const page = this.#pages[ref >>> 16]!;
    const at = (ref & 0xffff) * UNIT;
    page[at] = length;
    page[at + 1] = length >>> 8;
    page[at + 2] = length >>> 16;
    const start = at + LENGTH_BYTES;
    // For the few octets of a name a loop is faster than a call that copies.
    if (length > 64) page.set(bytes.subarray(from, to), start);
    else for (let i = 0; i < length; i++) page[start + i] = bytes[from + i]!;
    return ref;
  }

  /** Puts other octets in the place of a string; where they are of its size, they take its block. */
  replace(ref: number, bytes: Uint8Array, from: number, to: number): number {
    const length = to - from;
    const page = this.#pages[ref >>> 16]!;
    const at = (ref & 0xffff) * UNIT;
    if (unitsFor(lengthAt(page, at)) !== unitsFor(length)) {
      this.free(ref);
      return this.put(bytes, from, to);
    }
    page[at] = length;
    page[at + 1] = length >>> 8;
    page[at + 2] = length >>> 16;
    page.set(bytes.subarray(from, to), at + LENGTH_BYTES);
    return ref;
  }

  free(ref: number): void {
    const units = unitsFor(lengthAt(this.#pages[ref >>> 16]!, (ref & 0xffff) * UNIT));
    (this.#free[units] ??= []).push(ref);
  }

  /** A view of a string's octets, for use at once. */
  get(ref: number): Uint8Array {
    const page = this.#pages[ref >>> 16]!;
    const at = (ref & 0xffff) * UNIT;
    return page.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + lengthAt(page, at));
  }

  equals(ref: number, bytes: Uint8Array, from: number, to: number): boolean {
    const page = this.#pages[ref >>> 16]!;
    const at = (ref & 0xffff) * UNIT;
    const length = to - from;
    if (lengthAt(page, at) !== length) return false;
    const start = at + LENGTH_BYTES;
    for (let i = 0; i < length; i++) if (page[start + i] !== bytes[from + i]) return false;
    return true;
  }

  #block(units: number): number {
    const freed = this.#free[units]?.pop();
    if (freed !== undefined) return freed;
    if (this.#used + units > PAGE_UNITS) {
      // What is left of the page serves a string of that size.
      const rest = PAGE_UNITS - this.#used;
      if (rest > 0) (this.#free[rest] ??= []).push((this.#pages.length - 1) * PAGE_UNITS + this.#used);
      this.#pages.push(new Uint8Array(PAGE_UNITS * UNIT));
      this.#used = 0;
    }
    const ref = (this.#pages.length - 1) * PAGE_UNITS + this.#used;
    this.#used += units;
    return ref;
  }
}

function unitsFor(length: number): number {
  return (length + LENGTH_BYTES + UNIT - 1) >>> 4;
}

function lengthAt(page: Uint8Array, at: number): number {
  return page[at]! | page[at + 1]! << 8 | page[at + 2]! << 16;
}
