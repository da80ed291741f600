/**
 * The journal: records go in, and come back as durable once one `syncData()` covers them.
 *
 * Group commit: while one sync runs the next batch gathers, and goes out in one write. `append` waits for the sync; `note` does not:
 * its record rides the next batch, or one of its own after a short while. When the disk fails, those who wait are told and nothing of
 * theirs is kept; notes are kept in memory and written again. The journal lives on and recovers when the disk does.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { Place } from "./ledger.ts";
import { QueueError } from "./queue_error.ts";
import { get32, type Kind, prefixRoom, putChecksum, putMarker, putPrefix } from "./record.ts";
import { Segment, syncDirectory } from "./segment.ts";

/** Parts larger than this are written from where they lie; smaller ones are joined. */
const JOIN_LIMIT = 64 * 1024;
const STAGING_BYTES = 256 * 1024;
/** A staging buffer that grew beyond this is let go. */
const STAGING_KEPT = 4 * 1024 * 1024;
/** How long a note may wait for company. */
const NOTE_WAIT_MS = 20;
const RETRY_WAIT_MS = 1000;

/** A record on its way. Once durable it says where it lies. */
class Pending implements Place<Segment> {
  segment!: Segment;
  /** In the batch; once durable, in the segment. */
  offset: number;
  length = 0;
  /** In the staging buffer, which lacks what is written from elsewhere. */
  at: number;
  readonly kind: Kind;
  /** Kept for notes, which are written again when a batch fails. */
  readonly json: string;
  /** Taken back by a `removed` record when nobody can say whether it reached the disk. */
  readonly undo: string | undefined;
  readonly resolve: ((place: Place<Segment>) => void) | undefined;
  readonly reject: ((error: QueueError) => void) | undefined;

  constructor(
    kind: Kind,
    at: number,
    offset: number,
    json: string,
    undo: string | undefined,
    resolve?: (place: Place<Segment>) => void,
    reject?: (error: QueueError) => void,
  ) {
    this.kind = kind;
    this.at = at;
    this.offset = offset;
    this.json = json;
    this.undo = undo;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** Octets that go between staged ones, from where they lie. */
interface Insert {
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Batch {
  readonly records: readonly Pending[];
  readonly inserts: readonly Insert[];
  readonly inserted: number;
  readonly staged: Uint8Array;
}

export interface JournalOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dir: string;
  readonly segmentBytes: number;
  readonly random: (into: Uint8Array<ArrayBuffer>) => void;
  /** The number of the first segment to begin. */
  readonly next: number;
  /** A segment is full, or given up: somebody may want to tidy. */
  readonly onSegment: (segment: Segment) => void;
}

const NOTHING: readonly Uint8Array[] = [];

export class Journal {
  readonly #options: JournalOptions;
  #next: number;
  #segment: Segment | undefined;
  #staging = new Uint8Array(STAGING_BYTES);
  #used = 0;
  #inserted = 0;
  #records: Pending[] = [];
  #inserts: Insert[] = [];
  #working: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#next = options.next;
  }

  /** The segment being written; undefined before the first record and after a fault. */
  get segment(): Segment | undefined {
    return this.#segment;
  }

  /**
   * Writes a record and resolves, once it is durable, to where it lies. Rejects with `QueueError`; the record is not kept then.
   * `parts` are not to change until it settles. `undo` names the message that a lost record is taken back for.
   */
  append(kind: Kind, json: string, parts: readonly Uint8Array[] = NOTHING, undo?: string): Promise<Place<Segment>> {
    if (this.#closed) return Promise.reject(new QueueError("stopped", "Cannot write to the queue: it has stopped"));
    return new Promise((resolve, reject) => {
      this.#stage(kind, json, parts, undo, resolve, reject);
      this.#wake();
    });
  }

  /** Writes a record some time soon. */
  note(kind: Kind, json: string): void {
    this.#stage(kind, json, NOTHING, undefined);
    if (this.#working === undefined && !this.#closed) this.#later(NOTE_WAIT_MS);
  }

  /** Resolves when all that was given so far has been tried. */
  async flush(): Promise<void> {
    if (this.#records.length > 0) this.#wake();
    while (this.#working !== undefined) await this.#working;
  }

  /** Writes down what waits and takes no more. */
  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #stage(
    kind: Kind,
    json: string,
    parts: readonly Uint8Array[],
    undo: string | undefined,
    resolve?: (place: Place<Segment>) => void,
    reject?: (error: QueueError) => void,
  ): void {
    let rest = 0;
    let joined = 0;
    for (const part of parts) {
      rest += part.length;
      if (part.length <= JOIN_LIMIT) joined += part.length;
    }
    const at = this.#used;
    this.#room(at + prefixRoom(json) + joined);
    const staging = this.#staging;
    let end = putPrefix(staging, at, kind, json, rest);
    const record = new Pending(kind, at, at + this.#inserted, resolve ? "" : json, undo, resolve, reject);
    record.length = end - at + rest;
    if (rest === joined) {
      for (const part of parts) {
        staging.set(part, end);
        end += part.length;
      }
      putChecksum(staging, at, end);
    } else {
      // Only the prefix lies in the staging buffer for sure: what follows is written from where it lies.
      putChecksum(staging, at, end, parts);
      for (const part of parts) {
        this.#inserts.push({ at: end, bytes: part });
        this.#inserted += part.length;
      }
    }
    this.#used = end;
    this.#records.push(record);
  }

  #room(wanted: number): void {
    if (wanted <= this.#staging.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#staging.length * 2));
    larger.set(this.#staging.subarray(0, this.#used));
    this.#staging = larger;
  }

  #wake(): void {
    if (this.#working !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#working = this.#work();
  }

  #later(ms: number): void {
    this.#timer ??= this.#options.clock.after(ms, () => {
      this.#timer = undefined;
      if (!this.#closed) this.#wake();
    });
  }

  async #work(): Promise<void> {
    // Whoever else writes in this turn comes along.
    await undefined;
    let failed = false;
    while (this.#records.length > 0 && !failed) failed = !await this.#commit();
    this.#working = undefined;
    if (this.#records.length === 0 || this.#closed) return;
    // What waits now came with the fault or after it: others get their answer at once, notes wait for better times.
    if (this.#records.some((record) => record.reject !== undefined)) this.#wake();
    else this.#later(RETRY_WAIT_MS);
  }

  /** One batch, from the staging buffer to the disk. Never rejects; false when it failed. */
  async #commit(): Promise<boolean> {
    let segment: Segment;
    try {
      segment = await this.#current();
    } catch (error) {
      this.#fail(this.#take(), error, false);
      return false;
    }
    const before = segment.size;
    let records: Pending[];
    try {
      this.#write(segment);
      records = this.#take();
    } catch (error) {
      const lost = this.#take();
      const clean = segment.cut(before);
      if (!clean) this.#giveUp(segment);
      this.#fail(lost, error, !clean);
      return false;
    }
    try {
      await segment.syncData();
    } catch (error) {
      // After a failed sync nobody knows what the disk holds: this file is never written again.
      segment.cut(before);
      this.#giveUp(segment);
      this.#fail(records, error, true);
      return false;
    }
    for (const record of records) {
      record.offset += before;
      record.segment = segment;
      record.resolve?.(record);
    }
    return true;
  }

  #write(segment: Segment): void {
    for (const record of this.#records) putMarker(this.#staging, record.at, segment.marker);
    let from = 0;
    for (const { at, bytes } of this.#inserts) {
      if (at > from) segment.write(this.#staging.subarray(from, at));
      segment.write(bytes);
      from = at;
    }
    if (this.#used > from) segment.write(this.#staging.subarray(from, this.#used));
  }

  /** Hands over the batch and begins a new one. */
  #take(): Pending[] {
    const records = this.#records;
    this.#records = [];
    if (this.#inserts.length > 0) this.#inserts = [];
    this.#used = 0;
    this.#inserted = 0;
    if (this.#staging.length > STAGING_KEPT) this.#staging = new Uint8Array(STAGING_BYTES);
    return records;
  }

  #fail(records: readonly Pending[], cause: unknown, uncertain: boolean): void {
    const error = QueueError.of(cause, "write to the queue");
    this.#options.log.error(error.message, { records: records.length, fault: error.fault });
    const behind = this.#takeBatch();
    for (const { kind, json, undo, reject } of records) {
      if (reject === undefined) this.#stage(kind, json, NOTHING, undefined);
      else reject(error);
      if (uncertain && undo !== undefined) this.#stage("removed", JSON.stringify({ i: undo }), NOTHING, undefined);
    }
    this.#putBehind(behind);
  }

  #takeBatch(): Batch {
    const batch = {
      records: this.#records,
      inserts: this.#inserts,
      inserted: this.#inserted,
      staged: this.#staging.slice(0, this.#used),
    };
    this.#records = [];
    this.#inserts = [];
    this.#used = this.#inserted = 0;
    return batch;
  }

  /** What was given after the fault stays behind what is written again: of two states of an item the later one holds. */
  #putBehind({ records, inserts, inserted, staged }: Batch): void {
    if (records.length === 0) return;
    const shift = this.#used;
    this.#room(shift + staged.length);
    this.#staging.set(staged, shift);
    this.#used = shift + staged.length;
    this.#inserted = inserted;
    for (const record of records) {
      record.at += shift;
      record.offset += shift;
      this.#records.push(record);
    }
    for (const { at, bytes } of inserts) this.#inserts.push({ at: at + shift, bytes });
  }

  #giveUp(segment: Segment): void {
    segment.sealed = true;
    segment.close();
    if (this.#segment === segment) this.#segment = undefined;
    this.#options.onSegment(segment);
  }

  async #current(): Promise<Segment> {
    const full = this.#segment;
    if (full !== undefined && full.size < this.#options.segmentBytes) return full;
    const { host, dir, random } = this.#options;
    const marker = new Uint8Array(4);
    random(marker);
    const segment = Segment.create(host, dir, this.#next++, get32(marker, 0));
    try {
      await segment.sync();
      await syncDirectory(host, dir);
    } catch (error) {
      this.#giveUp(segment);
      throw error;
    }
    this.#segment = segment;
    if (full !== undefined) this.#giveUp(full);
    return segment;
  }
}
