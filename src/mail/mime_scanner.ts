/**
 * Takes a message apart while its octets pass by (RFC 2046): where each part begins, where its body stands, where it ends.
 *
 * Any split of the octets tells the same story. Memory: the header under way, and the beginning of one line. Offsets count from the message's
 * first octet, so that whoever edits a part knows which octets to leave alone. The line end in front of a delimiter belongs to the delimiter
 * (§5.1.1). Never throws for what a message holds: what lies deeper than {@linkcode DEEPEST} is text of the part around it, what comes
 * after `mostParts` is passed over, a part that is not ended ends where the octets do.
 */
import { type Bytes, concat, EMPTY, latin1Decode, latin1Encode, utf8Encode } from "../base/bytes.ts";
import { decodeWords } from "./encoded_words.ts";
import type { Header } from "./header.ts";
import { findHeaderEnd, HeaderBlock } from "./header_block.ts";
import { type MediaType, parseMediaType } from "./mime.ts";

export interface PartHead {
  /** 0 is the message itself; counts in the order of beginning. */
  readonly index: number;
  readonly parent: PartHead | undefined;
  readonly header: Header;
  /** `text/plain` where nothing, or nothing legible, is said (RFC 2045 §5.2). */
  readonly media: MediaType;
  /** Lower case: `attachment`, `inline`, … or "". */
  readonly disposition: string;
  /** Lower case: `base64`, `quoted-printable`, … or "". */
  readonly encoding: string;
  /** From Content-Disposition, else Content-Type; RFC 2231 and RFC 2047 decoded. */
  readonly filename: string | undefined;
  /** Neither text nor a message nor a multipart, or said to be an attachment. */
  readonly isAttachment: boolean;
  /** Its body is other parts (a multipart, or a message that is looked into). */
  readonly hasParts: boolean;
  /** Offset of its header. */
  readonly start: number;
  /** Offset of its body. */
  readonly body: number;
}

export interface PartHandler {
  begin(part: PartHead): void;
  /** Octets of a body that is not parts, as sent. A view, valid until the call returns. */
  body(part: PartHead, octets: Bytes): void;
  /** `end`: offset behind its last octet. */
  end(part: PartHead, end: number): void;
}

export interface ScanOptions {
  /** Parts that are told of. Default 10 000. */
  readonly mostParts?: number;
  /** Whether to look into an attached message that is not encoded. Default yes. */
  readonly into?: (message: Omit<PartHead, "hasParts">) => boolean;
}

/** Multiparts and messages within one another that are followed; Haraka's. */
export const DEEPEST = 100;
const MOST_PARTS = 10_000;
/** Octets of a header that are read. */
const LONGEST_HEADER = 256 * 1024;
/** Octets of a header line that are held until its end comes. */
const LONGEST_FIELD_LINE = 64 * 1024;
/** Two hyphens, 70 characters (RFC 2046 §5.1.1; some write more), two hyphens, blanks. */
const LONGEST_DELIMITER = 256;
const LF = 10, CR = 13, SPACE = 32, TAB = 9, HYPHEN = 45;

/** A multipart or message we are in. Without `boundary`: a message, or a multipart whose last delimiter has been seen. */
interface Level {
  readonly part: PartHead;
  boundary: string | undefined;
}

export class MimeScanner {
  /** How many parts have begun, those passed over too. */
  parts = 0;
  readonly #handler: PartHandler;
  readonly #most: number;
  readonly #into: (message: Omit<PartHead, "hasParts">) => boolean;
  readonly #levels: Level[] = [];
  /** How many of them have a boundary. */
  #boundaries = 0;
  #at: "header" | "body" | "passing" = "header";
  /** The part whose body it is; undefined when it is not told of. */
  #leaf: PartHead | undefined;
  #header: Bytes[] = [];
  #headerSize = 0;
  #headerStart = 0;
  /** Offset of `#held`, or of the next octet. */
  #offset = 0;
  #held: Bytes = EMPTY;
  /** What is held, or comes next, does not begin at the beginning of a line. */
  #midLine = false;

  constructor(handler: PartHandler, options: ScanOptions = {}) {
    this.#handler = handler;
    this.#most = options.mostParts ?? MOST_PARTS;
    this.#into = options.into ?? (() => true);
  }

  add(octets: Bytes): void {
    const bytes = this.#held.length === 0 ? octets : concat([this.#held, octets]);
    this.#held = EMPTY;
    let at = 0;
    while (at < bytes.length) {
      if (this.#at === "header") at = this.#readHeader(bytes, at);
      else if (this.#boundaries > 0) at = this.#readBody(bytes, at);
      else {
        this.#tell(bytes.subarray(at));
        at = bytes.length;
      }
    }
    this.#offset += bytes.length - this.#held.length;
  }

  /** The message is whole: what is open ends. */
  finish(): void {
    const held = this.#held;
    this.#held = EMPTY;
    const end = this.#offset + held.length;
    if (this.#at === "header") {
      const isDelimiter = !this.#midLine && held[0] === HYPHEN && this.#boundaryAt(held, 0, held.length) !== undefined;
      const stop = this.#endHeader(isDelimiter ? EMPTY : held, isDelimiter ? this.#offset : end, isDelimiter);
      if (isDelimiter) this.#delimits(held, 0, held.length, this.#offset, stop - this.#offset);
    } else if (held.length > 0) {
      const line = lineStart(held);
      const isDelimiter = held[line] === HYPHEN && this.#delimits(held, line, held.length, this.#offset);
      if (!isDelimiter) this.#tell(held);
    }
    // Behind a last delimiter without a line end a part may have begun; its header is empty.
    if (this.#at === "header") this.#endHeader(EMPTY, end, false);
    this.#close(0, end);
  }

  /** Reads from `at`, at the beginning of a line unless `#midLine`; where to go on. */
  #readHeader(bytes: Bytes, from: number): number {
    let at = from;
    while (at < bytes.length) {
      const lf = bytes.indexOf(LF, at);
      if (lf < 0) {
        if (bytes.length - at <= LONGEST_FIELD_LINE) {
          this.#keepHeader(bytes.subarray(from, at));
          this.#held = bytes.slice(at);
        } else {
          this.#keepHeader(bytes.subarray(from));
          this.#midLine = true;
        }
        return bytes.length;
      }
      if (!this.#midLine) {
        const end = lf > at && bytes[lf - 1] === CR ? lf - 1 : lf;
        if (end === at) {
          this.#keepHeader(bytes.subarray(from, at));
          this.#begin(concat(this.#header), this.#offset + lf + 1);
          return lf + 1;
        }
        if (bytes[at] === HYPHEN && this.#boundaryAt(bytes, at, end) !== undefined) {
          const stop = this.#endHeader(bytes.subarray(from, at), this.#offset + at, true);
          this.#delimits(bytes, at, end, this.#offset, stop - this.#offset);
          return lf + 1;
        }
      }
      this.#midLine = false;
      at = lf + 1;
    }
    this.#keepHeader(bytes.subarray(from));
    return at;
  }

  #keepHeader(octets: Bytes): void {
    const room = LONGEST_HEADER - this.#headerSize;
    if (octets.length === 0 || room <= 0) return;
    const kept = octets.slice(0, room);
    this.#header.push(kept);
    this.#headerSize += kept.length;
  }

  /** A header without an empty line behind it: the first line that is no field is the body's (spec row 149). `end`: where it is cut off. Gives where the body ends. */
  #endHeader(rest: Bytes, end: number, byDelimiter: boolean): number {
    this.#keepHeader(rest);
    const all = concat(this.#header);
    const { fields } = findHeaderEnd(all, true);
    const isWhole = this.#headerSize < LONGEST_HEADER;
    this.#begin(all.subarray(0, fields), isWhole ? this.#headerStart + fields : end);
    if (this.#at === "header") return this.#endHeader(EMPTY, end, byDelimiter);
    const octets = all.subarray(isWhole ? fields : all.length);
    const body = byDelimiter ? octets.subarray(0, lineEndBefore(octets, octets.length)) : octets;
    this.#tell(body);
    return end - octets.length + body.length;
  }

  #begin(fields: Bytes, body: number): void {
    this.#header = [];
    const start = this.#headerStart;
    this.#headerStart = body;
    this.#headerSize = 0;
    this.#midLine = false;
    this.#leaf = undefined;
    this.#at = "passing";
    const parent = this.#levels.at(-1)?.part;
    if (this.parts++ >= this.#most) return;
    const head = describe(fields, { index: this.parts - 1, parent, start, body });
    const mayOpen = this.#levels.length < DEEPEST && this.parts < this.#most;
    const boundary = mayOpen ? boundaryOf(head, fields) : undefined;
    const isMessage = mayOpen && isPlainMessage(head) && this.#into(head);
    const part: PartHead = { ...head, hasParts: boundary !== undefined || isMessage };
    this.#handler.begin(part);
    if (part.hasParts) {
      this.#levels.push({ part, boundary });
      if (boundary !== undefined) this.#boundaries++;
      else this.#at = "header";
    } else {
      this.#leaf = part;
      this.#at = "body";
    }
  }

  /** Reads on to the end of the octets, or behind a delimiter. */
  #readBody(bytes: Bytes, from: number): number {
    let at = from;
    if (this.#midLine) {
      at = bytes.indexOf(LF, from) + 1;
      if (at === 0) return this.#hold(bytes, from, bytes.length);
      this.#midLine = false;
    }
    for (;;) {
      const line = nextHyphens(bytes, at);
      if (line < 0) return this.#hold(bytes, from, bytes.length);
      const lf = bytes.indexOf(LF, line);
      if (lf < 0) return this.#hold(bytes, from, bytes.length - line <= LONGEST_DELIMITER ? line : bytes.length);
      const end = bytes[lf - 1] === CR ? lf - 1 : lf;
      if (this.#boundaryAt(bytes, line, end) !== undefined) {
        const stop = Math.max(from, lineEndBefore(bytes, line));
        this.#tell(bytes.subarray(from, stop));
        this.#delimits(bytes, line, end, this.#offset, stop);
        return lf + 1;
      }
      at = lf + 1;
    }
  }

  /** Tells of all up to the line at `line` (or the end), and keeps what may belong to a delimiter: that line and the line end before it. */
  #hold(bytes: Bytes, from: number, line: number): number {
    const isEnd = line === bytes.length;
    const stop = Math.max(
      from,
      isEnd && bytes[line - 1] === CR ? line - 1 : !isEnd || bytes[line - 1] === LF ? lineEndBefore(bytes, line) : line,
    );
    this.#tell(bytes.subarray(from, stop));
    this.#held = bytes.slice(stop);
    // Held octets that begin with a line end are read up to it first. Nothing held: the next octet begins a line only behind an LF.
    this.#midLine = stop < line || (isEnd && stop === line && bytes[line - 1] !== LF);
    return bytes.length;
  }

  #tell(octets: Bytes): void {
    if (octets.length > 0 && this.#leaf !== undefined) this.#handler.body(this.#leaf, octets);
  }

  /** The level whose delimiter the line is, innermost first: an outer one ends what is within. */
  #boundaryAt(bytes: Bytes, line: number, end: number): { level: number; last: boolean } | undefined {
    if (this.#boundaries === 0 || bytes[line + 1] !== HYPHEN) return undefined;
    while (bytes[end - 1] === SPACE || bytes[end - 1] === TAB) end--;
    if (end - line > LONGEST_DELIMITER) return undefined;
    const text = latin1Decode(bytes.subarray(line + 2, end));
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const { boundary } = this.#levels[level]!;
      if (boundary === undefined) continue;
      if (text === boundary) return { level, last: false };
      if (text.length === boundary.length + 2 && text === `${boundary}--`) return { level, last: true };
    }
    return undefined;
  }

  /** Ends the parts that the delimiter ends; a new header follows, or an epilogue. `base`: offset of the octets; `stop`: where the body ended. */
  #delimits(bytes: Bytes, line: number, lineEnd: number, base: number, stop?: number): boolean {
    const end = bytes[lineEnd - 1] === LF ? lineEnd - (bytes[lineEnd - 2] === CR ? 2 : 1) : lineEnd;
    const found = this.#boundaryAt(bytes, line, end);
    if (found === undefined) return false;
    this.#close(found.level + 1, base + (stop ?? Math.max(0, lineEndBefore(bytes, line))));
    if (found.last) {
      this.#levels[found.level]!.boundary = undefined;
      this.#boundaries--;
      this.#at = "passing";
    } else {
      this.#at = "header";
      const lf = bytes.indexOf(LF, line);
      this.#headerStart = base + (lf < 0 ? bytes.length : lf + 1);
    }
    return true;
  }

  /** Ends the part under way and all levels from `level` on, innermost first. */
  #close(level: number, end: number): void {
    const leaf = this.#leaf;
    this.#leaf = undefined;
    if (leaf !== undefined) this.#handler.end(leaf, Math.max(leaf.body, end));
    while (this.#levels.length > level) {
      const { part, boundary } = this.#levels.pop()!;
      if (boundary !== undefined) this.#boundaries--;
      this.#handler.end(part, Math.max(part.body, end));
    }
  }
}

/** What a header says of its part. */
function describe(
  fields: Bytes,
  place: Pick<PartHead, "index" | "parent" | "start" | "body">,
): Omit<PartHead, "hasParts"> {
  const header = new HeaderBlock(() => fields);
  const stated = parseMediaType(header.get("Content-Type") ?? "");
  // RFC 2046 §5.1.5: what states nothing in a digest is a message.
  const usual = place.parent?.media.type === "multipart/digest" ? "message/rfc822" : "text/plain";
  const media = stated.type.includes("/") ? stated : { ...stated, type: usual };
  const told = parseMediaType(header.get("Content-Disposition") ?? "");
  const encoding = (header.get("Content-Transfer-Encoding") ?? "").replace(/\([^()]*\)/g, "").trim().toLowerCase();
  const filename = told.parameters.get("filename") ?? told.parameters.get("name") ?? media.parameters.get("name");
  return {
    ...place,
    header,
    media,
    disposition: told.type,
    encoding,
    // RFC 2047 §5 (3) forbids encoded words here, and many write them.
    filename: filename === undefined ? undefined : decodeWords(filename),
    isAttachment: told.type === "attachment" || !/^(?:text|message|multipart)\//.test(media.type),
  };
}

function isPlainMessage({ media, encoding }: Pick<PartHead, "media" | "encoding">): boolean {
  // RFC 2046 §5.2.1: a message is not encoded; one that is comes as a body.
  return (media.type === "message/rfc822" || media.type === "message/global") &&
    !/^(?:base64|quoted-printable)$/.test(encoding);
}

/** As the octets of a delimiter have it, one character each; undefined for what is no multipart, or names no boundary. */
function boundaryOf({ media }: Pick<PartHead, "media">, fields: Bytes): string | undefined {
  if (!media.type.startsWith("multipart/")) return undefined;
  const boundary = media.parameters.get("boundary")?.trimEnd() ?? "";
  if (boundary === "") return undefined;
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(boundary)) return boundary;
  const utf8 = latin1Decode(utf8Encode(boundary));
  return indexOf(fields, latin1Encode(utf8)) >= 0 ? utf8 : boundary;
}

function indexOf(bytes: Bytes, part: Bytes): number {
  return latin1Decode(bytes).indexOf(latin1Decode(part));
}

/** Where the line end in front of `line` begins. */
function lineEndBefore(bytes: Bytes, line: number): number {
  if (bytes[line - 1] !== LF) return line;
  return bytes[line - 2] === CR ? line - 2 : line - 1;
}

/** Behind the line end that held octets may begin with. */
function lineStart(held: Bytes): number {
  return held[0] === LF ? 1 : held[0] === CR && held[1] === LF ? 2 : 0;
}

/** Where the next line with two hyphens in front begins, `at` being the beginning of a line; -1 when none does. */
export function nextHyphens(bytes: Uint8Array, at: number): number {
  for (let hyphen = bytes.indexOf(HYPHEN, at); hyphen >= 0; hyphen = bytes.indexOf(HYPHEN, hyphen + 1)) {
    if (hyphen !== at && bytes[hyphen - 1] !== LF) continue;
    const next = bytes[hyphen + 1];
    // At the very end the second one may be still to come.
    if (next === HYPHEN || next === undefined) return hyphen;
  }
  return -1;
}
