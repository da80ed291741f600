/**
 * A message taken apart (RFC 2046): its parts with their headers, and their text decoded.
 *
 * Reads at most `limit` octets of the message, and no deeper than 20 levels or more than 1 000 parts: what lies beyond is not seen.
 * Never throws for what a message holds: an unknown charset is read as UTF-8, a broken part ends where the octets do.
 */
import { type Bytes, concat, latin1Decode, latin1Encode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { decodeBase64, decodeCharset } from "./encoded_words.ts";
import type { Header } from "./header.ts";
import { findHeaderEnd, HeaderBlock } from "./header_block.ts";
import type { Message } from "./message.ts";
import { type MediaType, parseMediaType } from "./mime.ts";

export interface Part {
  readonly header: Header;
  /** `text/plain` where nothing is said. */
  readonly media: MediaType;
  /** Neither text nor a message, or said to be an attachment. */
  readonly isAttachment: boolean;
  /** Of a multipart, and the message inside a message/rfc822. */
  readonly children: readonly Part[];
  /** What stands in it, decoded; "" for a multipart. */
  text(): string;
}

const DEEPEST = 20;
const MOST_PARTS = 1000;

/** The message as one part. Rejects when its octets cannot be read, or `signal` is aborted. */
export async function partsOf(message: Message, limit = 1024 * 1024, signal?: AbortSignal): Promise<Part> {
  return readPart(message.bytes(limit) ?? await firstOctets(message, limit, signal), 0, { left: MOST_PARTS });
}

/** The part and all below it, depth first. */
export function* everyPart(part: Part): Generator<Part> {
  yield part;
  for (const child of part.children) yield* everyPart(child);
}

/** Lines of a header by themselves, as an error report quotes them. */
export function parseHeader(text: string): Header {
  const bytes = utf8Encode(text.replace(/\r?\n/g, "\r\n"));
  return new HeaderBlock(() => bytes);
}

async function firstOctets(message: Message, limit: number, signal?: AbortSignal): Promise<Bytes> {
  const taken: Bytes[] = [];
  let length = 0;
  for await (const chunk of message.open()) {
    signal?.throwIfAborted();
    taken.push(chunk);
    length += chunk.length;
    if (length >= limit) break;
  }
  return concat(taken).subarray(0, limit);
}

function readPart(bytes: Bytes, depth: number, budget: { left: number }): Part {
  budget.left--;
  const end = findHeaderEnd(bytes, true);
  const header = new HeaderBlock(() => bytes.subarray(0, end.fields));
  const body = bytes.subarray(end.body);
  const said = parseMediaType(header.get("Content-Type") ?? "");
  const media = said.type === "" ? { ...said, type: "text/plain" } : said;
  const boundary = media.type.startsWith("multipart/") ? media.parameters.get("boundary") : undefined;
  const disposition = parseMediaType(header.get("Content-Disposition") ?? "").type;
  const encoding = (header.get("Content-Transfer-Encoding") ?? "").toLowerCase();
  return {
    header,
    media,
    isAttachment: disposition === "attachment" || !/^(?:text|message|multipart)\//.test(media.type),
    children: depth >= DEEPEST
      ? []
      : boundary !== undefined && boundary !== ""
      ? between(body, boundary, budget.left).map((piece) => readPart(piece, depth + 1, budget))
      : media.type === "message/rfc822" && budget.left > 0
      ? [readPart(decodeBody(body, encoding), depth + 1, budget)]
      : [],
    text() {
      if (boundary !== undefined) return "";
      const octets = decodeBody(body, encoding);
      return decodeCharset(octets, media.parameters.get("charset") ?? "utf-8") ?? utf8Decode(octets);
    },
  };
}

/** RFC 2046 §5.1.1: the parts between the boundary's lines; the line end in front of one belongs to it. */
function between(body: Bytes, boundary: string, most: number): Bytes[] {
  const text = latin1Decode(body);
  const line = new RegExp(`^--${RegExp.escape(latin1Decode(utf8Encode(boundary)))}(--)?[ \\t]*\\r?$`, "gm");
  const pieces: Bytes[] = [];
  let from = -1;
  for (const match of text.matchAll(line)) {
    if (from >= 0 && pieces.length < most) pieces.push(body.subarray(from, Math.max(from, match.index - 2)));
    from = match[1] === undefined ? match.index + match[0].length + 1 : -1;
    if (from < 0) break;
  }
  if (from >= 0 && from < body.length && pieces.length < most) pieces.push(body.subarray(from));
  return pieces;
}

function decodeBody(body: Bytes, encoding: string): Bytes {
  if (encoding === "base64") return decodeBase64(latin1Decode(body));
  if (encoding !== "quoted-printable") return body;
  // RFC 2045 §6.7: blanks at a line's end are no part of it, and `=` there joins it to the next.
  const joined = latin1Decode(body).replace(/[ \t]+(?=\r?\n|$)/g, "").replace(/=\r?\n/g, "");
  return latin1Encode(joined.replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))));
}
