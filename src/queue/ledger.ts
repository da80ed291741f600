/**
 * What is queued, in memory: messages by id, each with its items. Envelopes and bodies stay on disk; here are offsets and times.
 *
 * The ledger is what the journal's records add up to: recovery and the readers of a running server's files build it by `apply`,
 * the queue keeps it up to date as it writes. Applying a record twice, or one for a message that is gone, changes nothing.
 */
import type { HeapEntry } from "../base/heap.ts";
import type { Envelope } from "../hooks/outbound.ts";
import type { Message } from "../mail/message.ts";
import type { Kind } from "./record.ts";
import {
  asksForDelay,
  type StoredMark,
  type StoredMessage,
  type StoredOutcome,
  type StoredState,
  type StoredWishes,
} from "./stored.ts";
import type { ItemState } from "./types.ts";

/** Where a record lies. */
export interface Place<S = unknown> {
  readonly segment: S;
  readonly offset: number;
  readonly length: number;
}

/** A message as it was accepted, kept until its first attempts are made. */
export interface Hot {
  readonly envelope: Envelope;
  readonly message: Message;
  /** Octets it counts for in the budget. */
  readonly cost: number;
  /** Items that have not had their first attempt. */
  users: number;
}

/** What happened to an item (`history.ts`), in its stored form: on the disk, or on its way there. */
export type Past<S = unknown> = Place<S> | Uint8Array;

export class Queued<S = unknown> {
  readonly id: string;
  readonly queuedAt: number;
  readonly size: number;
  /** The body's file in `body/`, when it has one. */
  readonly bodyFile: string | undefined;
  /** What the sender wants beside transport. */
  readonly wanted: StoredWishes | undefined;
  /** Whether the sender wants to hear of delays. */
  readonly asksForDelay: boolean;
  /** Those not done. */
  entries: Entry<S>[] = [];
  place: Place<S>;
  hot: Hot | undefined = undefined;
  /** Whose it is (`sites/flow.ts`), while it was not tried yet. */
  flow = 0;

  constructor(stored: StoredMessage, place: Place<S>) {
    this.id = stored.i;
    this.queuedAt = stored.t;
    this.size = stored.z;
    this.bodyFile = stored.b?.[0];
    this.wanted = stored.w;
    this.asksForDelay = stored.r.some(asksForDelay);
    this.place = place;
  }
}

/** Items of one message that make it bulk. */
const MANY = 20;

export class Entry<S = unknown> {
  readonly message: Queued<S>;
  /** Which item of the message, from 0. */
  readonly index: number;
  readonly domain: string;
  /** Recipients still to be served, by their place in the envelope. */
  left: readonly number[];
  attempts = 0;
  dueAt: number;
  state: ItemState = "waiting";
  lastError: string | undefined = undefined;
  lastStatus: string | undefined = undefined;
  /** What the sender was told: bits of `TOLD`. */
  told = 0;
  /** Undefined before the first attempt. */
  past: Past<S> | undefined = undefined;
  /** When there is something to tell the sender of, whatever attempts come to; set while it waits. */
  newsAt = Infinity;
  /** Its place in the schedule while it waits. */
  slot: HeapEntry<Entry<S>> | undefined = undefined;
  /** Counts among the users of its message's {@linkcode Hot}. */
  warm = false;
  /** Aborts the attempt under way. */
  running: AbortController | undefined = undefined;

  constructor(message: Queued<S>, index: number, domain: string, left: readonly number[]) {
    this.message = message;
    this.index = index;
    this.domain = domain;
    this.left = left;
    this.dueAt = message.wanted?.h ?? message.queuedAt;
  }

  /** RFC 6710. */
  get priority(): number {
    return this.message.wanted?.p ?? 0;
  }

  get flow(): number {
    return this.message.flow;
  }

  /** One of many of its message, or tried before. */
  get isBulk(): boolean {
    return this.attempts > 0 || this.message.entries.length > MANY;
  }

  get wakeAt(): number {
    return Math.min(this.dueAt, this.newsAt);
  }

  get id(): string {
    return `${this.message.id}.${this.index + 1}`;
  }

  /** As its next outcome record will say it. */
  stored(): StoredState {
    return {
      n: this.index,
      a: this.attempts,
      d: this.dueAt,
      l: this.left,
      ...(this.state === "held" ? { h: 1 as const } : undefined),
      ...(this.lastError === undefined ? undefined : { e: this.lastError }),
      ...(this.lastStatus === undefined ? undefined : { s: this.lastStatus }),
      ...(this.told === 0 ? undefined : { w: this.told }),
    };
  }
}

/** Told when a message's record becomes live or dead, so that segments can be counted. */
export interface Holder<S> {
  kept(message: Queued<S>): void;
  gone(message: Queued<S>): void;
}

/** One array for all the items with one recipient: a million of them need no million arrays. */
const FIRST: readonly number[] = [0];
const NOBODY: readonly number[] = [];

export class Ledger<S = unknown> {
  readonly messages = new Map<string, Queued<S>>();
  readonly #holder: Holder<S>;
  /** Domain names repeat: each is kept once. */
  readonly #domains = new Map<string, string>();

  constructor(holder: Holder<S>) {
    this.#holder = holder;
  }

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
    }
  }

  /** Enters a message. One already there under this id is replaced: its record was copied forward. */
  add(stored: StoredMessage, place: Place<S>): Queued<S> {
    const message = new Queued(stored, place);
    if (stored.d.length === 1 && stored.g === undefined) {
      const left = stored.r.length === 1 ? FIRST : stored.r.map((_, i) => i);
      // A literal takes the room of one; an array that is pushed to takes room for seventeen.
      message.entries = [new Entry(message, 0, this.#domain(stored.d[0]!), left)];
    } else {
      for (let n = 0; n < stored.d.length; n++) {
        const left: number[] = [];
        for (let i = 0; i < stored.r.length; i++) if (stored.g?.[i] === n) left.push(i);
        message.entries.push(new Entry(message, n, this.#domain(stored.d[n]!), left));
      }
    }
    this.messages.set(message.id, message);
    this.#holder.kept(message);
    return message;
  }

  /** Strikes an item out; its message goes with the last one. */
  done(entry: Entry<S>): void {
    const { message } = entry;
    const at = message.entries.indexOf(entry);
    if (at < 0) return;
    message.entries.splice(at, 1);
    entry.left = NOBODY;
    if (message.entries.length > 0) return;
    if (this.messages.get(message.id) === message) this.messages.delete(message.id);
    this.#holder.gone(message);
  }

  /** The items an id means: an item's own, or all of a message's. */
  find(id: string): Entry<S>[] {
    const whole = this.messages.get(id);
    if (whole !== undefined) return [...whole.entries];
    const dot = id.lastIndexOf(".");
    const index = Number(id.slice(dot + 1)) - 1;
    return this.messages.get(id.slice(0, dot))?.entries.filter((entry) => entry.index === index) ?? [];
  }

  #accepted(stored: StoredMessage, place: Place<S>): void {
    const old = this.messages.get(stored.i);
    if (old !== undefined) this.#holder.gone(old);
    const message = this.add(stored, place);
    if (stored.st !== undefined) {
      const states = new Map(stored.st.map((state) => [state.n, state]));
      for (const entry of [...message.entries]) {
        const state = states.get(entry.index);
        if (state === undefined) this.done(entry);
        else this.#stand(entry, state);
      }
    }
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
    entry.left = state.l.length === entry.left.length ? entry.left : state.l;
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
  }

  #domain(name: string): string {
    const known = this.#domains.get(name);
    if (known !== undefined) return known;
    if (this.#domains.size >= 100_000) this.#domains.clear();
    this.#domains.set(name, name);
    return name;
  }
}
