/**
 * A queued message and its items as objects, while something is done about them. At rest they are rows of `resting.ts`, and an object made
 * before then is of no use any more: `awake` says so.
 */
import type { HeapEntry } from "../base/heap.ts";
import type { Envelope } from "../hooks/outbound.ts";
import type { Message } from "../mail/message.ts";
import type { queueWishes, StoredState } from "./stored.ts";
import type { ItemState } from "./types.ts";

/** Where a record lies. */
export interface Place<S = unknown> {
  readonly segment: S;
  readonly offset: number;
  readonly length: number;
}

export interface Placed<S> {
  readonly place: Place<S>;
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

/** What happened to an item (`past.ts`), in its stored form: on the disk, or on its way there. */
export type Past<S = unknown> = Place<S> | Uint8Array;

/** What is known of a message without its record, but for the items. */
export type MessageFacts = Pick<Queued, "id" | "queuedAt" | "size" | "bodyFile" | "wanted" | "asksForDelay">;

export class Queued<S = unknown> {
  readonly id: string;
  readonly queuedAt: number;
  readonly size: number;
  /** The body's file in `body/`, when it has one. */
  readonly bodyFile: string | undefined;
  /** Of what the sender wants, what the queue goes by: priority, deadline, hold. */
  readonly wanted: ReturnType<typeof queueWishes>;
  /** Whether the sender wants to hear of delays. */
  readonly asksForDelay: boolean;
  /** Those not done. */
  entries: Entry<S>[] = [];
  place: Place<S>;
  hot: Hot | undefined = undefined;
  /** Whose it is (`sites/flow.ts`), while it was not tried yet. */
  flow = 0;

  /** Its row while it rests, which stays its own when it is woken; -1 before it came to rest for the first time. */
  row: number;
  /** False once it has been put to rest, and for one that was only made to be looked at: changes to it are lost. */
  awake = true;
  /** How many count on this object to stay awake. */
  pins = 0;

  constructor({ id, queuedAt, size, bodyFile, wanted, asksForDelay }: MessageFacts, place: Place<S>, row = -1) {
    this.id = id;
    this.queuedAt = queuedAt;
    this.size = size;
    this.bodyFile = bodyFile;
    this.wanted = wanted;
    this.asksForDelay = asksForDelay;
    this.place = place;
    this.row = row;
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
  /** It stands as it will once a report to its sender is on the disk: nobody is to write that down before. */
  settling = false;
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
