/**
 * What happened to an item so far, kept on the disk: each outcome record of an item that stays queued carries the whole of it, behind its JSON,
 * where a start passes over it unread. Memory holds where the last of these records lies.
 *
 * Bounded: the first attempt and the latest {@linkcode MOST} stay. Nothing here throws for what a damaged disk gives: then there is no past.
 */
import type { Entry, Past } from "./queued.ts";
import type { Journal } from "./journal.ts";
import { frameEnd, get32, HEADER_BYTES, PREFIX_BYTES } from "./record.ts";
import type { Segment } from "./segment.ts";

/** What became of some of the recipients in one attempt, and by whose word. */
export interface PastResult {
  readonly kind: "delivered" | "deferred" | "failed";
  /** By their place in the envelope. */
  readonly recipients: readonly number[];
  readonly text: string;
  /** The host that said so, when one did. */
  readonly host?: string;
}

export interface PastAttempt {
  /** Epoch milliseconds of its end. */
  readonly at: number;
  readonly results: readonly PastResult[];
}

type StoredResult = readonly [kind: string, recipients: readonly number[], text: string, host?: string];
/** Without results: those of the attempt before. */
type StoredAttempt = readonly [at: number, results?: readonly StoredResult[]];

/** Latest attempts that are kept. */
const MOST = 15;
const LONGEST_TEXT = 200;
/** Different results of one attempt. */
const MOST_RESULTS = 5;

const KINDS: { readonly [letter: string]: PastResult["kind"] } = { d: "delivered", t: "deferred", f: "failed" };
const LETTERS: { readonly [K in PastResult["kind"]]: string } = { delivered: "d", deferred: "t", failed: "f" };

/** The past of an item and one attempt more, in its stored form. */
export function withAttempt(past: readonly PastAttempt[], attempt: PastAttempt): Uint8Array {
  const all = [...past, { at: attempt.at, results: gathered(attempt.results) }];
  const kept = all.length > MOST + 1 ? [all[0]!, ...all.slice(-MOST)] : all;
  return encodePast(kept);
}

export function encodePast(past: readonly PastAttempt[]): Uint8Array {
  let before = "";
  const stored = past.map(({ at, results }): StoredAttempt => {
    const rows = results.map(({ kind, recipients, text, host }): StoredResult => {
      const row = [LETTERS[kind], recipients, text.slice(0, LONGEST_TEXT)] as const;
      return host === undefined ? row : [...row, host];
    });
    const now = JSON.stringify(rows);
    if (now === before) return [at];
    before = now;
    return [at, rows];
  });
  return new TextEncoder().encode(JSON.stringify(stored));
}

/** [] for what is none. */
export function decodePast(bytes: Uint8Array): PastAttempt[] {
  try {
    let results: readonly PastResult[] = [];
    return (JSON.parse(new TextDecoder().decode(bytes)) as StoredAttempt[]).map(([at, rows]) => {
      results = rows?.map(([kind, recipients, text, host]) => ({
        kind: KINDS[kind] ?? "deferred",
        recipients,
        text,
        ...(host === undefined ? {} : { host }),
      })) ?? results;
      return { at, results };
    });
  } catch {
    return [];
  }
}

/** What happened to an entry so far. */
export function pastOf(entry: Entry<Segment>): PastAttempt[] {
  const bytes = bytesOf(entry.past);
  return bytes === undefined ? [] : decodePast(bytes);
}

/** Writes an entry's state down some time soon, and what happened to it with it; `written` is told when it is on the disk. */
export function notePast(entry: Entry<Segment>, bytes: Uint8Array, journal: Journal, written: () => void): void {
  entry.past = bytes;
  journal.note("outcome", json(entry), [bytes], (place) => {
    if (entry.past !== bytes) return;
    entry.past = place;
    written();
  });
}

/** The same for a message that is copied forward, so that its past comes along. */
export async function copyPast(entry: Entry<Segment>, journal: Journal): Promise<void> {
  const { past } = entry;
  const bytes = bytesOf(past);
  if (bytes === undefined) return;
  const place = await journal.append("outcome", json(entry), [bytes]);
  if (entry.past === past) entry.past = place;
}

const json = (entry: Entry<Segment>) => JSON.stringify({ i: entry.message.id, ...entry.stored(), x: 1 });

function bytesOf(past: Past<Segment> | undefined): Uint8Array | undefined {
  if (past === undefined || past instanceof Uint8Array) return past;
  const { segment, offset, length } = past;
  try {
    const frame = segment.read(offset, offset + length);
    if (frameEnd(frame, 0, length, segment.marker) !== length) return undefined;
    return frame.subarray(PREFIX_BYTES + get32(frame, HEADER_BYTES));
  } catch {
    return undefined;
  }
}

/** Recipients that met with the same are told of together; of too many different results the last ones are one. */
function gathered(results: readonly PastResult[]): PastResult[] {
  const by = new Map<string, PastResult & { readonly recipients: number[] }>();
  for (const { kind, recipients, text, host } of results) {
    let key = JSON.stringify([kind, text, host]);
    if (!by.has(key) && by.size >= MOST_RESULTS) key = [...by.keys()].at(-1)!;
    const row = by.get(key);
    if (row === undefined) {
      by.set(key, { kind, recipients: [...recipients], text, ...(host === undefined ? {} : { host }) });
    } else row.recipients.push(...recipients);
  }
  return [...by.values()];
}
