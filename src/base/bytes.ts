/**
 * Bytes: joining, searching and the two ways of turning them into text.
 *
 * `latin1` maps each byte to the code point of the same number, so that nothing is lost; `utf8` is for text meant to be read.
 */

/** What our streams carry: bytes over an ordinary (not shared) buffer, as the web's byte streams want them. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export const EMPTY: Bytes = new Uint8Array(0);

export function utf8Encode(text: string): Bytes {
  return encoder.encode(text);
}

/** Room that short texts are encoded into one behind the other: a buffer of its own would cost each more than the encoding. */
let room: Bytes = new Uint8Array(0);
let used = 0;
const ROOM = 16_384;
const SHORT = 2048;

/** The same, for octets that are written soon and not kept: they may hold on to the memory of others. */
export function shortLived(text: string): Bytes {
  const most = 3 * text.length;
  if (most > SHORT) return encoder.encode(text);
  if (used + most > room.length) {
    room = new Uint8Array(ROOM);
    used = 0;
  }
  const from = used;
  used += encoder.encodeInto(text, from === 0 ? room : room.subarray(from)).written;
  return room.subarray(from, used);
}

/** Malformed sequences become U+FFFD; never throws. */
export function utf8Decode(bytes: Uint8Array): string {
  return asciiDecode(bytes) ?? utf8Decoder.decode(bytes);
}

/** A list is turned into a string four times as fast as a typed array, and without the call that a decoder costs. */
const MOST_LISTED = 256;

/** Undefined for what is long, or not ASCII. */
export function asciiDecode(bytes: Uint8Array): string | undefined {
  const { length } = bytes;
  if (length > MOST_LISTED) return undefined;
  const codes: number[] = [];
  let bits = 0;
  for (let i = 0; i < length; i++) {
    const code = bytes[i]!;
    bits |= code;
    codes.push(code);
  }
  return bits < 128 ? String.fromCharCode.apply(undefined, codes) : undefined;
}

/** One byte per character; characters beyond U+00FF are cut to their low byte. */
export function latin1Encode(text: string): Bytes {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

/** One character per byte: the inverse of {@linkcode latin1Encode}. */
export function latin1Decode(bytes: Uint8Array): string {
  if (bytes.length <= MOST_LISTED) {
    const codes: number[] = [];
    for (let i = 0; i < bytes.length; i++) codes.push(bytes[i]!);
    return String.fromCharCode.apply(undefined, codes);
  }
  let out = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    out += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return out;
}

export function concat(parts: readonly Uint8Array[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
