/**
 * Copies messages at rest forward as they lie: the octets of their records, with how their items stand now put in, in windows that are read at once
 * and share a sync. No message is woken and no JSON read: a deep queue is copied at a fraction of what objects would cost.
 *
 * What is unusual (`scan.ts`), damaged, awake or large is not touched and left to whoever asked; so is what changes its place meanwhile. Rejects when
 * the journal or the disk does; what was written before then has moved all the same.
 */
import type { Journal } from "./journal.ts";
import type { Holder, Ledger } from "./ledger.ts";
import type { Place } from "./queued.ts";
import { frameEnd, get32, HEADER_BYTES, PREFIX_BYTES } from "./record.ts";
import { Scanner } from "./scan.ts";
import type { Segment } from "./segment.ts";
import type { StoredState } from "./stored.ts";

/** Octets read at once: some milliseconds' work, then others have their turn. */
const WINDOW = 256 * 1024;
const encoder = new TextEncoder();

export interface RowCopierOptions {
  readonly journal: Journal;
  readonly ledger: Ledger<Segment>;
  readonly counts: Holder<Segment>;
}

interface Wanted {
  readonly row: number;
  readonly place: Place<Segment>;
}

/** Octets of a segment. */
interface Window {
  readonly segment: Segment;
  readonly from: number;
  readonly bytes: Uint8Array;
}

export class RowCopier {
  readonly #options: RowCopierOptions;
  readonly #scan = new Scanner();
  /** Where a record's JSON is put together. */
  #json = new Uint8Array(4096);

  constructor(options: RowCopierOptions) {
    this.#options = options;
  }

  /** Copies those whose records lie in `segment`, until `stopped`. */
  async copy(segment: Segment, rows: readonly number[], stopped: () => boolean): Promise<void> {
    const { resting } = this.#options.ledger;
    const places = new Map(rows.map((row) => [row, resting.places.get(row)!.offset]));
    const sorted = rows.toSorted((a, b) => places.get(a)! - places.get(b)!);
    for (let at = 0; at < sorted.length && !stopped();) {
      const some: Wanted[] = [];
      let from = 0;
      for (; at < sorted.length; at++) {
        const row = sorted[at]!;
        const place = resting.places.get(row);
        if (place?.segment !== segment || resting.isAwake(row) || place.length > WINDOW) continue;
        if (some.length === 0) from = place.offset;
        if (place.offset + place.length - from > WINDOW) break;
        some.push({ row, place });
      }
      const last = some.at(-1);
      if (last !== undefined) {
        await this.#copyAll(this.#read(segment, from, last.place.offset + last.place.length), some);
      }
    }
  }

  #read(segment: Segment, from: number, to: number): Window {
    return { segment, from, bytes: segment.read(from, to) };
  }

  async #copyAll(window: Window, some: readonly Wanted[]): Promise<void> {
    const written: Promise<void>[] = [];
    for (const one of some) this.#copy(window, one, written);
    for (const result of await Promise.allSettled(written)) if (result.status === "rejected") throw result.reason;
  }

  /** The message and, behind it and in one batch, what happened to its items: it lies in segments that may go as soon as the message has moved. */
  #copy(window: Window, wanted: Wanted, written: Promise<void>[]): void {
    const { journal, ledger: { resting } } = this.#options;
    const { row, place } = wanted;
    const frame = frameOf(window, place);
    if (frame === undefined) return;
    const content = PREFIX_BYTES + get32(frame, HEADER_BYTES);
    if (content > frame.length || !this.#scan.accepted(frame, PREFIX_BYTES, content)) return;
    const { items } = resting;
    const members = resting.itemsAt(row);
    const states = members.map((item) => items.stored(item));
    const append = journal.append("accepted", this.#withStates(frame, content, states), [frame.subarray(content)]);
    written.push(append.then((now) => this.#moved(wanted, now)));
    members.forEach((item, n) => {
      const past = items.pasts.get(item);
      const octets = past && pastOf(window, past);
      if (octets === undefined) return;
      const id = resting.id(row);
      const outcome = journal.append("outcome", JSON.stringify({ i: id, ...states[n], x: 1 }), [octets]);
      written.push(outcome.then((now) => this.#pastMoved(id, item, past!, now)));
    });
  }

  /** The record's JSON with `states` for what it says of its items, or as its last member. */
  #withStates(frame: Uint8Array, content: number, states: readonly StoredState[]): Uint8Array {
    const { statesFrom, statesTo } = this.#scan;
    const last = content - 1;
    const [before, behind] = statesFrom === 0 ? [last, last] : [statesFrom, statesTo];
    const list = JSON.stringify(states);
    const text = statesFrom === 0 ? `,"st":${list}` : list;
    const room = content - PREFIX_BYTES + 3 * text.length;
    if (this.#json.length < room) this.#json = new Uint8Array(2 * room);
    const json = this.#json;
    json.set(frame.subarray(PREFIX_BYTES, before));
    let at = before - PREFIX_BYTES;
    at += encoder.encodeInto(text, json.subarray(at)).written;
    for (let from = behind; from < content; from++) json[at++] = frame[from]!;
    return json.subarray(0, at);
  }

  /** Unless it is gone: its row may be another's by now. */
  #moved({ row, place }: Wanted, now: Place<Segment>): void {
    const { counts, ledger: { resting, awake } } = this.#options;
    if (!isSame(resting.places.get(row), place)) return;
    counts.gone({ place });
    const kept = { segment: now.segment, offset: now.offset, length: now.length };
    if (resting.isAwake(row)) awake.get(resting.id(row))!.place = kept;
    else resting.places.set(row, now.segment, now.offset, now.length);
    counts.kept({ place: kept });
  }

  #pastMoved(id: string, item: number, past: Place<Segment>, now: Place<Segment>): void {
    const { resting, awake } = this.#options.ledger;
    const { pasts, indexes } = resting.items;
    if (!isSame(pasts.get(item), past)) return;
    const message = awake.get(id);
    if (message === undefined) return pasts.set(item, now.segment, now.offset, now.length);
    const entry = message.entries.find(({ index }) => index === indexes[item]);
    if (entry !== undefined && !(entry.past instanceof Uint8Array) && isSame(entry.past, past)) {
      entry.past = { segment: now.segment, offset: now.offset, length: now.length };
    }
  }
}

function isSame(one: Place<Segment> | undefined, other: Place<Segment>): boolean {
  return one !== undefined && one.segment === other.segment && one.offset === other.offset;
}

/** A whole record, from the window where it lies there; undefined when it is damaged. */
function frameOf(window: Window, { segment, offset, length }: Place<Segment>): Uint8Array | undefined {
  const at = offset - window.from;
  const isThere = segment === window.segment && at >= 0 && at + length <= window.bytes.length;
  const frame = isThere ? window.bytes.subarray(at, at + length) : segment.read(offset, offset + length);
  return frameEnd(frame, 0, length, segment.marker) === length ? frame : undefined;
}

/** Undefined when it cannot be read: then there is none (`past.ts`). */
function pastOf(window: Window, place: Place<Segment>): Uint8Array | undefined {
  try {
    const frame = frameOf(window, place);
    return frame?.subarray(PREFIX_BYTES + get32(frame, HEADER_BYTES));
  } catch {
    return undefined;
  }
}
