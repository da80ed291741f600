/**
 * The messages that wait, as rows of numbers: a million of them cost some hundred octets each, and a garbage collector has nothing to visit.
 *
 * The ledger puts a message here once nothing is done about it, and takes it out when it is due or somebody acts on it. It keeps its row, and with
 * it its place among the others, until it is gone; while it is awake its row says nothing but which message it is.
 */
import { Arena, LONGEST_IN_ARENA } from "../base/arena.ts";
import { utf8Decode, utf8Encode } from "../base/bytes.ts";
import { Chains } from "../base/chains.ts";
import { grown } from "../base/grown.ts";
import { Names } from "../base/names.ts";
import { TimeHeap } from "../base/time_heap.ts";
import { AWAKE, HELD, ItemRows, WAITING } from "./item_rows.ts";
import { countLeft, ItemText } from "./item_text.ts";
import { PlaceColumn } from "./place_column.ts";
import { Entry, type MessageFacts, type Place, Queued } from "./queued.ts";

/** Bits of a message's flags. */
const ASKS = 1;
const EXTRA = 2;
const ROUSED = 4;

/** What few messages have, as JSON. */
interface Extra {
  readonly bodyFile?: string;
  readonly wanted?: NonNullable<Queued["wanted"]>;
}

/** All messages stand in one chain. */
const ALL = 0;

export class Resting<S = unknown> {
  readonly #arena = new Arena();
  readonly #ids = new Names(this.#arena);
  readonly items = new ItemRows<S>(this.#arena);
  readonly places = new PlaceColumn<S>();
  readonly #order = new Chains();
  /** When each was accepted. */
  readonly #ages = new TimeHeap();
  readonly #text = new ItemText();
  #awake = 0;
  /** Columns. `firsts`: the first item, + 1. */
  firsts = new Uint32Array(0);
  #flags = new Uint8Array(0);
  #queuedAt = new Float64Array(0);
  #sizes = new Float64Array(0);
  #extras = new Uint32Array(0);
  /** How many messages were made into objects so far: what tests hold operations to. */
  made = 0;

  /** Messages at rest. */
  get size(): number {
    return this.#ids.size - this.#awake;
  }

  /** When the oldest was accepted, at rest or awake; undefined when there is none. */
  get oldest(): number | undefined {
    return this.#ages.size === 0 ? undefined : this.#ages.nextAt;
  }

  /** Octets of all rows. */
  get bytes(): number {
    const own = [this.firsts, this.#flags, this.#queuedAt, this.#sizes, this.#extras];
    const rest = this.#arena.bytes + this.#ids.bytes + this.items.bytes + this.places.bytes + this.#order.bytes +
      this.#ages.bytes;
    return own.reduce((sum, column) => sum + column.byteLength, rest);
  }

  /** The row of a message, at rest or awake; -1 when it has none. */
  row(id: string): number {
    if (this.#ids.size === 0) return -1;
    const bytes = utf8Encode(id);
    return this.#ids.find(bytes, 0, bytes.length);
  }

  rowOf(bytes: Uint8Array, from: number, to: number): number {
    return this.#ids.find(bytes, from, to);
  }

  isAwake(row: number): boolean {
    return (this.#flags[row]! & ROUSED) !== 0;
  }

  id(row: number): string {
    return utf8Decode(this.#ids.get(row));
  }

  /** Rows of all messages, in their order; or of one domain's items' messages, each once. */
  rows(domain?: string): Uint32Array {
    if (domain === undefined) return this.#order.numbers(ALL);
    const items = this.itemsOf(domain);
    const rows = new Set<number>();
    for (const item of items) rows.add(this.items.messages[item]!);
    return Uint32Array.from(rows);
  }

  /** Rows of a domain's items. */
  itemsOf(domain: string): Uint32Array {
    const bytes = utf8Encode(domain);
    const number = this.items.domains.find(bytes, 0, bytes.length);
    return number < 0 ? new Uint32Array(0) : this.items.ofDomain.numbers(number);
  }

  /** Rows of a message's items, by rising index. */
  itemsAt(row: number): number[] {
    const found: number[] = [];
    for (let item = this.firsts[row]! - 1; item >= 0; item = this.items.nexts[item]! - 1) found.push(item);
    return found;
  }

  /** Whether the row is still some message's. */
  isTaken(row: number): boolean {
    return this.firsts[row] !== 0;
  }

  /** A row for a message, which has none; its items are added by `items`. */
  enter(
    bytes: Uint8Array,
    from: number,
    to: number,
    place: Place<S>,
    queuedAt: number,
    size: number,
    asks: boolean,
  ): number {
    const row = this.#ids.add(bytes, from, to);
    if (row >= this.firsts.length) this.#grow(row + 1);
    this.#order.push(ALL, row);
    this.places.set(row, place.segment, place.offset, place.length);
    this.firsts[row] = 0;
    this.#flags[row] = asks ? ASKS : 0;
    this.#queuedAt[row] = queuedAt;
    this.#ages.set(row, queuedAt);
    this.#sizes[row] = size;
    return row;
  }

  /** Chains an item to a message; by rising index. */
  link(row: number, item: number, last: number): void {
    if (last < 0) this.firsts[row] = item + 1;
    else this.items.nexts[last] = item + 1;
  }

  /** Writes a message and its items down. False, and it stays awake, for one that no row can hold, or can not yet. `wakeAt` tells when an item is to be looked at. */
  put(message: Queued<S>, wakeAt: ((entry: Entry<S>) => number) | undefined): boolean {
    const { items } = this;
    for (const { left, lastStatus, lastError, past } of message.entries) {
      if (
        past instanceof Uint8Array || !this.#text.set(left, lastStatus, lastError) ||
        this.#text.length > LONGEST_IN_ARENA
      ) return false;
    }
    if (message.row < 0) {
      const id = utf8Encode(message.id);
      if (id.length > LONGEST_IN_ARENA) return false;
      message.row = this.enter(id, 0, id.length, message.place, message.queuedAt, message.size, message.asksForDelay);
      this.#putExtra(message.row, message);
    } else {
      this.places.set(message.row, message.place.segment, message.place.offset, message.place.length);
      this.#flags[message.row]! &= ~ROUSED;
      this.#awake--;
    }
    const { row } = message;
    let item = this.firsts[row]! - 1;
    let last = -1;
    for (const entry of message.entries) {
      // Items only ever go: those that are not there any more are taken out on the way.
      while (item >= 0 && items.indexes[item]! < entry.index) item = this.#unlink(row, item, last);
      this.#text.set(entry.left, entry.lastStatus, entry.lastError);
      if (item >= 0) items.setText(item, this.#text);
      else {
        const name = utf8Encode(entry.domain);
        item = items.add(row, entry.index, items.domainNumber(name, 0, name.length), this.#text);
        this.link(row, item, last);
      }
      items.stand(item, entry.attempts, entry.dueAt, entry.state === "held" ? HELD : WAITING, entry.told);
      const past = entry.past as Place<S> | undefined;
      if (past === undefined) items.pasts.clear(item);
      else items.pasts.set(item, past.segment, past.offset, past.length);
      if (entry.state !== "held" && wakeAt !== undefined) items.times.set(item, wakeAt(entry));
      last = item;
      item = items.nexts[item]! - 1;
    }
    while (item >= 0) item = this.#unlink(row, item, last);
    return true;
  }

  /** Makes the message of a row; to look at, or to be awake from now on. */
  view(row: number, awake = false): Queued<S> {
    this.made++;
    const { items } = this;
    const message = new Queued<S>(this.facts(row), this.places.get(row)!, row);
    message.awake = awake;
    if (awake) {
      this.#flags[row]! |= ROUSED;
      this.#awake++;
    }
    // A literal takes the room of one; an array that is pushed to takes room for seventeen.
    const first = this.firsts[row]! - 1;
    message.entries = [this.#entry(message, first, awake)];
    for (let item = items.nexts[first]! - 1; item >= 0; item = items.nexts[item]! - 1) {
      message.entries.push(this.#entry(message, item, awake));
    }
    return message;
  }

  facts(row: number): MessageFacts {
    return {
      id: this.id(row),
      queuedAt: this.#queuedAt[row]!,
      size: this.#sizes[row]!,
      bodyFile: undefined,
      wanted: undefined,
      asksForDelay: (this.#flags[row]! & ASKS) !== 0,
      ...this.extra(row),
    };
  }

  extra(row: number): Extra | undefined {
    return (this.#flags[row]! & EXTRA) === 0 ? undefined : JSON.parse(utf8Decode(this.#arena.get(this.#extras[row]!)));
  }

  /** Frees the row and its items. */
  remove(row: number): void {
    for (let item = this.firsts[row]! - 1; item >= 0;) {
      const next = this.items.nexts[item]! - 1;
      this.items.remove(item);
      item = next;
    }
    if ((this.#flags[row]! & EXTRA) !== 0) this.#arena.free(this.#extras[row]!);
    if ((this.#flags[row]! & ROUSED) !== 0) this.#awake--;
    this.firsts[row] = 0;
    this.places.clear(row);
    this.#order.remove(ALL, row);
    this.#ages.delete(row);
    this.#ids.remove(row);
  }

  /** Strikes an item out; false when it was the message's last one, which then has to be removed. */
  removeItem(row: number, item: number): boolean {
    let last = -1;
    for (let at = this.firsts[row]! - 1; at !== item; at = this.items.nexts[at]! - 1) last = at;
    if (last < 0 && this.items.nexts[item] === 0) return false;
    this.#unlink(row, item, last);
    return true;
  }

  queuedAt(row: number): number {
    return this.#queuedAt[row]!;
  }

  asksForDelay(row: number): boolean {
    return (this.#flags[row]! & ASKS) !== 0;
  }

  hasExtra(row: number): boolean {
    return (this.#flags[row]! & EXTRA) !== 0;
  }

  /** Recipients of all items at rest. */
  countRecipients(): number {
    let count = 0;
    for (let item = 0; item < this.items.bound; item++) {
      if (this.items.states[item] !== AWAKE) count += countLeft(this.items.textBytes(item));
    }
    return count;
  }

  /** Names of the bodies' files. */
  bodyFiles(): Set<string> {
    const names = new Set<string>();
    for (let row = 0; row < this.#ids.bound; row++) {
      const name = this.isTaken(row) ? this.extra(row)?.bodyFile : undefined;
      if (name !== undefined) names.add(name);
    }
    return names;
  }

  #entry(message: Queued<S>, item: number, awake: boolean): Entry<S> {
    const { items } = this;
    const { left, status, error } = items.text(item);
    const entry = new Entry(message, items.indexes[item]!, items.domain(item), left);
    entry.attempts = items.attempts[item]!;
    entry.dueAt = items.dueAt[item]!;
    entry.state = items.states[item] === HELD ? "held" : "waiting";
    entry.past = items.pasts.get(item);
    entry.told = items.told[item]!;
    if (status !== "") entry.lastStatus = status;
    if (error !== "") entry.lastError = error;
    if (awake) items.rouse(item);
    return entry;
  }

  #putExtra(row: number, { bodyFile, wanted }: Queued<S>): void {
    if (bodyFile === undefined && wanted === undefined) return;
    const json = utf8Encode(
      JSON.stringify({ bodyFile, wanted } satisfies { [K in keyof Extra]: Extra[K] | undefined }),
    );
    this.#extras[row] = this.#arena.put(json, 0, json.length);
    this.#flags[row]! |= EXTRA;
  }

  /** Says which item came behind it. */
  #unlink(row: number, item: number, last: number): number {
    const next = this.items.nexts[item]! - 1;
    if (last < 0) this.firsts[row] = next + 1;
    else this.items.nexts[last] = next + 1;
    this.items.remove(item);
    return next;
  }

  #grow(length: number): void {
    this.firsts = grown(this.firsts, length);
    this.#flags = grown(this.#flags, length);
    this.#queuedAt = grown(this.#queuedAt, length);
    this.#sizes = grown(this.#sizes, length);
    this.#extras = grown(this.#extras, length);
  }
}
