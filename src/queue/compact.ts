/**
 * Keeps the journal small: segments go, oldest first, once nothing in them is live; when the dead are twice the living and more, the oldest
 * segment's live records are copied forward first.
 *
 * Only ever the oldest: a later segment may hold the record that strikes out a message of an earlier one, and deleting it first would
 * bring that message back. A name's removal is on disk before the next one is removed, for the same reason.
 */
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { DamagedRecord, readRecord } from "./body_store.ts";
import { RowCopier } from "./copy_rows.ts";
import type { Journal } from "./journal.ts";
import type { Keyring } from "./keyring.ts";
import type { Holder, Ledger } from "./ledger.ts";
import type { Placed, Queued } from "./queued.ts";
import { copyPast } from "./past.ts";
import { type Segment, syncDirectory } from "./segment.ts";
import { setAside } from "./set_aside.ts";

/** Dead octets put up with beyond as many as are live, so that what waits costs fresh mail less; no more, for the disk's and the start's sake. */
const SPARE_BYTES = 512 * 1024 * 1024;
/** Records copied at one time: they share a sync. */
const COPIED_AT_ONCE = 32;

/** Counts what is live in each segment. `emptied` is called when a segment has nothing left. */
export class SegmentCounts implements Holder<Segment> {
  liveBytes = 0;
  emptied: (segment: Segment) => void = () => {};

  kept({ place: { segment, length } }: Placed<Segment>): void {
    segment.live++;
    segment.liveBytes += length;
    this.liveBytes += length;
  }

  gone({ place: { segment, length } }: Placed<Segment>): void {
    segment.live--;
    segment.liveBytes -= length;
    this.liveBytes -= length;
    if (segment.live === 0) this.emptied(segment);
  }
}

export interface CompactorOptions {
  readonly host: Host;
  readonly dir: string;
  readonly log: Logger;
  readonly journal: Journal;
  readonly ledger: Ledger<Segment>;
  readonly counts: SegmentCounts;
  readonly keys: Keyring;
  /** Not being written any more, oldest first; the compactor takes away from its front. */
  readonly segments: Segment[];
  /** Dead octets put up with whatever is live. */
  readonly slackBytes: number;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #rows: RowCopier;
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#rows = new RowCopier(options);
  }

  /** Looks whether there is something to tidy, and does it; one at a time. Never rejects. */
  tidy(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return this.#working ??= this.#work().finally(() => void (this.#working = undefined));
  }

  /** Ends after the record at hand. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
  }

  async #work(): Promise<void> {
    const { segments, log, keys } = this.#options;
    // Records of this very turn may still be on their way into the oldest segment.
    await undefined;
    try {
      while (!this.#stopped) {
        const oldest = segments[0];
        if (oldest === undefined || oldest.keep) return;
        if (oldest.live > 0 || keys.liesIn(oldest)) {
          if (!this.#wasteful()) return;
          await this.#copyForward(oldest);
          if (oldest.live > 0) return;
        }
        await this.#delete(oldest);
      }
    } catch (error) {
      log.error(`Cannot tidy the queue: ${error instanceof Error ? error.message : error}`, { dir: this.#options.dir });
    }
  }

  #wasteful(): boolean {
    const { segments, counts, ledger, keys, slackBytes } = this.#options;
    let total = 0;
    for (const { size } of segments) total += size;
    // What happened to those that wait is copied along, and so are keys. Were they not counted, they would be copied round and round.
    const needed = counts.liveBytes + ledger.resting.items.pasts.total + keys.octets;
    // Each octet of fresh mail costs as many copied forward as are needed for one that is dead.
    return total > 2 * needed + Math.min(needed, SPARE_BYTES) + slackBytes;
  }

  async #copyForward(segment: Segment): Promise<void> {
    const { ledger } = this.#options;
    const { places } = ledger.resting;
    await this.#rows.copy(segment, places.rowsIn(segment), () => this.#stopped);
    const isHere = ({ place }: Queued<Segment>) => place.segment === segment;
    // What could not be copied as it lies.
    const rows = places.rowsIn(segment);
    // Only so many are awake at a time.
    for (let i = 0; i < rows.length && !this.#stopped; i += COPIED_AT_ONCE) {
      const some = rows.slice(i, i + COPIED_AT_ONCE).flatMap((row) => ledger.at(row) ?? []).filter(isHere);
      await this.#copyAll(some);
    }
    const awake = [...ledger.awake.values()].filter(isHere);
    for (let i = 0; i < awake.length && !this.#stopped; i += COPIED_AT_ONCE) {
      await this.#copyAll(awake.slice(i, i + COPIED_AT_ONCE).filter((one) => one.awake && isHere(one)));
    }
  }

  async #copyAll(messages: readonly Queued<Segment>[]): Promise<void> {
    for (const message of messages) message.pins++;
    const results = await Promise.allSettled(messages.map((one) => this.#copy(one)));
    for (const message of messages) {
      message.pins--;
      this.#options.ledger.rest(message);
    }
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #copy(message: Queued<Segment>): Promise<void> {
    const { journal, ledger, counts } = this.#options;
    if (ledger.awake.get(message.id) !== message) return;
    // Its next state is true with the report it waits for, not without; it is copied another time.
    if (message.entries.some(({ settling }) => settling)) return;
    let record;
    try {
      record = readRecord(message.place);
    } catch (error) {
      if (error instanceof DamagedRecord) return this.#lost(message, error);
      throw error;
    }
    const { o: _, ...stored } = record.stored;
    const json = JSON.stringify({ ...stored, st: message.entries.map((entry) => entry.stored()) });
    // In one batch: what happened so far lies in segments that may go as soon as the message has moved.
    const [place] = await Promise.all([
      journal.append("accepted", json, [record.content]),
      ...message.entries.map((entry) => copyPast(entry, journal)),
    ]);
    if (ledger.awake.get(message.id) !== message) return;
    counts.gone(message);
    message.place = { segment: place.segment, offset: place.offset, length: place.length };
    counts.kept(message);
  }

  /** Who is being tried, or has not been yet, has it in memory and may yet be served; the others have nothing left to try. */
  #lost(message: Queued<Segment>, error: DamagedRecord): void {
    const { host, dir, log, ledger, journal, keys } = this.#options;
    const { segment, offset, length } = message.place;
    const name = segment.path.slice(segment.path.lastIndexOf("/") + 1);
    const reason = `${error.message} (${message.id})`;
    setAside(host, dir, log, { segment: name, offset, reason }, segment.read(offset, offset + length));
    for (const entry of [...message.entries]) if (entry.state !== "active" && !entry.warm) ledger.done(entry);
    if (message.entries.length > 0) return;
    keys.forget(message.id);
    journal.note("removed", JSON.stringify({ i: message.id }));
  }

  async #delete(segment: Segment): Promise<void> {
    const { host, dir, segments, keys, journal } = this.#options;
    // A later one may hold what makes it superfluous.
    await journal.settle();
    await keys.leave(segment, journal);
    segment.close();
    host.removeSync(segment.path);
    segments.shift();
    await syncDirectory(host, dir);
  }
}
