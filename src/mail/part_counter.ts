/**
 * Counts the parts of a message while its octets pass by, without taking it apart: lines that open a part (RFC 2046 §5.1.1), at every level
 * and in messages within. Any split of the octets gives the same count; no more than one line of a header is kept. Never throws.
 *
 * Bodies are searched for hyphens only, so that base64 costs next to nothing. Feed it the whole message, header and all.
 */
import { type Bytes, concat, EMPTY, latin1Decode } from "../base/bytes.ts";
import { parseMediaType } from "./mime.ts";

/** Multiparts within multiparts that are followed; what is deeper counts for those around it. */
const DEEPEST = 100;
/** Octets of a header line, and of a field, that are read; what is longer says nothing to us. */
const LONGEST_FIELD = 16_384;
/** Octets of a line that can be a delimiter: two hyphens, 70 (RFC 2046 §5.1.1; some write more), two hyphens, blanks. */
const LONGEST_DELIMITER = 256;
const LF = 10, CR = 13, SPACE = 32, TAB = 9, HYPHEN = 45;

export class PartCounter {
  /** How many parts have been opened so far. */
  parts = 0;
  /** Boundaries of the multiparts that are open, outermost first. */
  readonly #open: string[] = [];
  /** Within a header: lines are read as fields. Else only delimiters count. */
  #inHeader = true;
  /** The Content-Type field as far as it has come; undefined within other fields. */
  #field: string | undefined;
  #contentType = "";
  /** The beginning of a line that may count. */
  #held: Bytes = EMPTY;
  /** The line under way does not count; the next one may. */
  #skipping = false;

  add(octets: Bytes): void {
    if (!this.#inHeader && this.#open.length === 0) return;
    const bytes = this.#held.length === 0 ? octets : concat([this.#held, octets]);
    this.#held = EMPTY;
    let at = 0;
    if (this.#skipping) {
      at = bytes.indexOf(LF) + 1;
      if (at === 0) return;
      this.#skipping = false;
    }
    while (at < bytes.length) {
      if (!this.#inHeader) at = this.#open.length === 0 ? -1 : nextHyphens(bytes, at);
      if (at < 0) {
        this.#skipping = bytes[bytes.length - 1] !== LF;
        return;
      }
      const lf = bytes.indexOf(LF, at);
      if (lf < 0) return this.#hold(bytes, at);
      const end = lf > at && bytes[lf - 1] === CR ? lf - 1 : lf;
      if (!this.#delimits(bytes, at, end) && this.#inHeader) this.#headerLine(bytes, at, end);
      at = lf + 1;
    }
  }

  #hold(bytes: Bytes, at: number): void {
    const most = this.#inHeader ? LONGEST_FIELD : LONGEST_DELIMITER;
    if (bytes.length - at <= most) this.#held = bytes.slice(at);
    else this.#skipping = true;
  }

  /** Whether the line opens or closes a part. It may belong to a multipart further out: those within have ended then. */
  #delimits(bytes: Bytes, at: number, end: number): boolean {
    if (this.#open.length === 0 || bytes[at] !== HYPHEN || bytes[at + 1] !== HYPHEN) return false;
    while (bytes[end - 1] === SPACE || bytes[end - 1] === TAB) end--;
    if (end - at > LONGEST_DELIMITER) return false;
    const text = latin1Decode(bytes.subarray(at + 2, end));
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const boundary = this.#open[level]!;
      const closes = text.length === boundary.length + 2 && text === `${boundary}--`;
      if (text !== boundary && !closes) continue;
      this.#open.length = closes ? level : level + 1;
      this.#inHeader = !closes;
      this.#field = undefined;
      this.#contentType = "";
      if (!closes) this.parts++;
      return true;
    }
    return false;
  }

  #headerLine(bytes: Bytes, at: number, end: number): void {
    if (at === end) return this.#headerEnds();
    const folded = bytes[at] === SPACE || bytes[at] === TAB;
    if (folded && this.#field === undefined) return;
    const line = latin1Decode(bytes.subarray(at, Math.min(end, at + LONGEST_FIELD)));
    if (folded) {
      if (this.#field!.length + line.length <= LONGEST_FIELD) this.#field += line;
      return;
    }
    this.#keepField();
    if (/^content-type[ \t]*:/i.test(line)) this.#field = line.slice(line.indexOf(":") + 1);
  }

  #keepField(): void {
    // The first one counts, where somebody wrote two.
    if (this.#field !== undefined && this.#contentType === "") this.#contentType = this.#field;
    this.#field = undefined;
  }

  #headerEnds(): void {
    this.#keepField();
    const { type, parameters } = parseMediaType(this.#contentType);
    this.#contentType = "";
    this.#inHeader = type === "message/rfc822" || type === "message/global";
    const boundary = parameters.get("boundary")?.trimEnd() ?? "";
    if (type.startsWith("multipart/") && boundary !== "" && this.#open.length < DEEPEST) this.#open.push(boundary);
  }
}

/** Where the next line with two hyphens in front begins, `at` being the beginning of a line; -1 when none does. */
function nextHyphens(bytes: Bytes, at: number): number {
  for (let hyphen = bytes.indexOf(HYPHEN, at); hyphen >= 0; hyphen = bytes.indexOf(HYPHEN, hyphen + 1)) {
    if (hyphen !== at && bytes[hyphen - 1] !== LF) continue;
    const next = bytes[hyphen + 1];
    // At the very end the second one may be still to come.
    if (next === HYPHEN || next === undefined) return hyphen;
  }
  return -1;
}
