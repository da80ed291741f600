/**
 * Numbers for names: each distinct octet string has one, counted from 0, and gives it back when it is no longer needed. Names by the million cost some
 * octets each and the garbage collector nothing.
 */
import type { Arena } from "./arena.ts";
import { grown } from "./grown.ts";

export class Names {
  readonly #arena: Arena;
  /** Open addressing: number + 1, 0 where nobody is. A power of two, at most half full. */
  #slots = new Uint32Array(128);
  /** By number. */
  #refs = new Uint32Array(0);
  #hashes = new Uint32Array(0);
  readonly #free: number[] = [];
  #next = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get bytes(): number {
    return [this.#slots, this.#refs, this.#hashes].reduce((sum, column) => sum + column.byteLength, 0);
  }

  /** How many names there are. */
  get size(): number {
    return this.#next - this.#free.length;
  }

  /** Numbers are below this. */
  get bound(): number {
    return this.#next;
  }

  /** The number of the name in `from` to `to`, or -1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const mask = this.#slots.length - 1;
    const hash = hashOf(bytes, from, to);
    for (let at = hash & mask;; at = (at + 1) & mask) {
      const number = this.#slots[at]! - 1;
      if (number < 0) return -1;
      if (this.#hashes[number] === hash && this.#arena.equals(this.#refs[number]!, bytes, from, to)) return number;
    }
  }

  /** A number for a name that has none. Throws a `RangeError` for one longer than an arena takes. */
  add(bytes: Uint8Array, from: number, to: number): number {
    const ref = this.#arena.put(bytes, from, to);
    const number = this.#free.pop() ?? this.#next++;
    this.#refs = grown(this.#refs, number + 1);
    this.#hashes = grown(this.#hashes, number + 1);
    this.#refs[number] = ref;
    this.#hashes[number] = hashOf(bytes, from, to);
    if (this.size * 2 > this.#slots.length) this.#widen();
    this.#enter(number);
    return number;
  }

  /** A view of a name, for use at once. */
  get(number: number): Uint8Array {
    return this.#arena.get(this.#refs[number]!);
  }

  /** The number is free for another name. */
  remove(number: number): void {
    const mask = this.#slots.length - 1;
    let hole = this.#hashes[number]! & mask;
    while (this.#slots[hole] !== number + 1) hole = (hole + 1) & mask;
    // Those behind move up, so that no search ends at the hole.
    for (let at = (hole + 1) & mask; this.#slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashes[this.#slots[at]! - 1]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#slots[hole] = this.#slots[at]!;
      hole = at;
    }
    this.#slots[hole] = 0;
    this.#arena.free(this.#refs[number]!);
    this.#free.push(number);
  }

  #enter(number: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#hashes[number]! & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = number + 1;
  }

  #widen(): void {
    const there = this.#slots;
    this.#slots = new Uint32Array(there.length * 2);
    for (let at = 0; at < there.length; at++) if (there[at] !== 0) this.#enter(there[at]! - 1);
  }
}

/** FNV-1a, its upper half folded in: names that differ in their last octet alone must not stand side by side. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash ^= hash >>> 16;
  return Math.imul(hash, 0x85ebca6b) >>> 0;
}
