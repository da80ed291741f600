/**
 * Reads a shard's segments in order and lets the ledger add up their records. Changes nothing on disk: for recovery, and for readers
 * while a server runs.
 */
import type { Host } from "../host/types.ts";
import type { Kind } from "./record.ts";
import { type Damage, type Frame, guessMarker, readFrames, readJson } from "./record.ts";
import { readMarker, Segment, SEGMENT_HEADER, segmentNumber } from "./segment.ts";
import type { Place } from "./queued.ts";

export interface Replayed {
  record(kind: Kind, json: unknown, place: Place<Segment>): void;
  /** Asked first, with where the record's JSON stands: whether that was all there is to do about it. */
  octets?(kind: Kind, bytes: Uint8Array, from: number, to: number, place: Place<Segment>): boolean;
  /** Octets that are no record, with the whole segment they lie in. */
  damage(segment: Segment, damage: Damage | { start: number; end: number; reason: string }, bytes: Uint8Array): void;
  /** A file that could not be read at all. */
  unreadable(segment: Segment, error: unknown): void;
}

export function segmentNumbers(host: Host, dir: string): number[] {
  const numbers: number[] = [];
  for (const { name, isFile } of host.readDirSync(dir)) {
    const number = isFile ? segmentNumber(name) : undefined;
    if (number !== undefined) numbers.push(number);
  }
  return numbers.sort((a, b) => a - b);
}

/** The segments, oldest first. */
export function replay(host: Host, dir: string, to: Replayed): Segment[] {
  let buffer = new Uint8Array(0);
  return segmentNumbers(host, dir).map((number) => {
    const nameless = new Segment(host, dir, number, 0, 0);
    let bytes: Uint8Array;
    try {
      const size = host.statSync(nameless.path).size;
      if (buffer.length < size) buffer = new Uint8Array(size);
      bytes = readWhole(host, nameless.path, buffer.subarray(0, size));
    } catch (error) {
      to.unreadable(nameless, error);
      return nameless;
    }
    return replaySegment(host, dir, number, bytes, to);
  });
}

function replaySegment(host: Host, dir: string, number: number, bytes: Uint8Array, to: Replayed): Segment {
  const told = readMarker(bytes);
  const start = Math.min(SEGMENT_HEADER, bytes.length);
  const marker = told ?? guessMarker(bytes, start, bytes.length) ?? 0;
  const segment = new Segment(host, dir, number, marker, bytes.length);
  if (told === undefined && bytes.length > 0) {
    to.damage(segment, { start: 0, end: start, reason: "damaged segment header" }, bytes);
  }
  readFrames(bytes, start, bytes.length, marker, {
    frame(frame: Frame) {
      const place = { segment, offset: frame.start, length: frame.end - frame.start };
      if (to.octets?.(frame.kind, bytes, frame.json, frame.content, place)) return;
      let json: unknown;
      try {
        json = JSON.parse(readJson(bytes, frame));
      } catch {
        return this.damage({ start: frame.start, end: frame.end, reason: "damaged record" });
      }
      to.record(frame.kind, json, place);
    },
    damage: (damage) => to.damage(segment, damage, bytes),
  });
  return segment;
}

function readWhole(host: Host, path: string, into: Uint8Array): Uint8Array {
  const file = host.openSync(path, { read: true });
  try {
    let done = 0;
    while (done < into.length) {
      const got = file.readSync(into.subarray(done));
      if (got === null) break;
      done += got;
    }
    return into.subarray(0, done);
  } finally {
    file.close();
  }
}
