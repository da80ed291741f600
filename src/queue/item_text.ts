/**
 * What a resting item keeps in octets rather than numbers: recipients left, status and error of its last attempt.
 *
 * One octet for the length of the status, the status, two for the length of a bitmap, the bitmap of the recipients' places, the error.
 */
import { utf8Decode } from "../base/bytes.ts";

export const MOST_PLACES = 0xffff * 8;
export const MOST_STATUS = 0xff;
const encoder = new TextEncoder();

/** One array for all the items with one recipient: a million of them need no million arrays. */
const FIRST: readonly number[] = [0];

/** Where texts are laid out; each overwrites the one before. */
export class ItemText {
  bytes = new Uint8Array(4096);
  length = 0;

  /** False when it can hold no such item. */
  set(left: readonly number[], status = "", error = ""): boolean {
    if (!this.#room(left, 3 * (status.length + error.length))) return false;
    if (status === "" && error === "") {
      this.length = this.#left(0, left);
      return true;
    }
    const { written } = encoder.encodeInto(status, this.bytes.subarray(1));
    if (written > MOST_STATUS) return false;
    const at = this.#left(written, left);
    this.length = at + encoder.encodeInto(error, this.bytes.subarray(at)).written;
    return true;
  }

  /** The same from octets that are UTF-8: status and error stand in `from` between two offsets each. */
  copy(
    left: readonly number[],
    from: Uint8Array,
    statusFrom: number,
    statusTo: number,
    errorFrom: number,
    errorTo: number,
  ): boolean {
    const statusLength = statusTo - statusFrom;
    if (statusLength > MOST_STATUS || !this.#room(left, statusLength + errorTo - errorFrom)) return false;
    const { bytes } = this;
    for (let i = 0; i < statusLength; i++) bytes[1 + i] = from[statusFrom + i]!;
    let at = this.#left(statusLength, left);
    for (let i = errorFrom; i < errorTo; i++) bytes[at++] = from[i]!;
    this.length = at;
    return true;
  }

  /** False for a recipient too far down. */
  #room(left: readonly number[], octets: number): boolean {
    let highest = 0;
    for (const place of left) if (place > highest) highest = place;
    if (highest >= MOST_PLACES) return false;
    const wanted = octets + (highest >>> 3) + 8;
    if (wanted > this.bytes.length) this.bytes = new Uint8Array(wanted);
    this.#map = (highest >>> 3) + 1;
    return true;
  }

  /** Octets of the bitmap. */
  #map = 0;

  /** Where the error belongs. */
  #left(statusLength: number, left: readonly number[]): number {
    const { bytes } = this;
    bytes[0] = statusLength;
    const at = 1 + statusLength;
    bytes[at] = this.#map;
    bytes[at + 1] = this.#map >>> 8;
    const end = at + 2 + this.#map;
    for (let i = at + 2; i < end; i++) bytes[i] = 0;
    for (const place of left) bytes[at + 2 + (place >>> 3)]! |= 1 << (place & 7);
    return end;
  }
}

export interface ItemTexts {
  readonly left: readonly number[];
  readonly status: string;
  readonly error: string;
}

export function readItemText(bytes: Uint8Array): ItemTexts {
  const [map, end] = mapOf(bytes);
  return {
    left: placesIn(bytes, map, end),
    status: utf8Decode(bytes.subarray(1, map - 2)),
    error: utf8Decode(bytes.subarray(end)),
  };
}

/** How many recipients are left. */
export function countLeft(bytes: Uint8Array): number {
  const [map, end] = mapOf(bytes);
  let count = 0;
  for (let at = map; at < end; at++) for (let bits = bytes[at]!; bits !== 0; bits &= bits - 1) count++;
  return count;
}

function mapOf(bytes: Uint8Array): readonly [from: number, to: number] {
  const at = 1 + bytes[0]!;
  return [at + 2, at + 2 + (bytes[at]! | bytes[at + 1]! << 8)];
}

function placesIn(bytes: Uint8Array, from: number, to: number): readonly number[] {
  if (to === from + 1 && bytes[from] === 1) return FIRST;
  const places: number[] = [];
  for (let at = from; at < to; at++) {
    for (let bit = 0; bit < 8; bit++) if ((bytes[at]! >>> bit & 1) === 1) places.push((at - from) * 8 + bit);
  }
  return places;
}
