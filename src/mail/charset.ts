/**
 * Text of any charset into octets and back, by the decoders that both runtimes have (WHATWG Encoding).
 *
 * Never throws. Decoding gives U+FFFD for malformed octets and Latin-1 for a charset nobody knows, which `known` tells. Encoding gives undefined
 * where the charset has no octets for a character, or is one of several octets a character other than UTF-8.
 */
import { type Bytes, latin1Decode, utf8Encode } from "../base/bytes.ts";

export interface DecodedText {
  readonly text: string;
  /** Whether the charset is one we can read. */
  readonly known: boolean;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `charset`: as the part states it; "" and `us-ascii` are read as UTF-8 where it is that, which it often is. */
export function decodeText(octets: Uint8Array, charset: string): DecodedText {
  const name = charset.trim().toLowerCase();
  if (name === "" || name === "us-ascii") {
    try {
      return { text: strictUtf8.decode(octets), known: true };
    } catch {
      return { text: latin1Decode(octets), known: true };
    }
  }
  const decoder = decoderOf(name);
  return decoder === undefined
    ? { text: latin1Decode(octets), known: false }
    : { text: decoder.decode(octets), known: true };
}

/** Undefined where it cannot be said in this charset. */
export function encodeText(text: string, charset: string): Bytes | undefined {
  const name = charset.trim().toLowerCase();
  if (isAscii(text) && !isSevenBitOther(name)) return utf8Encode(text);
  if (name === "" || name === "us-ascii") return undefined;
  if (decoderOf(name)?.encoding === "utf-8") return utf8Encode(text);
  const table = octetsOf(name);
  if (table === undefined) return undefined;
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const octet = table.get(text.charCodeAt(i));
    if (octet === undefined) return undefined;
    out[i] = octet;
  }
  return out;
}

function decoderOf(name: string): TextDecoder | undefined {
  try {
    return new TextDecoder(name, { ignoreBOM: true });
  } catch {
    return undefined;
  }
}

/** Charsets in which ASCII text is not its own octets, or may not be. */
function isSevenBitOther(name: string): boolean {
  return /^(?:utf-16|utf-32|iso-2022|utf-7|hz)/.test(name);
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(text);
}

const TABLES = new Map<string, ReadonlyMap<number, number> | undefined>();

/** Character → octet, for charsets of one octet a character; undefined for others. */
function octetsOf(name: string): ReadonlyMap<number, number> | undefined {
  const encoding = decoderOf(name)?.encoding;
  if (encoding === undefined) return undefined;
  if (!TABLES.has(encoding)) TABLES.set(encoding, makeTable(encoding));
  return TABLES.get(encoding);
}

function makeTable(encoding: string): ReadonlyMap<number, number> | undefined {
  if (!/^(?:windows-|iso-8859-|koi8-|macintosh|x-mac-cyrillic|ibm866)/.test(encoding)) return undefined;
  const table = new Map<number, number>();
  for (let octet = 0; octet < 256; octet++) {
    const char = new TextDecoder(encoding).decode(Uint8Array.of(octet));
    if (char.length === 1 && char !== "\ufffd") table.set(char.charCodeAt(0), octet);
  }
  return table;
}
