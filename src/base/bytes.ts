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

/** Malformed sequences become U+FFFD; never throws. */
export function utf8Decode(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

/** One byte per character; characters beyond U+00FF are cut to their low byte. */
export function latin1Encode(text: string): Bytes {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

/** One character per byte: the inverse of {@linkcode latin1Encode}. */
export function latin1Decode(bytes: Uint8Array): string {
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
