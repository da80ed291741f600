/**
 * Text other than ASCII in a header: RFC 2047 encoded words, both ways, and RFC 2231 parameter values.
 *
 * Never throws: what cannot be decoded stays as it stands.
 */
import { type Bytes, concat, latin1Encode, utf8Encode } from "../base/bytes.ts";

/** RFC 2047 §2, with the language of RFC 2231 §5. A space inside Q text is against the rules but common. */
const WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?\r\n]*)\?=/gi;
/** §6.2: white space between two encoded words is not shown. */
const BETWEEN = /(=\?[^?\s]+\?[bq]\?[^?\r\n]*\?=)[ \t\r\n]+(?==\?[^?\s]+\?[bq]\?[^?\r\n]*\?=)/gi;

/** Decodes the encoded words in an unfolded header value. */
export function decodeWords(text: string): string {
  if (!text.includes("=?")) return text;
  const joined = text.replace(BETWEEN, "$1");
  let out = "";
  let at = 0;
  // A character may be cut in two between adjacent words of one charset: their octets are joined before they are decoded.
  let charset = "";
  let source = "";
  let pending: Uint8Array[] = [];
  const flush = () => {
    if (pending.length > 0) out += decodeCharset(concat(pending), charset) ?? source;
    pending = [];
    source = "";
  };
  for (const match of joined.matchAll(WORD)) {
    const [whole, name, encoding, body] = match as unknown as [string, string, string, string];
    if (match.index > at || name.toLowerCase() !== charset) flush();
    out += joined.slice(at, match.index);
    charset = name.toLowerCase();
    pending.push(encoding.toLowerCase() === "q" ? decodeQ(body) : decodeBase64(body));
    source += whole;
    at = match.index + whole.length;
  }
  flush();
  return out + joined.slice(at);
}

/** Octets as text of a charset; undefined when nobody knows the charset. Malformed sequences become U+FFFD. */
export function decodeCharset(bytes: Uint8Array, charset: string): string | undefined {
  try {
    return new TextDecoder(charset.trim() === "" ? "us-ascii" : charset.trim()).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Base64 with everything that is not of its alphabet passed over; a broken end is dropped. */
export function decodeBase64(text: string): Bytes {
  const clean = text.replace(/[^A-Za-z0-9+/]/g, "");
  const usable = clean.length % 4 === 1 ? clean.slice(0, -1) : clean;
  return latin1Encode(atob(usable));
}

function decodeQ(text: string): Bytes {
  return percent(text.replaceAll("_", " "), "=");
}

/** Octets written as `=41` or `%41`; other characters stand for their UTF-8. */
function percent(text: string, mark: "=" | "%"): Bytes {
  const bytes = utf8Encode(text);
  const out = new Uint8Array(bytes.length);
  const sign = mark.charCodeAt(0);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const value = bytes[i] === sign ? hexPair(bytes[i + 1], bytes[i + 2]) : -1;
    out[length++] = value < 0 ? bytes[i]! : value;
    if (value >= 0) i += 2;
  }
  return out.slice(0, length);
}

function hexPair(high: number | undefined, low: number | undefined): number {
  const a = hexDigit(high);
  const b = hexDigit(low);
  return a < 0 || b < 0 ? -1 : a * 16 + b;
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** `utf-8'en'%e2%82%ac` (RFC 2231 §4), or undefined when it has not that form. */
export function decodeExtended(text: string): { readonly charset: string; readonly bytes: Bytes } | undefined {
  const first = text.indexOf("'");
  const second = text.indexOf("'", first + 1);
  if (first < 0 || second < 0) return undefined;
  return { charset: text.slice(0, first), bytes: percent(text.slice(second + 1), "%") };
}

/** The octets of a `name*1*=` section (RFC 2231 §4.1), which has no charset of its own. */
export function decodePercent(text: string): Bytes {
  return percent(text, "%");
}

/** RFC 2047 §2: an encoded word has at most 75 characters; 45 octets give at most 60 in base64. */
const WORD_OCTETS = 45;

/** Encodes the words of a text that are not ASCII, in UTF-8; white space between plain words stays. */
export function encodeWords(text: string): string {
  let out = "";
  let run = "";
  // Words stand at even places, the white space between them at odd ones. What stands between two words of a run is part of it.
  const pieces = text.split(/([ \t\r\n]+)/);
  for (let i = 0; i < pieces.length; i += 2) {
    const word = pieces[i]!;
    const space = i === 0 ? "" : pieces[i - 1]!;
    if (!NON_ASCII.test(word)) {
      out += (run === "" ? "" : encodeRun(run)) + space + word;
      run = "";
    } else if (run === "") {
      out += space;
      run = word;
    } else run += space.replace(/[\r\n]+/g, "") + word;
  }
  return out + (run === "" ? "" : encodeRun(run));
}

const NON_ASCII = /[^\0-\x7f]/;

function encodeRun(run: string): string {
  const words: string[] = [];
  let piece = "";
  let octets = 0;
  for (const char of run) {
    const length = utf8Length(char);
    if (octets + length > WORD_OCTETS) {
      words.push(encodeOne(piece));
      piece = "";
      octets = 0;
    }
    piece += char;
    octets += length;
  }
  if (piece !== "") words.push(encodeOne(piece));
  return words.join("\r\n ");
}

function utf8Length(char: string): number {
  const code = char.codePointAt(0)!;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** The shorter of Q and B. */
function encodeOne(text: string): string {
  const bytes = utf8Encode(text);
  let q = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    // RFC 2047 §5 (3): what may stand in a word of a phrase, the strictest place.
    q += byte === 0x20
      ? "_"
      : /[A-Za-z0-9!*+\-/]/.test(char)
      ? char
      : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  const b = btoa(String.fromCharCode(...bytes));
  return q.length <= b.length && q.length <= 60 ? `=?UTF-8?Q?${q}?=` : `=?UTF-8?B?${b}?=`;
}
