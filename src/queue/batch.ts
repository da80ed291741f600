/**
 * The records that go to the disk in one write: framed and joined in one buffer as they are given, large parts left where they lie.
 *
 * Knows nothing of files beyond `write`, and of who waits for what only that somebody does.
 */
import type { Place } from "./queued.ts";
import type { QueueError } from "./queue_error.ts";
import { type Json, type Kind, prefixRoom, putChecksum, putMarker, putPrefix } from "./record.ts";
import type { Segment } from "./segment.ts";

/** Parts larger than this are written from where they lie; smaller ones are joined. */
const JOIN_LIMIT = 64 * 1024;
const STAGING_BYTES = 256 * 1024;
/** A staging buffer that grew beyond this is let go. */
const STAGING_KEPT = 4 * 1024 * 1024;

export type Resolve = (place: Place<Segment>) => void;
export type Reject = (error: QueueError) => void;

/** A record on its way. */
export interface Pending {
  readonly kind: Kind;
  /** Kept for notes, which are written again when a batch fails; with their parts. */
  readonly json: Json;
  readonly parts: readonly Uint8Array[];
  /** From the batch's beginning. */
  offset: number;
  readonly length: number;
  /** In the buffer, which lacks what is written from elsewhere. */
  at: number;
  /** Taken back by a `removed` record when nobody can say whether it reached the disk. */
  readonly undo: string | undefined;
  readonly resolve: Resolve | undefined;
  readonly reject: Reject | undefined;
}

/** Octets that go between those of the buffer, from where they lie. */
interface Insert {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export const NO_PARTS: readonly Uint8Array[] = [];

export class Batch {
  #buffer = new Uint8Array(STAGING_BYTES);
  #used = 0;
  #inserted = 0;
  #records: Pending[] = [];
  #inserts: Insert[] = [];

  get empty(): boolean {
    return this.#records.length === 0;
  }

  /** Whether somebody waits for one of the records. */
  get awaited(): boolean {
    return this.#records.some(({ reject }) => reject !== undefined);
  }

  /** `parts` are not to change until the record is written or given up; nor is JSON in octets that nobody waits for. */
  add(
    kind: Kind,
    json: Json,
    parts: readonly Uint8Array[] = NO_PARTS,
    undo?: string,
    resolve?: Resolve,
    reject?: Reject,
  ): void {
    let rest = 0;
    let joined = 0;
    for (const part of parts) {
      rest += part.length;
      if (part.length <= JOIN_LIMIT) joined += part.length;
    }
    const at = this.#used;
    const offset = at + this.#inserted;
    this.#room(at + prefixRoom(json) + joined);
    const buffer = this.#buffer;
    let end = putPrefix(buffer, at, kind, json, rest);
    const length = end - at + rest;
    if (rest === joined) {
      for (const part of parts) {
        buffer.set(part, end);
        end += part.length;
      }
      putChecksum(buffer, at, end);
    } else {
      // Only the prefix lies in the buffer for sure: what follows is written from where it lies.
      putChecksum(buffer, at, end, parts);
      for (const part of parts) {
        this.#inserts.push({ at: end, bytes: part });
        this.#inserted += part.length;
      }
    }
    this.#used = end;
    const kept = reject === undefined;
    this.#records.push({
      kind,
      json: kept ? json : "",
      parts: kept ? parts : NO_PARTS,
      offset,
      length,
      at,
      undo,
      resolve,
      reject,
    });
  }

  /** Puts the records of another batch behind those of this one. */
  join(other: Batch): void {
    if (other.empty) return;
    const [at, offset] = [this.#used, this.#used + this.#inserted];
    this.#room(at + other.#used);
    this.#buffer.set(other.#buffer.subarray(0, other.#used), at);
    this.#used += other.#used;
    this.#inserted += other.#inserted;
    for (const record of other.#records) {
      record.at += at;
      record.offset += offset;
      this.#records.push(record);
    }
    for (const insert of other.#inserts) this.#inserts.push({ at: at + insert.at, bytes: insert.bytes });
  }

  /** Throws what the disk throws. */
  write(segment: Segment): void {
    for (const { at } of this.#records) putMarker(this.#buffer, at, segment.marker);
    let from = 0;
    for (const { at, bytes } of this.#inserts) {
      if (at > from) segment.write(this.#buffer.subarray(from, at));
      segment.write(bytes);
      from = at;
    }
    if (this.#used > from) segment.write(this.#buffer.subarray(from, this.#used));
  }

  /** Hands over the records and is empty again. */
  take(): Pending[] {
    const records = this.#records;
    this.#records = [];
    if (this.#inserts.length > 0) this.#inserts = [];
    this.#used = 0;
    this.#inserted = 0;
    if (this.#buffer.length > STAGING_KEPT) this.#buffer = new Uint8Array(STAGING_BYTES);
    return records;
  }

  #room(wanted: number): void {
    if (wanted <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = larger;
  }
}
