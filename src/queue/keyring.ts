/**
 * Which submissions were taken, by the key their client gave them: the same one again is not queued again (idempotence).
 *
 * A key lies on disk in the record of its own message, so that a crash keeps both or neither. Before a segment goes, the keys in it are copied
 * forward. Where queues share submissions (`claims.ts`), the others are asked before one is taken. A key is forgotten after the window, when there are too many (the oldest first), and when its message was lost to a damaged disk:
 * then the same submission is taken anew.
 */
import type { KeyClaims } from "./claims.ts";
import type { Journal } from "./journal.ts";
import type { Kind } from "./record.ts";
import type { Segment } from "./segment.ts";
import type { StoredMark, StoredMessage } from "./stored.ts";

/** Payload of keys: each with the id of its message and when that was taken. */
export interface StoredKeys {
  readonly k: readonly StoredKey[];
}
type StoredKey = readonly [key: string, id: string, at: number];

interface Known {
  readonly id: string;
  readonly at: number;
  segment: Segment;
}

export interface KeyLimits {
  /** Milliseconds. */
  readonly keyWindowMs: number;
  readonly mostKeys: number;
}

/** Keys in one record, when they are copied forward. */
const IN_RECORD = 1000;

export class Keyring {
  /** By age. */
  readonly #known = new Map<string, Known>();
  readonly #pending = new Map<string, Promise<unknown>>();
  readonly #limits: () => KeyLimits;
  readonly #now: () => number;
  readonly #claims: KeyClaims | undefined;

  constructor(now: () => number, limits: () => KeyLimits, claims?: KeyClaims) {
    this.#now = now;
    this.#limits = limits;
    this.#claims = claims;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The id of the message that was taken under this key. */
  of(key: string): string | undefined {
    const known = this.#known.get(key);
    return known === undefined || this.#isOld(known) ? undefined : known.id;
  }

  /**
   * Has `take` take the message under this key, unless one was taken: then the id of that. While one is on its way to the disk others wait for
   * what becomes of it; when it fails the next one is taken. Rejects with what `take` rejects with, and when the others cannot be asked.
   */
  async once(key: string, take: () => Promise<{ readonly id: string }>): Promise<{ id: string; repeated: boolean }> {
    for (let pending = this.#pending.get(key); pending !== undefined; pending = this.#pending.get(key)) {
      await pending.catch(() => {});
    }
    const known = this.of(key);
    if (known !== undefined) return { id: known, repeated: true };
    const taking = this.#claims === undefined ? this.#take(take) : this.#takeAmongAll(this.#claims, key, take);
    this.#pending.set(key, taking);
    try {
      return await taking;
    } finally {
      this.#pending.delete(key);
    }
  }

  async #take(take: () => Promise<{ readonly id: string }>): Promise<{ id: string; repeated: boolean }> {
    return { id: (await take()).id, repeated: false };
  }

  async #takeAmongAll(claims: KeyClaims, key: string, take: () => Promise<{ readonly id: string }>) {
    const { id } = await claims.claim(key);
    if (id !== undefined) return { id, repeated: true };
    try {
      return await this.#take(take);
    } finally {
      claims.end(key);
    }
  }

  /** Called once the record is safe. */
  add(key: string, id: string, at: number, segment: Segment): void {
    this.#known.delete(key);
    this.#known.set(key, { id, at, segment });
    const { mostKeys } = this.#limits();
    for (const [oldest, known] of this.#known) {
      if (this.#known.size <= mostKeys && !this.#isOld(known)) break;
      this.#known.delete(oldest);
    }
  }

  /** What a record says of keys. */
  apply(kind: Kind, json: unknown, segment: Segment): void {
    if (kind === "accepted") {
      const { q, i, t } = json as StoredMessage;
      if (q !== undefined) this.add(q, i, t, segment);
    } else if (kind === "keys") { for (const [key, id, at] of (json as StoredKeys).k) this.add(key, id, at, segment); }
    else if (kind === "removed") {
      const { i, n } = json as StoredMark;
      // All of a message is removed when it was never acknowledged, or is lost; an operator removes items.
      if (n === undefined) this.forget(i);
    }
  }

  /** Nothing will come of this message. */
  forget(id: string): void {
    for (const [key, known] of this.#known) if (known.id === id) this.#known.delete(key);
  }

  /** Octets that a record of all keys takes, at most. */
  get octets(): number {
    let octets = 0;
    for (const [key, { id }] of this.#known) octets += 3 * key.length + id.length + 32;
    return octets;
  }

  /** Whether any key has its record in the segment. */
  liesIn(segment: Segment): boolean {
    for (const known of this.#known.values()) if (known.segment === segment && !this.#isOld(known)) return true;
    return false;
  }

  /** A segment is about to go: what it knows is written again. Rejects when the disk fails. */
  async leave(segment: Segment, journal: Pick<Journal, "append">): Promise<void> {
    const here = [...this.#known].filter(([, known]) => known.segment === segment && !this.#isOld(known));
    for (let from = 0; from < here.length; from += IN_RECORD) {
      const some = here.slice(from, from + IN_RECORD);
      const k = some.map(([key, { id, at }]): StoredKey => [key, id, at]);
      const place = await journal.append("keys", JSON.stringify({ k } satisfies StoredKeys));
      for (const [, known] of some) known.segment = place.segment;
    }
  }

  #isOld({ at }: Known): boolean {
    return at + this.#limits().keyWindowMs <= this.#now();
  }
}
