/** Octets that can be read at any place, as formats need whose table of contents stands at the end. */
import { type Bytes, EMPTY } from "../base/bytes.ts";

export interface Octets {
  readonly size: number;
  /** Fewer than `length` at the end only. Not two readings at once. */
  read(at: number, length: number): Promise<Bytes>;
}

const PIECE = 32 * 1024;

export function memoryOctets(bytes: Bytes): Octets {
  return { size: bytes.length, read: (at, length) => Promise.resolve(bytes.subarray(at, at + length)) };
}

/** What lies from `from` up to `to`, or to the end where that comes first. */
export async function* piecesOf(
  octets: Octets,
  from: number,
  to = octets.size,
): AsyncGenerator<Bytes, void, undefined> {
  for (let at = Math.max(0, from); at < to;) {
    const piece = at < octets.size ? await octets.read(at, Math.min(PIECE, to - at)) : EMPTY;
    if (piece.length === 0) return;
    yield piece;
    at += piece.length;
  }
}

/** Numbers of these formats have their low octet first. */
export function littleEndian(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
