/**
 * Transfer encodings of a part's body (RFC 2045 §6): base64 and quoted-printable both ways, decoding in chunks.
 *
 * Any split of the octets decodes the same; at most one line is held back. Never throws: what is no base64 is passed over, what is no
 * escape stays as it stands. Every other encoding (7bit, 8bit, binary, unknown ones) is taken as it is.
 */
import { type Bytes, concat, EMPTY } from "../base/bytes.ts";

export interface TransferDecoder {
  /** What the octets come to so far; may be a view of them. */
  push(octets: Bytes): Bytes;
  /** What was held back. */
  end(): Bytes;
}

/** `encoding`: the field's value in lower case, without comments. */
export function transferDecoder(encoding: string): TransferDecoder {
  switch (encoding) {
    case "base64":
      return new Base64Decoder();
    case "quoted-printable":
      return new QuotedDecoder();
    default:
      return AS_IT_IS;
  }
}

export function decodeTransfer(octets: Bytes, encoding: string): Bytes {
  const decoder = transferDecoder(encoding);
  if (decoder === AS_IT_IS) return octets;
  return concat([decoder.push(octets), decoder.end()]);
}

/** Octets in the encoding, lines ended by CRLF and no longer than 76 characters. What is no encoding of ours stays as it is. */
export function encodeTransfer(octets: Bytes, encoding: string): Bytes {
  return encoding === "base64" ? encodeBase64(octets) : encoding === "quoted-printable" ? encodeQuoted(octets) : octets;
}

/** Whether the encoding is one that changes octets. */
export function isEncoding(encoding: string): boolean {
  return encoding === "base64" || encoding === "quoted-printable";
}

const AS_IT_IS: TransferDecoder = { push: (octets) => octets, end: () => EMPTY };
const LF = 10, CR = 13, TAB = 9, SPACE = 32, EQUALS = 61;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** 64: not of the alphabet, 65: the end. */
const VALUES = new Uint8Array(256).fill(64);
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i;
VALUES[EQUALS] = 65;

class Base64Decoder implements TransferDecoder {
  #bits = 0;
  /** Characters gathered for the next three octets. */
  #count = 0;
  /** RFC 2045 §6.8: padding says that the end has been reached. Text glued together has more behind it, which readers show. */
  push(octets: Bytes): Bytes {
    const out = new Uint8Array(Math.ceil((octets.length + 3) * 0.75));
    let length = 0;
    let bits = this.#bits;
    let count = this.#count;
    for (let i = 0; i < octets.length; i++) {
      const value = VALUES[octets[i]!]!;
      if (value < 64) {
        bits = bits << 6 | value;
        if (++count < 4) continue;
        out[length++] = bits >> 16;
        out[length++] = bits >> 8;
        out[length++] = bits;
        bits = count = 0;
      } else if (value === 65 && count > 0) {
        length = flush(out, length, bits, count);
        bits = count = 0;
      }
    }
    this.#bits = bits;
    this.#count = count;
    return out.subarray(0, length);
  }

  end(): Bytes {
    const out = new Uint8Array(2);
    return out.subarray(0, flush(out, 0, this.#bits, this.#count));
  }
}

/** Two characters are worth one octet, three are worth two; one alone is worth nothing. */
function flush(out: Bytes, length: number, bits: number, count: number): number {
  if (count === 2) out[length++] = bits >> 4;
  if (count === 3) {
    out[length++] = bits >> 10;
    out[length++] = bits >> 2;
  }
  return length;
}

/** A run of blanks longer than this is text, whatever follows. */
const LONGEST_BLANKS = 998;

class QuotedDecoder implements TransferDecoder {
  #held: Bytes = EMPTY;

  push(octets: Bytes): Bytes {
    const bytes = this.#held.length === 0 ? octets : concat([this.#held, octets]);
    return this.#decode(bytes, false);
  }

  end(): Bytes {
    const bytes = this.#held;
    this.#held = EMPTY;
    return this.#decode(bytes, true);
  }

  #decode(bytes: Bytes, whole: boolean): Bytes {
    const out = new Uint8Array(bytes.length);
    let length = 0;
    let i = 0;
    for (; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte !== EQUALS && byte !== SPACE && byte !== TAB) {
        out[length++] = byte;
        continue;
      }
      let end = byte === EQUALS ? i + 1 : i;
      while ((bytes[end] === SPACE || bytes[end] === TAB) && end - i < LONGEST_BLANKS) end++;
      const lineEnd = bytes[end] === LF ? 1 : bytes[end] === CR && bytes[end + 1] === LF ? 2 : 0;
      // Not enough to tell what this is.
      if (!whole && lineEnd === 0 && bytes.length - end < 2 && bytes.length - i < LONGEST_BLANKS) break;
      const atEnd = lineEnd > 0 || (whole && end === bytes.length);
      if (byte !== EQUALS) {
        // RFC 2045 §6.7 (3): blanks at the end of a line were added on the way.
        if (!atEnd) { for (let blank = i; blank < end; blank++) out[length++] = bytes[blank]!; }
        i = end - 1;
      } else if (atEnd) {
        i = end + lineEnd - 1;
      } else {
        const octet = hex(bytes[i + 1]) * 16 + hex(bytes[i + 2]);
        if (octet >= 0) {
          out[length++] = octet;
          i += 2;
        } else out[length++] = byte;
      }
    }
    this.#held = i < bytes.length ? bytes.slice(i) : EMPTY;
    return out.subarray(0, length);
  }
}

function hex(byte: number | undefined): number {
  if (byte === undefined) return -999;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -999;
}

/** RFC 2045 §6.8: lines of 76 characters. */
function encodeBase64(octets: Bytes): Bytes {
  const lines = Math.ceil(octets.length / 57);
  const out = new Uint8Array(Math.ceil(octets.length / 3) * 4 + 2 * lines);
  let length = 0;
  const put = (sextet: number) => out[length++] = ALPHABET.charCodeAt(sextet & 63);
  for (let i = 0; i < octets.length; i += 3) {
    const [a, b = 0, c = 0] = [octets[i]!, octets[i + 1], octets[i + 2]];
    put(a >> 2);
    put(a << 4 | b >> 4);
    if (i + 1 < octets.length) put(b << 2 | c >> 6);
    else out[length++] = EQUALS;
    if (i + 2 < octets.length) put(c);
    else out[length++] = EQUALS;
    if ((i + 3) % 57 === 0 || i + 3 >= octets.length) {
      out[length++] = CR;
      out[length++] = LF;
    }
  }
  return out.subarray(0, length);
}

/** §6.7 (5), with room for the `=` of a soft line break. */
const LONGEST_LINE = 76;

function encodeQuoted(octets: Bytes): Bytes {
  const out: number[] = [];
  let column = 0;
  const put = (...chars: number[]) => {
    if (column + chars.length > LONGEST_LINE - 1) {
      out.push(EQUALS, CR, LF);
      column = 0;
    }
    out.push(...chars);
    column += chars.length;
  };
  for (let i = 0; i < octets.length; i++) {
    const byte = octets[i]!;
    if (byte === CR && octets[i + 1] === LF) {
      out.push(CR, LF);
      column = 0;
      i++;
      continue;
    }
    const next = octets[i + 1];
    const endsLine = next === undefined || (next === CR && octets[i + 2] === LF);
    // §6.7 (2), (3); a blank at the end of a line would be lost. A dot or "From " in front of a line has tempted relays.
    const isPlain = (byte > 32 && byte < 127 && byte !== EQUALS) || ((byte === SPACE || byte === TAB) && !endsLine);
    if (isPlain) put(byte);
    else put(EQUALS, HEX.charCodeAt(byte >> 4), HEX.charCodeAt(byte & 15));
  }
  return Uint8Array.from(out);
}

const HEX = "0123456789ABCDEF";
