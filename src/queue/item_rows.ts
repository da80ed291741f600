/**
 * Items at rest as rows of numbers. A message's items are chained by index; those of one domain in the order in which they came.
 */
import type { Arena } from "../base/arena.ts";
import { Chains } from "../base/chains.ts";
import { utf8Decode } from "../base/bytes.ts";
import { grown } from "../base/grown.ts";
import { Names } from "../base/names.ts";
import { TimeHeap } from "../base/time_heap.ts";
import { PlaceColumn } from "./place_column.ts";
import { type ItemText, type ItemTexts, readItemText } from "./item_text.ts";
import type { StoredState } from "./stored.ts";

/** A row that says nothing of how its item stands: free, or its message is awake. */
export const AWAKE = 0;
export const WAITING = 1;
export const HELD = 2;

export class ItemRows<S> {
  readonly domains: Names;
  readonly ofDomain = new Chains();
  /** When each that waits is due, or worth a word to its sender. */
  readonly times = new TimeHeap();
  /** Where what happened to them stands on the disk. */
  readonly pasts = new PlaceColumn<S>();
  readonly #arena: Arena;
  readonly #free: number[] = [];
  /** What domains are called, for those that were asked for. */
  readonly #names: (string | undefined)[] = [];
  #next = 0;
  /** Columns. `nexts`: the message's next item, + 1. */
  messages = new Uint32Array(0);
  indexes = new Uint32Array(0);
  nexts = new Uint32Array(0);
  #domainOf = new Uint32Array(0);
  attempts = new Uint32Array(0);
  dueAt = new Float64Array(0);
  /** Of {@linkcode AWAKE}, {@linkcode WAITING}, {@linkcode HELD}. */
  states = new Uint8Array(0);
  /** How many there are of each. */
  readonly counts: [awake: number, waiting: number, held: number] = [0, 0, 0];
  told = new Uint8Array(0);
  #texts = new Uint32Array(0);

  constructor(arena: Arena) {
    this.#arena = arena;
    this.domains = new Names(arena);
  }

  get size(): number {
    return this.#next - this.#free.length;
  }

  get bytes(): number {
    return [
      this.messages,
      this.indexes,
      this.nexts,
      this.#domainOf,
      this.attempts,
      this.dueAt,
      this.states,
      this.told,
      this.#texts,
    ].reduce(
      (sum, column) => sum + column.byteLength,
      this.domains.bytes + this.ofDomain.bytes + this.times.bytes + this.pasts.bytes,
    );
  }

  /** A new row at the end of its domain's; what may change is for `stand`. */
  add(message: number, index: number, domain: number, text: ItemText): number {
    const item = this.#free.pop() ?? this.#next++;
    if (item >= this.messages.length) this.#grow(item + 1);
    this.messages[item] = message;
    this.indexes[item] = index;
    this.nexts[item] = 0;
    this.#domainOf[item] = domain;
    this.#texts[item] = this.#arena.put(text.bytes, 0, text.length);
    this.ofDomain.push(domain, item);
    this.counts[AWAKE]++;
    return item;
  }

  stand(item: number, attempts: number, dueAt: number, state: typeof WAITING | typeof HELD, told: number): void {
    this.attempts[item] = attempts;
    this.dueAt[item] = dueAt;
    this.told[item] = told;
    this.#turn(item, state);
  }

  /** Its row says no more how it stands. */
  rouse(item: number): void {
    this.times.delete(item);
    this.#turn(item, AWAKE);
  }

  remove(item: number): void {
    const domain = this.#domainOf[item]!;
    this.rouse(item);
    this.counts[AWAKE]--;
    this.pasts.clear(item);
    this.#arena.free(this.#texts[item]!);
    this.ofDomain.remove(domain, item);
    if (this.ofDomain.count(domain) === 0) {
      this.domains.remove(domain);
      this.#names[domain] = undefined;
    }
    this.#free.push(item);
  }

  setText(item: number, text: ItemText): void {
    this.#texts[item] = this.#arena.replace(this.#texts[item]!, text.bytes, 0, text.length);
  }

  text(item: number): ItemTexts {
    return readItemText(this.#arena.get(this.#texts[item]!));
  }

  /** As its next outcome record will say it; not for one whose message is awake. */
  stored(item: number): StoredState {
    const { left, status, error } = this.text(item);
    const told = this.told[item]!;
    return {
      n: this.indexes[item]!,
      a: this.attempts[item]!,
      d: this.dueAt[item]!,
      l: left,
      ...(this.states[item] === HELD ? { h: 1 as const } : undefined),
      ...(error === "" ? undefined : { e: error }),
      ...(status === "" ? undefined : { s: status }),
      ...(told === 0 ? undefined : { w: told }),
    };
  }

  textBytes(item: number): Uint8Array {
    return this.#arena.get(this.#texts[item]!);
  }

  domain(item: number): string {
    const number = this.#domainOf[item]!;
    return this.#names[number] ??= utf8Decode(this.domains.get(number));
  }

  /** The number of a domain, a new one if need be. */
  domainNumber(bytes: Uint8Array, from: number, to: number): number {
    const known = this.domains.find(bytes, from, to);
    return known >= 0 ? known : this.domains.add(bytes, from, to);
  }

  #turn(item: number, state: typeof AWAKE | typeof WAITING | typeof HELD): void {
    this.counts[this.states[item] as 0 | 1 | 2]--;
    this.counts[state]++;
    this.states[item] = state;
  }

  /** Rows that are or were used are below this. */
  get bound(): number {
    return this.#next;
  }

  #grow(length: number): void {
    this.messages = grown(this.messages, length);
    this.indexes = grown(this.indexes, length);
    this.nexts = grown(this.nexts, length);
    this.#domainOf = grown(this.#domainOf, length);
    this.attempts = grown(this.attempts, length);
    this.dueAt = grown(this.dueAt, length);
    this.states = grown(this.states, length);
    this.told = grown(this.told, length);
    this.#texts = grown(this.#texts, length);
  }
}
