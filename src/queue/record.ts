/**
 * The frame around every record of the journal, and the reader that finds frames again, damaged neighbours or not.
 *
 * A frame is a header of 16 octets, little-endian, and its payload:
 *
 *   0  marker    of the segment: random, so that no mail can carry a frame that would be taken for ours
 *   4  checksum  CRC-32C over everything from offset 8 to the payload's end
 *   8  length    of the payload
 *  12  version   of the payload's form
 *  13  kind
 *  14  zero
 *
 * The payload is the length of a JSON text, the text, and for an accepted message the octets that go in front of its body, or all of it.
 */
import { crc32c } from "../base/crc32c.ts";

export const RECORD_VERSION = 1;
export const HEADER_BYTES = 16;
/** Header and the length of the JSON. */
export const PREFIX_BYTES = HEADER_BYTES + 4;
/** Longer claims are damage: no record of ours comes near. */
export const LONGEST_PAYLOAD = 1024 * 1024 * 1024;

export const KINDS = { accepted: 1, outcome: 2, hold: 3, release: 4, removed: 5, keys: 6 } as const;
export type Kind = keyof typeof KINDS;
const NAMES = new Map<number, Kind>(Object.entries(KINDS).map(([name, number]) => [number, name as Kind]));

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** JSON, or its octets. */
export type Json = string | Uint8Array;

/** The most octets a frame's start (header and JSON) can take. */
export function prefixRoom(json: Json): number {
  return PREFIX_BYTES + json.length * (typeof json === "string" ? 3 : 1);
}

/** Writes header and JSON at `at`, without marker and checksum; `rest` octets will follow. Returns where they belong. */
export function putPrefix(into: Uint8Array, at: number, kind: Kind, json: Json, rest: number): number {
  const start = at + PREFIX_BYTES;
  const end = start + (typeof json === "string" ? encoder.encodeInto(json, into.subarray(start)).written : json.length);
  if (typeof json !== "string") into.set(json, start);
  put32(into, at + 8, end - at - HEADER_BYTES + rest);
  into[at + 12] = RECORD_VERSION;
  into[at + 13] = KINDS[kind];
  into[at + 14] = 0;
  into[at + 15] = 0;
  put32(into, at + 16, end - start);
  return end;
}

/** Closes a frame whose octets from `at` to `end` lie together, `outside` behind them. */
export function putChecksum(into: Uint8Array, at: number, end: number, outside: readonly Uint8Array[] = []): void {
  let crc = crc32c(into.subarray(at + 8, end));
  for (const part of outside) crc = crc32c(part, crc);
  put32(into, at + 4, crc);
}

export function putMarker(into: Uint8Array, at: number, marker: number): void {
  put32(into, at, marker);
}

export interface Frame {
  readonly kind: Kind;
  /** Where the frame begins in the bytes read. */
  readonly start: number;
  /** Where its JSON begins and where what follows it begins. */
  readonly json: number;
  readonly content: number;
  readonly end: number;
}

export interface Damage {
  readonly start: number;
  readonly end: number;
  readonly reason: "torn tail" | "damaged record" | `record version ${number}` | `record kind ${number}`;
}

export interface Found {
  frame(frame: Frame): void;
  damage(damage: Damage): void;
}

/**
 * Reads the frames between `from` and `to`, in order. What is no frame is reported, and reading goes on at the next octets that are.
 * Without a `marker` (the segment's own header is damaged) the first sound frame tells it. Returns the marker.
 */
export function readFrames(
  bytes: Uint8Array,
  from: number,
  to: number,
  marker: number | undefined,
  found: Found,
): number | undefined {
  let at = from;
  while (at < to) {
    const end = frameEnd(bytes, at, to, marker);
    if (end > 0) {
      marker ??= get32(bytes, at);
      report(bytes, at, end, found);
      at = end;
      continue;
    }
    const next = nextFrame(bytes, at + 1, to, marker);
    found.damage({ start: at, end: next, reason: next === to ? "torn tail" : "damaged record" });
    at = next;
  }
  return marker;
}

/** The JSON of a frame. */
export function readJson(bytes: Uint8Array, frame: Frame): string {
  return decoder.decode(bytes.subarray(frame.json, frame.content));
}

function report(bytes: Uint8Array, start: number, end: number, found: Found): void {
  const version = bytes[start + 12]!;
  const kind = NAMES.get(bytes[start + 13]!);
  const json = start + PREFIX_BYTES;
  if (version !== RECORD_VERSION) return found.damage({ start, end, reason: `record version ${version}` });
  if (kind === undefined) return found.damage({ start, end, reason: `record kind ${bytes[start + 13]!}` });
  const content = json + get32(bytes, start + HEADER_BYTES);
  if (content > end || json > end) return found.damage({ start, end, reason: "damaged record" });
  found.frame({ kind, start, json, content, end });
}

/**
 * The marker that most octets stand under, when the segment's own header is damaged. Frames that a mail carries lie bare only where the
 * frame around them is damaged, too; the sound ones next to it outweigh them. Undefined when there is no sound frame.
 */
export function guessMarker(bytes: Uint8Array, from: number, to: number): number | undefined {
  const octets = new Map<number, number>();
  // A mail may claim a long frame at each of its octets: the start must not compute all those checksums.
  let work = 8 * (to - from);
  for (let at = from; at < to && work > 0;) {
    const claimed = claimedEnd(bytes, at, to, undefined);
    work -= claimed === 0 ? 0 : claimed - at;
    if (claimed > 0 && isSound(bytes, at, claimed)) {
      const marker = get32(bytes, at);
      octets.set(marker, (octets.get(marker) ?? 0) + claimed - at);
      at = claimed;
    } else at++;
  }
  let [best, most]: [number | undefined, number] = [undefined, 0];
  for (const [marker, sum] of octets) if (sum > most) [best, most] = [marker, sum];
  return best;
}

/** Where the frame at `at` ends, or 0 when there is none. */
export function frameEnd(bytes: Uint8Array, at: number, to: number, marker: number | undefined): number {
  const end = claimedEnd(bytes, at, to, marker);
  return end > 0 && isSound(bytes, at, end) ? end : 0;
}

/** Where a frame at `at` would end, or 0 when its header is none. */
function claimedEnd(bytes: Uint8Array, at: number, to: number, marker: number | undefined): number {
  if (at + HEADER_BYTES > to || (marker !== undefined && get32(bytes, at) !== marker)) return 0;
  if (bytes[at + 14] !== 0 || bytes[at + 15] !== 0 || bytes[at + 12] === 0) return 0;
  const length = get32(bytes, at + 8);
  const end = at + HEADER_BYTES + length;
  return length > LONGEST_PAYLOAD || end > to ? 0 : end;
}

function isSound(bytes: Uint8Array, at: number, end: number): boolean {
  return crc32c(bytes.subarray(at + 8, end)) === get32(bytes, at + 4);
}

function nextFrame(bytes: Uint8Array, from: number, to: number, marker: number | undefined): number {
  for (let at = from; at + HEADER_BYTES <= to; at++) {
    if (marker !== undefined) {
      at = bytes.indexOf(marker & 0xff, at);
      if (at < 0 || at + HEADER_BYTES > to) break;
    }
    if (frameEnd(bytes, at, to, marker) > 0) return at;
  }
  return to;
}

export function get32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}

export function put32(into: Uint8Array, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}
