/**
 * Edits of a message's texts: filters that plugins bring, and a banner. Made once, by structure: each edited part is a patch over the message as
 * it came in, so that every other octet leaves as it came (spec 01 §9.3, wishes §1.5).
 *
 * A part keeps its transfer encoding and its charset; what its charset cannot say makes it UTF-8, and its header says so. Left alone: attachments,
 * attached messages, whatever is signed or encrypted (RFC 1847). A part that is edited is held in memory, one at a time. Rejects with what
 * a filter throws, with a DeadlineError when one is late, and when the message cannot be read; the message is untouched then.
 */
import { type Bytes, concat, equalBytes, latin1Decode, latin1Encode, utf8Encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { deadline } from "../base/deadline.ts";
import { type Banner, placeBanner } from "./banner.ts";
import { decodeText, encodeText } from "./charset.ts";
import type { Header } from "./header.ts";
import type { Message } from "./message.ts";
import { MimeScanner, type PartHandler, type PartHead } from "./mime_scanner.ts";
import { setParameter } from "./mime.ts";
import type { Patch } from "./splice.ts";
import { decodeTransfer, encodeTransfer, isEncoding } from "./transfer.ts";

/** A text part as a filter sees it. */
export interface FilteredPart {
  /** `text/plain`, lower case. */
  readonly type: string;
  readonly header: Header;
  /** As stated, lower case; "" for none. */
  readonly charset: string;
  /** Decoded. */
  readonly text: string;
  /** The same as octets of the charset, the transfer encoding taken off. */
  readonly octets: Bytes;
  /** Aborted when the filter is late. */
  readonly signal: AbortSignal;
}
/** The text it shall be, or its octets in the part's own charset; undefined leaves it alone. */
export type FilterResult = string | Bytes | undefined | void;
export type BodyFilter = (part: FilteredPart) => FilterResult | Promise<FilterResult>;

export interface BodyEdits {
  readonly banner?: Banner | undefined;
  /** In the order they are asked. A string matches types that begin with it, a RegExp those it finds in the lower-case type. */
  readonly filters: readonly { readonly match: string | RegExp; readonly edit: BodyFilter }[];
}
export interface EditOptions {
  readonly clock: Clock;
  /** Milliseconds that a filter may take for a part; 0 for as long as it likes. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Whether anything was changed. */
export async function editBody(message: Message, edits: BodyEdits, options: EditOptions): Promise<boolean> {
  const editor = new Editor(message.source.size, edits, options);
  const scanner = new MimeScanner(editor, { into: () => false });
  if (message.source.bytes !== undefined) scanner.add(message.source.bytes);
  else {
    for await (const chunk of message.source.open()) {
      scanner.add(chunk);
      await editor.work();
    }
  }
  scanner.finish();
  await editor.work();
  if (editor.patches.length === 0) return false;
  message.patchBody(editor.patches);
  for (const [name, value] of editor.rootFields) {
    message.header.remove(name);
    message.header.add(name, value);
  }
  return true;
}

interface Finished {
  readonly part: PartHead;
  readonly octets: Bytes;
  readonly end: number;
  readonly wantsBanner: boolean;
}

class Editor implements PartHandler {
  readonly patches: Patch[] = [];
  /** What the message's own header shall say. */
  readonly rootFields: [name: string, value: string][] = [];
  readonly #edits: BodyEdits;
  readonly #options: EditOptions;
  readonly #size: number;
  /** Octets of the part under way, when it is wanted. */
  #taken: Bytes[] | undefined;
  #wantsBanner = false;
  #finished: Finished[] = [];
  /** Which child of a multipart has got the banner. */
  readonly #served = new Map<PartHead, PartHead>();

  constructor(size: number, edits: BodyEdits, options: EditOptions) {
    this.#size = size;
    this.#edits = edits;
    this.#options = options;
  }

  begin(part: PartHead): void {
    this.#taken = undefined;
    if (part.hasParts || part.isAttachment || !part.media.type.startsWith("text/") || isSealed(part)) return;
    this.#wantsBanner = this.#edits.banner !== undefined && isBannered(part.media.type) && this.#isShownFirst(part);
    const { type } = part.media;
    if (this.#wantsBanner || this.#edits.filters.some(({ match }) => matches(match, type))) this.#taken = [];
  }

  body(_part: PartHead, octets: Bytes): void {
    this.#taken?.push(octets.slice());
  }

  end(part: PartHead, end: number): void {
    if (this.#taken === undefined || part.hasParts) return;
    this.#finished.push({ part, octets: concat(this.#taken), end, wantsBanner: this.#wantsBanner });
    this.#taken = undefined;
  }

  /** Edits the parts that are whole. */
  async work(): Promise<void> {
    const finished = this.#finished;
    this.#finished = [];
    for (const one of finished) await this.#edit(one);
  }

  /** The text that a reader sees first: each form of an alternative, the root of related parts, else the first text there is. */
  #isShownFirst(part: PartHead): boolean {
    const way: [parent: PartHead, child: PartHead][] = [];
    for (let child = part; child.parent !== undefined; child = child.parent) {
      const { parent } = child;
      way.push([parent, child]);
      if (parent.media.type === "multipart/alternative") continue;
      if (parent.media.type === "multipart/related" && child.index !== parent.index + 1) return false;
      if ((this.#served.get(parent) ?? child) !== child) return false;
    }
    for (const [parent, child] of way) this.#served.set(parent, child);
    return true;
  }

  async #edit({ part, octets, end, wantsBanner }: Finished): Promise<void> {
    const before = decodeTransfer(octets, part.encoding);
    let state: State = { octets: before, charset: charsetOf(part) };
    for (const { match, edit } of this.#edits.filters) {
      if (matches(match, part.media.type)) state = await this.#filter(part, state, edit);
    }
    if (wantsBanner) state = bannered(state, part.media.type as "text/plain" | "text/html", this.#edits.banner!);
    if (equalBytes(state.octets, before) && state.charset === charsetOf(part)) return;
    const encoding = encodingFor(part.encoding, before, state.octets);
    let bytes = encodeTransfer(state.octets, encoding);
    // Behind a part in a multipart the delimiter's own line end follows.
    if (encoding === "base64" && octets.at(-1) !== LF) bytes = bytes.subarray(0, -2);
    this.#sayInHeader(part, state.charset, encoding);
    // A text that only grew keeps what it had where it lay.
    const kept = isEncoding(encoding) || encoding !== part.encoding ? 0 : commonStart(octets, bytes);
    this.patches.push({ from: part.body + kept, to: Math.min(end, this.#size), bytes: bytes.subarray(kept) });
  }

  async #filter(part: PartHead, state: State, edit: BodyFilter): Promise<State> {
    const { clock, timeoutMs, signal } = this.#options;
    const limit = deadline(clock, timeoutMs > 0 ? timeoutMs : FOREVER_MS, "A body filter", signal);
    try {
      const result = await abortable(
        edit({
          type: part.media.type,
          header: part.header,
          charset: state.charset,
          text: textOf(state),
          octets: state.octets.slice(),
          signal: limit.signal,
        }),
        limit.signal,
      );
      if (result === undefined || result === null) return state;
      if (typeof result !== "string") return { ...state, octets: result };
      return result === textOf(state) ? state : said(result, state.charset);
    } finally {
      limit.end();
    }
  }

  /** A header that no longer holds is written anew. */
  #sayInHeader(part: PartHead, charset: string, encoding: string): void {
    const fields: [string, string][] = [];
    if (charset !== charsetOf(part)) {
      fields.push([
        "Content-Type",
        setParameter(part.header.get("Content-Type") ?? part.media.type, "charset", charset),
      ]);
    }
    if (encoding !== part.encoding) fields.push(["Content-Transfer-Encoding", encoding]);
    if (fields.length === 0) return;
    if (part.parent === undefined) {
      if (!part.header.has("MIME-Version")) fields.unshift(["MIME-Version", "1.0"]);
      return void this.rootFields.push(...fields);
    }
    for (const [name, value] of fields) {
      part.header.remove(name);
      part.header.add(name, value);
    }
    this.patches.push({ from: part.start, to: part.body, bytes: concat([part.header.toBytes(), CRLF]) });
  }
}

/** A text between two edits. */
interface State {
  readonly octets: Bytes;
  readonly charset: string;
}

const LF = 10;
const CRLF: Bytes = Uint8Array.of(13, 10);
const FOREVER_MS = 2 ** 31 - 1;

function charsetOf({ media }: PartHead): string {
  return (media.parameters.get("charset") ?? "").trim().toLowerCase();
}

function textOf({ octets, charset }: State): string {
  return decodeText(octets, charset).text;
}

/** In its charset, else in UTF-8. */
function said(text: string, charset: string): State {
  const known = decodeText(CRLF, charset).known;
  // deno-lint-ignore no-control-regex
  const octets = known ? encodeText(text, charset) : /^[\x00-\xff]*$/.test(text) ? latin1Encode(text) : undefined;
  return octets === undefined ? { octets: utf8Encode(text), charset: "utf-8" } : { octets, charset };
}

/** Charsets in which no octet below 128 is part of another character, so that a text can be added to without reading all of it. */
const PLAIN = /^(?:|us-ascii|utf-8|iso-8859-\d+|windows-\d+|koi8-[ru]|cp\d+|latin\d)$/;

function bannered(state: State, type: "text/plain" | "text/html", banner: Banner): State {
  const { octets, charset } = state;
  if (PLAIN.test(charset)) {
    const place = placeBanner(latin1Decode(octets), type, banner);
    if (place === undefined) return state;
    // HTML can name any character in any charset.
    const added = encodeText(place.text, charset) ?? (type === "text/html" ? utf8Encode(named(place.text)) : undefined);
    if (added !== undefined) {
      return { charset, octets: concat([octets.subarray(0, place.at), added, octets.subarray(place.at)]) };
    }
  }
  const { text, known } = decodeText(octets, charset);
  const place = known ? placeBanner(text, type, banner) : undefined;
  return place === undefined ? state : said(text.slice(0, place.at) + place.text + text.slice(place.at), charset);
}

function named(html: string): string {
  // deno-lint-ignore no-control-regex
  return html.replace(/[^\x00-\x7f]/gu, (char) => `&#${char.codePointAt(0)};`);
}

/** As it came, unless the new octets cannot be sent so: eight bits (RFC 2045 §2.8), or lines too long (RFC 5322 §2.1.1). */
function encodingFor(encoding: string, before: Bytes, after: Bytes): string {
  if (isEncoding(encoding) || encoding === "binary") return encoding;
  const wide = (bytes: Bytes) => bytes.some((octet) => octet > 127);
  const isWide = encoding !== "8bit" && !wide(before) && wide(after);
  return isWide || (longestLine(after) > 998 && longestLine(before) <= 998) ? "quoted-printable" : encoding;
}

function longestLine(bytes: Bytes): number {
  let longest = 0;
  for (let at = 0; at < bytes.length;) {
    const lf = bytes.indexOf(LF, at);
    const end = lf < 0 ? bytes.length : lf - 1;
    longest = Math.max(longest, end - at);
    at = lf < 0 ? bytes.length : lf + 1;
  }
  return longest;
}

function commonStart(a: Bytes, b: Bytes): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a[at] === b[at]) at++;
  return at;
}

/** RFC 1847: a signature holds for the very octets. */
function isSealed(part: PartHead): boolean {
  for (let at = part.parent; at !== undefined; at = at.parent) {
    if (at.isAttachment || at.media.type === "multipart/signed" || at.media.type === "multipart/encrypted") return true;
  }
  return false;
}

function isBannered(type: string): boolean {
  return type === "text/plain" || type === "text/html";
}

function matches(match: string | RegExp, type: string): boolean {
  return typeof match === "string" ? type.startsWith(match.toLowerCase()) : new RegExp(match).test(type);
}

/** What is waited for, or the signal's reason as soon as it is aborted. */
async function abortable<T>(value: T | Promise<T>, signal: AbortSignal): Promise<T> {
  if (!(value instanceof Promise)) return value;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([value, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
