/**
 * The text of a message, part by part: what a person would read, decoded, for plugins that look for words in it.
 *
 * Offers parts of type text and message that are no attachments, out of multiparts to a depth of 100. Reads the message as a stream, so memory
 * holds one part at a time, and of that no more than a limit; what lies beyond is cut off and `cut` says so. Never throws for what a message
 * holds: a broken encoding gives what can be read of it, an unknown charset is read as Latin-1. The stream is let go of when the caller stops.
 */
import { type Bytes, concat, EMPTY, latin1Decode, utf8Decode } from "../base/bytes.ts";
import { decodeBase64, decodeCharset } from "./encoded_words.ts";
import { type MediaType, parseMediaType } from "./mime.ts";

export interface TextPart {
  /** `text/plain`, `text/html`, `message/rfc822`. */
  readonly type: string;
  readonly text: string;
  /** Whether it was longer than the limit. */
  readonly cut: boolean;
}
export interface TextPartsOptions {
  /** Octets of one part, as sent, that are looked at. Default 4 MiB. */
  readonly partLimit?: number;
}

const PART_LIMIT = 4 * 1024 * 1024;
const HEADER_LIMIT = 64 * 1024;
/** A line as long as this is looked at in pieces. */
const LINE_LIMIT = 64 * 1024;
/** Haraka's. */
const DEPTH_LIMIT = 100;

export async function* textParts(
  message: { open(): ReadableStream<Bytes> },
  { partLimit = PART_LIMIT }: TextPartsOptions = {},
): AsyncGenerator<TextPart, void, undefined> {
  const walker = new Walker(partLimit);
  const reader = message.open().getReader();
  let rest: Bytes = EMPTY;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      rest = eachLine(rest.length === 0 ? value : concat([rest, value]), (line) => walker.line(line));
      yield* walker.taken();
    }
    if (rest.length > 0) walker.line(rest);
    walker.end();
    yield* walker.taken();
  } finally {
    await reader.cancel();
  }
}

/** Hands over whole lines with their ends; gives back what is not whole yet. */
function eachLine(bytes: Bytes, take: (line: Bytes) => void): Bytes {
  let from = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
    take(bytes.subarray(from, end + 1));
    from = end + 1;
  }
  if (bytes.length - from < LINE_LIMIT) return bytes.subarray(from);
  take(bytes.subarray(from));
  return EMPTY;
}

interface Head {
  readonly content: MediaType;
  readonly encoding: string;
  readonly isText: boolean;
}

class Walker {
  readonly #partLimit: number;
  /** Boundaries of the multiparts we are in, outermost first. */
  readonly #open: string[] = [];
  #at: "header" | "text" | "passing" = "header";
  #header: Bytes[] = [];
  #headerSize = 0;
  #head: Head | undefined;
  #body: Bytes[] = [];
  #bodySize = 0;
  #ready: TextPart[] = [];

  constructor(partLimit: number) {
    this.#partLimit = partLimit;
  }

  taken(): readonly TextPart[] {
    const ready = this.#ready;
    if (ready.length > 0) this.#ready = [];
    return ready;
  }

  line(line: Bytes): void {
    if (this.#open.length > 0 && line[0] === DASH && line[1] === DASH && this.#boundary(line)) return;
    switch (this.#at) {
      case "header":
        if (line.length <= 2 && (line[0] === LF || (line[0] === CR && line[1] === LF))) this.#begin();
        else if (this.#headerSize < HEADER_LIMIT) {
          this.#header.push(line);
          this.#headerSize += line.length;
        }
        break;
      case "text":
        this.#bodySize += line.length;
        if (this.#bodySize - line.length < this.#partLimit) this.#body.push(line);
        break;
      case "passing":
        break;
    }
  }

  end(): void {
    if (this.#at === "text") this.#finish();
    this.#at = "passing";
  }

  /** RFC 2046 §5.1.1: blanks behind a boundary don't count; an outer one ends what is within. */
  #boundary(line: Bytes): boolean {
    const text = latin1Decode(line.length > 200 ? line.subarray(0, 200) : line).trimEnd();
    for (let depth = this.#open.length - 1; depth >= 0; depth--) {
      const mark = `--${this.#open[depth]}`;
      const isLast = text === `${mark}--`;
      if (text !== mark && !isLast) continue;
      this.end();
      this.#open.length = isLast ? depth : depth + 1;
      if (!isLast) this.#at = "header";
      return true;
    }
    return false;
  }

  /** A header is whole. */
  #begin(): void {
    const head = this.#head = readHead(utf8Decode(concat(this.#header)));
    this.#header = [];
    this.#headerSize = 0;
    const boundary = head.content.type.startsWith("multipart/") ? head.content.parameters.get("boundary") : undefined;
    if (boundary !== undefined && boundary !== "" && this.#open.length < DEPTH_LIMIT) {
      this.#open.push(boundary.trimEnd());
      this.#at = "passing";
    } else this.#at = head.isText ? "text" : "passing";
  }

  #finish(): void {
    const { content, encoding } = this.#head!;
    const cut = this.#bodySize > this.#partLimit;
    const bytes = concat(this.#body).subarray(0, this.#partLimit);
    this.#body = [];
    this.#bodySize = 0;
    const text = toText(decodeTransfer(bytes, encoding), content.parameters.get("charset") ?? "");
    this.#ready.push({ type: content.type, text, cut });
  }
}

const [LF, CR, DASH] = [10, 13, 45];

function readHead(text: string): Head {
  const fields = new Map<string, string>();
  for (const line of text.replace(/\r?\n(?=[ \t])/g, "").split(/\r?\n/)) {
    const field = /^([!-9;-~]+)[ \t]*:(.*)$/.exec(line);
    if (field !== null && !fields.has(field[1]!.toLowerCase())) fields.set(field[1]!.toLowerCase(), field[2]!.trim());
  }
  const stated = parseMediaType(fields.get("content-type") ?? "text/plain");
  // RFC 2045 §5.2: what states no type is plain text.
  const content = stated.type.includes("/") ? stated : { ...stated, type: "text/plain" };
  const { type } = content;
  const isAttached = parseMediaType(fields.get("content-disposition") ?? "").type === "attachment";
  // A multipart that names no boundary, or lies too deep, is read as it stands.
  const isText = /^(?:text|message|multipart)\//.test(type) && !isAttached;
  return { content, encoding: (fields.get("content-transfer-encoding") ?? "").toLowerCase(), isText };
}

function decodeTransfer(bytes: Bytes, encoding: string): Bytes {
  switch (encoding) {
    case "base64":
      return decodeBase64(latin1Decode(bytes).replace(/=[^]*$/, ""));
    case "quoted-printable":
      return decodeQuotedPrintable(bytes);
    default:
      return bytes;
  }
}

/** RFC 2045 §6.7. What is no escape stays as it stands. */
function decodeQuotedPrintable(bytes: Bytes): Bytes {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte !== 0x3d) {
      out[length++] = byte;
      continue;
    }
    let end = i + 1;
    while (bytes[end] === 0x20 || bytes[end] === 0x09) end++;
    if (bytes[end] === CR && bytes[end + 1] === LF) i = end + 1;
    else if (bytes[end] === LF) i = end;
    else {
      const octet = hexValue(bytes[i + 1]) * 16 + hexValue(bytes[i + 2]);
      if (Number.isNaN(octet)) out[length++] = byte;
      else {
        out[length++] = octet;
        i += 2;
      }
    }
  }
  return out.subarray(0, length);
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return NaN;
  const char = String.fromCharCode(byte);
  return /[0-9A-Fa-f]/.test(char) ? parseInt(char, 16) : NaN;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function toText(bytes: Bytes, charset: string): string {
  if (charset !== "" && !/^us-ascii$/i.test(charset)) return decodeCharset(bytes, charset) ?? latin1Decode(bytes);
  // What claims to be ASCII, or nothing, is often UTF-8.
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return latin1Decode(bytes);
  }
}
