/**
 * The header of one message: what came in, untouched, and the edits on top of it.
 *
 * The incoming block is looked at only when somebody asks for a field, removes one, or adds one at the end; a field added in front
 * costs its own octets and nothing else. Untouched fields keep their octets. Lines that are no field stay where they are, unseen.
 */
import { asciiDecode, type Bytes, concat, latin1Decode } from "../base/bytes.ts";
import { decodeWords } from "./encoded_words.ts";
import type { Header, HeaderField } from "./header.ts";
import { fieldBytes } from "./header_text.ts";
import { decodeParameterText } from "./mime.ts";

const LF = 10, CR = 13, SPACE = 32, TAB = 9, COLON = 58;

/** Where the header of a message ends. */
export interface HeaderEnd {
  /** Octets of field lines, the empty line not counted. */
  readonly fields: number;
  /** Offset of the body. */
  readonly body: number;
  /** `missing`: no empty line anywhere. `beyond`: not within the octets at hand. */
  readonly separator: "found" | "missing" | "beyond";
}

/**
 * Finds the empty line. Without one, the field lines at the start are the header and the first line that is neither a field nor a
 * continuation starts the body. `whole`: these are all octets of the message, so that nothing can follow.
 */
export function findHeaderEnd(bytes: Uint8Array, whole: boolean): HeaderEnd {
  let line = 0;
  while (line < bytes.length) {
    const first = bytes[line];
    if (first === LF) return { fields: line, body: line + 1, separator: "found" };
    if (first === CR && bytes[line + 1] === LF) return { fields: line, body: line + 2, separator: "found" };
    const next = endOfLine(bytes, line);
    if (bytes[next - 1] !== LF) break;
    line = next;
  }
  if (!whole) return { fields: line, body: line, separator: "beyond" };
  const end = endOfFieldLines(bytes);
  return { fields: end, body: end, separator: "missing" };
}

function endOfFieldLines(bytes: Uint8Array): number {
  let line = 0;
  while (line < bytes.length) {
    const continues = line > 0 && isBlank(bytes[line]);
    if (!continues && nameEnd(bytes, line) < 0) return line;
    const end = bytes.indexOf(LF, line);
    if (end < 0) return bytes.length;
    line = end + 1;
  }
  return line;
}

/** Offset of the colon when a field starts here, else -1. White space before the colon is obsolete but met (RFC 5322 §4.5). */
function nameEnd(bytes: Uint8Array, start: number): number {
  let i = start;
  while (i < bytes.length && bytes[i]! > SPACE && bytes[i]! < 127 && bytes[i] !== COLON) i++;
  if (i === start) return -1;
  while (isBlank(bytes[i])) i++;
  return bytes[i] === COLON ? i : -1;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** RFC 6532 says UTF-8; older mail has any charset, read as Latin-1 so that nothing is lost. */
function headerText(bytes: Uint8Array): string {
  const ascii = asciiDecode(bytes);
  if (ascii !== undefined) return ascii;
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1Decode(bytes);
  }
}

class Field implements HeaderField {
  readonly name: string;
  readonly lower: string;
  readonly raw: Uint8Array;
  readonly #valueStart: number;
  #value: string | undefined;

  constructor(raw: Uint8Array, colon: number) {
    this.raw = raw;
    this.name = latin1Decode(raw.subarray(0, colon)).trimEnd();
    this.lower = this.name.toLowerCase();
    this.#valueStart = colon + 1;
  }

  get value(): string {
    return this.#value ??= headerText(this.raw.subarray(this.#valueStart)).replace(/\r?\n$/, "");
  }
}

/** A run of the incoming block: a field, or a line that is none. */
type Piece = Field | Uint8Array;

export class HeaderBlock implements Header {
  readonly #incoming: () => Uint8Array;
  /** Newest last: the order of adding, not of the message. */
  readonly #leading: Bytes[] = [];
  #trailing: Bytes[] = [];
  #pieces: Piece[] | undefined;
  #fields: Field[] | undefined;
  #leadingSize = 0;
  #restEdited = false;
  #edits = 0;

  /** `incoming` gives the field lines that came in, without the empty line. */
  constructor(incoming: () => Uint8Array) {
    this.#incoming = incoming;
  }

  get fields(): readonly HeaderField[] {
    return this.#all();
  }

  getAll(name: string): readonly string[] {
    const lower = name.toLowerCase();
    return this.#all().filter((field) => field.lower === lower).map((field) => unfold(field.value));
  }

  get(name: string): string | undefined {
    const found = this.#find(name);
    return found === undefined ? undefined : unfold(found.value);
  }

  getDecoded(name: string): string | undefined {
    const found = this.#find(name);
    return found === undefined ? undefined : decodeWords(decodeParameterText(unfold(found.value)));
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  add(name: string, value: string): void {
    this.#trailing.push(fieldBytes(name, value));
    this.#changedRest();
  }

  addLeading(name: string, value: string): void {
    const bytes = fieldBytes(name, value);
    this.#leading.push(bytes);
    this.#leadingSize += bytes.length;
    this.#edits++;
    this.#fields = undefined;
  }

  remove(name: string): void {
    const lower = name.toLowerCase();
    for (let i = this.#leading.length - 1; i >= 0; i--) {
      const bytes = this.#leading[i]!;
      if (asField(bytes).lower !== lower) continue;
      this.#leading.splice(i, 1);
      this.#leadingSize -= bytes.length;
      this.#edits++;
      this.#fields = undefined;
    }
    const pieces = this.#parsed();
    const kept = pieces.filter((piece) => !(piece instanceof Field && piece.lower === lower));
    const trailing = this.#trailing.filter((bytes) => asField(bytes).lower !== lower);
    if (kept.length === pieces.length && trailing.length === this.#trailing.length) return;
    this.#pieces = kept;
    this.#trailing = trailing;
    this.#changedRest();
  }

  /** Whether anything but fields in front was edited, so that the incoming block must be written anew. */
  get restEdited(): boolean {
    return this.#restEdited;
  }

  /** Grows with every change, so that what was made of the fields may be kept until then. */
  get edits(): number {
    return this.#edits;
  }

  /** Octets of the fields added in front. */
  get leadingSize(): number {
    return this.#leadingSize;
  }

  /** The fields added in front, last added first. */
  leading(): Bytes[] {
    return this.#leading.toReversed();
  }

  /** The incoming fields that are left and the ones added behind them. */
  rest(): Uint8Array[] {
    const out = this.#parsed().map((piece) => piece instanceof Field ? piece.raw : piece);
    // The last line of a message that ends within its header may lack its CRLF; nothing may be glued to it.
    const last = out.at(-1);
    if (last !== undefined && last.at(-1) !== LF) out.push(CRLF);
    return out.concat(this.#trailing);
  }

  toBytes(): Bytes {
    return concat([...this.leading(), ...this.rest()]);
  }

  #changedRest(): void {
    this.#restEdited = true;
    this.#edits++;
    this.#fields = undefined;
  }

  #find(name: string): Field | undefined {
    const lower = name.toLowerCase();
    if (this.#fields === undefined && this.#pieces === undefined && this.#trailing.length === 0) {
      // Asking for one field or two is not worth reading them all.
      const leading = this.#leading.findLast((bytes) => isNamed(bytes, 0, lower));
      return leading === undefined ? findIn(this.#incoming(), lower) : asField(leading);
    }
    return this.#all().find((field) => field.lower === lower);
  }

  #all(): Field[] {
    return this.#fields ??= [
      ...this.leading().map(asField),
      ...this.#parsed().filter((piece) => piece instanceof Field),
      ...this.#trailing.map(asField),
    ];
  }

  #parsed(): Piece[] {
    return this.#pieces ??= parse(this.#incoming());
  }
}

const CRLF: Bytes = Uint8Array.of(CR, LF);

/** A field as `fieldBytes` made it. */
function asField(bytes: Bytes): Field {
  return new Field(bytes, bytes.indexOf(COLON));
}

function parse(bytes: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  while (start < bytes.length) {
    const colon = nameEnd(bytes, start);
    const end = colon < 0 ? endOfLine(bytes, start) : endOfField(bytes, start);
    const raw = bytes.subarray(start, end);
    pieces.push(colon < 0 ? raw : new Field(raw, colon - start));
    start = end;
  }
  return pieces;
}

/** The first field of that name in a block nobody has parsed: what {@linkcode parse} would have found. */
function findIn(bytes: Uint8Array, lower: string): Field | undefined {
  for (let start = 0; start < bytes.length; start = endOfLine(bytes, start)) {
    if (isNamed(bytes, start, lower)) {
      return new Field(bytes.subarray(start, endOfField(bytes, start)), nameEnd(bytes, start) - start);
    }
  }
  return undefined;
}

/** Whether a field of the name, given in lower case, starts here. */
function isNamed(bytes: Uint8Array, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[start + i]!;
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== lower.charCodeAt(i)) return false;
  }
  const behind = bytes[start + lower.length];
  return (behind === COLON || isBlank(behind)) && nameEnd(bytes, start) >= start + lower.length;
}

/** Behind a field's last continuation line. */
function endOfField(bytes: Uint8Array, start: number): number {
  let end = endOfLine(bytes, start);
  while (end < bytes.length && isBlank(bytes[end])) end = endOfLine(bytes, end);
  return end;
}

function endOfLine(bytes: Uint8Array, start: number): number {
  // A loop: lines are short, and a call of `indexOf` costs as much as a hundred octets.
  let end = start;
  while (end < bytes.length && bytes[end] !== LF) end++;
  return end < bytes.length ? end + 1 : end;
}

/** RFC 5322 §2.2.3: the line breaks go, the white space stays. */
function unfold(value: string): string {
  return value.includes("\n") ? value.replace(/\r?\n(?=[ \t])/g, "").trim() : value.trim();
}
