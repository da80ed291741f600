/**
 * What is queued, in memory: messages by id, each with its items. Envelopes and bodies stay on disk; here are offsets and times.
 *
 * The ledger is what the journal's records add up to: recovery and the readers of a running server's files build it by `apply`,
 * the queue keeps it up to date as it writes. Applying a record twice, or one for a message that is gone, changes nothing.
 *
 * A message that something is done about is an object, one that waits is a row of `resting.ts`: `find` and `messages.get` wake it, `rest` puts it
 * back. `look` and all that goes through many of them makes objects to look at only.
 */
import type { Kind } from "./record.ts";
import { Entry, type Place, type Placed, Queued } from "./queued.ts";
import { HELD } from "./item_rows.ts";
import { Resting } from "./resting.ts";
import { RowReplay } from "./row_replay.ts";
import {
  asksForDelay,
  queueWishes,
  type StoredMark,
  type StoredMessage,
  type StoredOutcome,
  type StoredState,
} from "./stored.ts";

/** Told when a message's record becomes live or dead, so that segments can be counted. */
export interface Holder<S> {
  kept(message: Placed<S>): void;
  gone(message: Placed<S>): void;
}

/** Who keeps the times of items that wait while their message is awake. */
export interface Times<S> {
  add(entry: Entry<S>): void;
  remove(entry: Entry<S>): void;
  /** When an item has to be looked at. */
  wakeAt(entry: Entry<S>): number;
  /** Resting items have other times: the earliest may be another one. */
  changed(): void;
}

/** One array for all the items with one recipient: a million of them need no million arrays. */
const FIRST: readonly number[] = [0];
const NOBODY: readonly number[] = [];

export class Ledger<S = unknown> {
  readonly messages: Messages<S>;
  readonly resting = new Resting<S>();
  /** Those that are awake. */
  readonly awake = new Map<string, Queued<S>>();
  readonly holder: Holder<S>;
  /** Set by whoever waits for items to come due. */
  times: Times<S> | undefined = undefined;
  readonly #rows = new RowReplay<S>(this);

  constructor(holder: Holder<S>) {
    this.holder = holder;
    this.messages = new Messages(this);
  }

  /** A record of the journal, in order. */
  apply(kind: Kind, json: unknown, place: Place<S>): void {
    switch (kind) {
      case "accepted":
        return this.#accepted(json as StoredMessage, place);
      case "outcome":
        return this.#outcome(json as StoredOutcome, place);
      case "hold":
        return this.#each(json as StoredMark, (entry) => void (entry.state = "held"));
      case "release":
        return this.#each(json as StoredMark, (entry) => void (entry.state = "waiting"));
      case "removed":
        return this.#each(json as StoredMark, (entry) => this.done(entry));
      case "keys":
        // The affair of `keyring.ts`.
        return;
    }
  }

  /** The same from the octets of its JSON, without making objects; false for a record that has to be read in the other way. */
  applyOctets(kind: Kind, bytes: Uint8Array, from: number, to: number, place: Place<S>): boolean {
    return this.#rows.apply(kind, bytes, from, to, place);
  }

  /** Enters a message. One already there under this id is replaced: its record was copied forward. */
  add(stored: StoredMessage, place: Place<S>): Queued<S> {
    const message = new Queued<S>({
      id: stored.i,
      queuedAt: stored.t,
      size: stored.z,
      bodyFile: stored.b?.[0],
      wanted: queueWishes(stored.w),
      asksForDelay: stored.r.some(asksForDelay),
    }, place);
    if (stored.d.length === 1 && stored.g === undefined) {
      const left = stored.r.length === 1 ? FIRST : stored.r.map((_, i) => i);
      // A literal takes the room of one; an array that is pushed to takes room for seventeen.
      message.entries = [new Entry(message, 0, stored.d[0]!, left)];
    } else {
      for (let n = 0; n < stored.d.length; n++) {
        const left: number[] = [];
        for (let i = 0; i < stored.r.length; i++) if (stored.g?.[i] === n) left.push(i);
        message.entries.push(new Entry(message, n, stored.d[n]!, left));
      }
    }
    this.awake.set(message.id, message);
    this.holder.kept(message);
    return message;
  }

  /** Strikes an item out; its message goes with the last one. */
  done(entry: Entry<S>): void {
    const { message } = entry;
    const at = message.entries.indexOf(entry);
    if (at < 0 || !message.awake) return;
    message.entries.splice(at, 1);
    entry.left = NOBODY;
    if (message.entries.length > 0) return;
    if (this.awake.get(message.id) === message) {
      this.awake.delete(message.id);
      if (message.row >= 0) this.resting.remove(message.row);
    }
    this.holder.gone(message);
  }

  /** The items an id means: an item's own, or all of a message's. Their messages are awake; `rest` them when all is done. */
  find(id: string): Entry<S>[] {
    const [message, index] = this.#named(id, (name) => this.messages.get(name));
    return message?.entries.filter((entry) => index === undefined || entry.index === index) ?? [];
  }

  /** The message that an item's or its own id means, to look at. */
  look(id: string): Queued<S> | undefined {
    return this.#named(id, (name) => {
      const row = this.awake.has(name) ? -1 : this.resting.row(name);
      return row < 0 ? this.awake.get(name) : this.resting.view(row);
    })[0];
  }

  /** Messages with items for a domain, to look at; each may have others, too. */
  *ofDomain(domain: string): IterableIterator<Queued<S>> {
    yield* this.#look(this.resting.rows(domain));
    // Those that never rested stand in no chain.
    for (const message of [...this.awake.values()]) {
      if (message.row < 0 && message.entries.some((entry) => entry.domain === domain)) yield message;
    }
  }

  /** Messages with items that are held, to look at. */
  *held(): IterableIterator<Queued<S>> {
    const { items } = this.resting;
    const rows = new Set<number>();
    for (let item = 0; item < items.bound; item++) if (items.states[item] === HELD) rows.add(items.messages[item]!);
    yield* this.#look(Uint32Array.from(rows));
    for (const message of [...this.awake.values()]) {
      if (message.entries.some(({ state }) => state === "held")) yield message;
    }
  }

  /** All of them in about the order in which they came, to look at. What changes between two steps may be seen or not. */
  *all(): IterableIterator<Queued<S>> {
    if (this.resting.size > 0) yield* this.#look(this.resting.rows());
    for (const message of [...this.awake.values()]) if (message.row < 0 || this.resting.size === 0) yield message;
  }

  /** Puts a message to rest when nothing is done about it, and says whether it rests now. The objects are of no use then. */
  rest(message: Queued<S>): boolean {
    if (!message.awake) return true;
    if (
      message.pins > 0 || message.entries.length === 0 || this.awake.get(message.id) !== message ||
      message.hot !== undefined
    ) {
      return false;
    }
    for (const { state, running } of message.entries) {
      if (running !== undefined || (state !== "waiting" && state !== "held")) return false;
    }
    const { times } = this;
    if (!this.resting.put(message, times && ((entry) => times.wakeAt(entry)))) return false;
    if (times !== undefined) { for (const entry of message.entries) times.remove(entry); }
    this.awake.delete(message.id);
    message.awake = false;
    times?.changed();
    return true;
  }

  /** Makes the object of a message at rest. */
  wake(row: number): Queued<S> {
    const message = this.resting.view(row, true);
    this.awake.set(message.id, message);
    const { times } = this;
    if (times !== undefined) { for (const entry of message.entries) if (entry.state === "waiting") times.add(entry); }
    return message;
  }

  /** The message of a row, awake; undefined when it is gone. */
  at(row: number): Queued<S> | undefined {
    if (!this.resting.isTaken(row)) return undefined;
    return this.resting.isAwake(row) ? this.awake.get(this.resting.id(row)) : this.wake(row);
  }

  *#look(rows: Uint32Array): IterableIterator<Queued<S>> {
    for (const row of rows) {
      if (!this.resting.isTaken(row)) continue;
      if (!this.resting.isAwake(row)) yield this.resting.view(row);
      else yield this.awake.get(this.resting.id(row))!;
    }
  }

  #named(id: string, get: (id: string) => Queued<S> | undefined): [message?: Queued<S> | undefined, index?: number] {
    const whole = get(id);
    if (whole !== undefined) return [whole];
    const dot = id.lastIndexOf(".");
    const index = Number(id.slice(dot + 1)) - 1;
    const message = get(id.slice(0, dot));
    return message?.entries.some((entry) => entry.index === index) ? [message, index] : [];
  }

  #accepted(stored: StoredMessage, place: Place<S>): void {
    const old = this.messages.get(stored.i);
    if (old !== undefined) {
      this.holder.gone(old);
      this.awake.delete(old.id);
      if (old.row >= 0) this.resting.remove(old.row);
    }
    const message = this.add(stored, place);
    if (stored.st !== undefined) {
      const states = new Map(stored.st.map((state) => [state.n, state]));
      for (const entry of [...message.entries]) {
        const state = states.get(entry.index);
        if (state === undefined) this.done(entry);
        else this.#stand(entry, state);
      }
    }
    this.rest(message);
    if (stored.o !== undefined) this.#outcome(stored.o);
  }

  /** `place`: of its record, where it is one of its own. */
  #outcome(outcome: StoredOutcome, place?: Place<S>): void {
    this.#each(outcome, (entry) => {
      this.#stand(entry, outcome);
      if (outcome.x === 1) entry.past = place;
    });
  }

  #stand(entry: Entry<S>, state: StoredState): void {
    if (state.l.length === 0) return this.done(entry);
    entry.left = state.l;
    entry.attempts = state.a;
    entry.dueAt = state.d;
    entry.lastError = state.e;
    entry.lastStatus = state.s;
    entry.told = state.w ?? 0;
    entry.state = state.h === 1 ? "held" : "waiting";
  }

  #each(mark: StoredMark, act: (entry: Entry<S>) => void): void {
    const message = this.messages.get(mark.i);
    if (message === undefined) return;
    for (const entry of [...message.entries]) if (mark.n === undefined || entry.index === mark.n) act(entry);
    this.rest(message);
  }
}

/** A ledger's messages by id. */
class Messages<S> {
  readonly #ledger: Ledger<S>;

  constructor(ledger: Ledger<S>) {
    this.#ledger = ledger;
  }

  get size(): number {
    return this.#ledger.awake.size + this.#ledger.resting.size;
  }

  has(id: string): boolean {
    return this.#ledger.awake.has(id) || this.#ledger.resting.row(id) >= 0;
  }

  /** Wakes it. */
  get(id: string): Queued<S> | undefined {
    const message = this.#ledger.awake.get(id);
    if (message !== undefined) return message;
    const row = this.#ledger.resting.row(id);
    return row < 0 ? undefined : this.#ledger.wake(row);
  }

  /** As `Ledger.all`. */
  values(): IterableIterator<Queued<S>> {
    return this.#ledger.all();
  }
}
