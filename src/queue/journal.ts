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
import { Batch, NO_PARTS, type Pending } from "./batch.ts";
import type { Place } from "./queued.ts";
import { QueueError } from "./queue_error.ts";
import { get32, type Json, type Kind } from "./record.ts";
import { Segment, syncDirectory, UnreadableSegment } from "./segment.ts";

/** How long a note may wait for company. */
const NOTE_WAIT_MS = 20;
const RETRY_WAIT_MS = 1000;

export interface JournalOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dir: string;
  readonly segmentBytes: number;
  readonly random: (into: Uint8Array<ArrayBuffer>) => void;
  /** The number of the first segment to begin. */
  readonly next: number;
  /** Segments of which it is not sure that the disk holds them: no record is durable before it does. */
  readonly unsettled?: readonly Segment[];
  /** A segment is full, or given up: somebody may want to tidy. */
  readonly onSegment: (segment: Segment) => void;
}

export class Journal {
  readonly #options: JournalOptions;
  #next: number;
  #segment: Segment | undefined;
  #batch = new Batch();
  readonly #unsettled: Segment[];
  #settling: Promise<void> | undefined;
  #working: Promise<void> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#next = options.next;
    this.#unsettled = [...options.unsettled ?? []];
  }

  /** The segment being written; undefined before the first record and after a fault. */
  get segment(): Segment | undefined {
    return this.#segment;
  }

  /**
   * Writes a record and resolves, once it is durable, to where it lies. Rejects with `QueueError`; the record is not kept then.
   * `parts` are not to change until it settles, JSON in octets may. `undo` names the message that a lost record is taken back for.
   */
  append(kind: Kind, json: Json, parts: readonly Uint8Array[] = NO_PARTS, undo?: string): Promise<Place<Segment>> {
    if (this.#closed) return Promise.reject(new QueueError("stopped", "Cannot write to the queue: it has stopped"));
    return new Promise((resolve, reject) => {
      this.#batch.add(kind, json, parts, undo, resolve, reject);
      this.#wake();
    });
  }

  /** Writes a record some time soon; then `placed` is told where it lies. `parts` are not to change any more. */
  note(kind: Kind, json: string, parts?: readonly Uint8Array[], placed?: (place: Place<Segment>) => void): void {
    this.#batch.add(kind, json, parts, undefined, placed);
    if (this.#working === undefined && !this.#closed) this.#later(NOTE_WAIT_MS);
  }

  /** Resolves when all that was given so far has been tried. */
  async flush(): Promise<void> {
    if (!this.#batch.empty) this.#wake();
    while (this.#working !== undefined) await this.#working;
  }

  /** Resolves once all that was there at the start is on the disk; rejects with what the disk throws. */
  settle(): Promise<void> {
    return this.#settling ??= this.#settle().finally(() => void (this.#settling = undefined));
  }

  async #settle(): Promise<void> {
    for (let segment = this.#unsettled[0]; segment !== undefined; segment = this.#unsettled[0]) {
      try {
        await segment.renew();
      } catch (error) {
        if (!(error instanceof UnreadableSegment)) throw error;
        // Nothing more can be done for it, and others must not wait for it for ever.
        this.#options.log.error(error.message, { file: segment.path });
      }
      this.#unsettled.shift();
    }
  }

  /** Writes down what waits and takes no more. */
  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
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
    while (!this.#batch.empty && !failed) failed = !await this.#commit();
    this.#working = undefined;
    if (this.#batch.empty || this.#closed) return;
    // What waits now came with the fault or after it: others get their answer at once, notes wait for better times.
    if (this.#batch.awaited) this.#wake();
    else this.#later(RETRY_WAIT_MS);
  }

  /** One batch, from the staging buffer to the disk. Never rejects; false when it failed. */
  async #commit(): Promise<boolean> {
    let segment: Segment;
    try {
      segment = await this.#current();
    } catch (error) {
      this.#fail(this.#batch.take(), error, false);
      return false;
    }
    const before = segment.size;
    let records: Pending[];
    try {
      this.#batch.write(segment);
      records = this.#batch.take();
    } catch (error) {
      const lost = this.#batch.take();
      const clean = segment.cut(before);
      if (!clean) this.#giveUp(segment);
      this.#fail(lost, error, !clean);
      return false;
    }
    try {
      if (this.#unsettled.length > 0) await this.settle();
      await segment.syncData();
    } catch (error) {
      // After a failed sync nobody knows what the disk holds: this file is never written again.
      segment.cut(before);
      this.#giveUp(segment);
      this.#fail(records, error, true);
      return false;
    }
    for (const { offset, length, resolve } of records) resolve?.({ segment, offset: before + offset, length });
    return true;
  }

  #fail(records: readonly Pending[], cause: unknown, uncertain: boolean): void {
    const error = QueueError.of(cause, "write to the queue");
    this.#options.log.error(error.message, { records: records.length, fault: error.fault });
    // What was given after the fault stays behind what is written again: of two states of an item the later one holds.
    const behind = this.#batch;
    this.#batch = new Batch();
    for (const { kind, json, parts, undo, resolve, reject } of records) {
      if (reject === undefined) this.#batch.add(kind, json, parts, undefined, resolve);
      else reject(error);
      if (uncertain && undo !== undefined) this.#batch.add("removed", JSON.stringify({ i: undo }));
    }
    this.#batch.join(behind);
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
