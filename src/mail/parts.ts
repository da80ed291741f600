/**
 * A message taken apart (RFC 2046): a tree of its parts with their headers, and their text decoded.
 *
 * {@linkcode partsOf} reads a message; {@linkcode TreeBuilder} is fed one while it arrives. Memory holds the headers and the octets of texts,
 * up to `limit` of them; an attachment is not held, {@linkcode Part.open} reads it from where the message lies. No deeper than 100 levels,
 * no more than 10 000 parts: what lies beyond is not seen. Never throws for what a message holds: an unknown charset is read as
 * Latin-1 and `charsetKnown` says so, a broken part ends where the octets do.
 */
import { type Bytes, concat, EMPTY, utf8Encode } from "../base/bytes.ts";
import { decodeText } from "./charset.ts";
import type { Header } from "./header.ts";
import { HeaderBlock } from "./header_block.ts";
import type { Message, Source } from "./message.ts";
import { MimeScanner, type PartHandler, type PartHead } from "./mime_scanner.ts";
import { decodeWords } from "./encoded_words.ts";
import { type MediaType, statedNames } from "./mime.ts";
import { memorySource } from "./source.ts";
import { decodeTransfer, isEncoding, transferDecoder } from "./transfer.ts";

export interface Part {
  readonly header: Header;
  /** `text/plain` where nothing is said. */
  readonly media: MediaType;
  /** Neither text nor a message, or said to be an attachment. */
  readonly isAttachment: boolean;
  /** RFC 2231 and RFC 2047 decoded; undefined when it has none. Not to be trusted as a path. */
  readonly filename: string | undefined;
  /** All that the header states as its name, in whichever field, form and encoding, that one first: readers differ in which they show. */
  readonly filenames: readonly string[];
  /** Lower case, without comments; "" for none. */
  readonly encoding: string;
  /** As stated, lower case; "" for none. */
  readonly charset: string;
  /** Whether we can read that charset. */
  readonly charsetKnown: boolean;
  /** Of a multipart, and the message inside a message/rfc822. */
  readonly children: readonly Part[];
  /** Offsets in the message's source: of its header, of its body, and behind its last octet. Of a part in an encoded message: in what that decodes to. */
  readonly extent: { readonly start: number; readonly body: number; readonly end: number };
  /** The text was longer than there was room for. */
  readonly cut: boolean;
  /** What stands in it, decoded; "" for a multipart and for what is no text. Of a message: its header and its text. */
  text(): string;
  /** Its octets, decoded. Throws a TypeError when the message was not kept. */
  open(): ReadableStream<Bytes>;
}

export interface TreeOptions {
  /** Octets of text, as sent, that are held. Default 4 MiB. */
  readonly limit?: number;
}

const LIMIT = 4 * 1024 * 1024;
const DEEPEST_ENCODED = 5;

/** The message, as it came in, as one part. Rejects when its octets cannot be read, or `signal` is aborted. */
export async function partsOf(message: Message, limit = LIMIT, signal?: AbortSignal): Promise<Part> {
  const builder = new TreeBuilder({ limit });
  const { source } = message;
  if (source.bytes !== undefined) builder.add(source.bytes);
  else {
    for await (const chunk of source.open()) {
      signal?.throwIfAborted();
      builder.add(chunk);
    }
  }
  return builder.finish(source);
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

/** Makes the tree of a message whose octets it is fed. */
export class TreeBuilder implements PartHandler {
  readonly #scanner: MimeScanner = new MimeScanner(this);
  readonly #depth: number;
  readonly #open: Node[] = [];
  #room: number;
  #root: Node | undefined;
  #octets: Source | undefined;

  constructor(options: TreeOptions = {}, depth = 0) {
    this.#room = options.limit ?? LIMIT;
    this.#depth = depth;
  }

  add(octets: Bytes): void {
    this.#scanner.add(octets);
  }

  /** `octets`: where they lie; left out when they were not kept. */
  finish(octets?: Source): Part {
    this.#scanner.finish();
    this.#octets = octets;
    return this.#root!;
  }

  begin(head: PartHead): void {
    const node = new Node(head, () => this.#octets);
    if (head.parent === undefined) this.#root = node;
    else this.#open.at(-1)!.children.push(node);
    this.#open.push(node);
  }

  body(head: PartHead, octets: Bytes): void {
    if (!isReadable(head)) return;
    const node = this.#open.at(-1)!;
    const taken = octets.slice(0, this.#room);
    this.#room -= taken.length;
    if (taken.length < octets.length) node.cut = true;
    if (taken.length > 0) node.held.push(taken);
  }

  end(head: PartHead, end: number): void {
    const node = this.#open.pop()!;
    node.finish(end);
    // Against RFC 2046 §5.2.1, but readers show it: what hides in there is seen.
    if (this.#isEncodedMessage(head) && this.#depth < DEEPEST_ENCODED) {
      const inner = new TreeBuilder({ limit: this.#room }, this.#depth + 1);
      const octets = node.decoded();
      inner.add(octets);
      node.children.push(inner.finish(memorySource(octets)) as Node);
    }
  }

  #isEncodedMessage({ media, encoding }: PartHead): boolean {
    return (media.type === "message/rfc822" || media.type === "message/global") && isEncoding(encoding);
  }
}

/** Of a type that text is: attached ones too. */
function isReadable({ media }: { readonly media: MediaType }): boolean {
  return /^(?:text|message|multipart)\//.test(media.type);
}

class Node implements Part {
  readonly header: Header;
  readonly media: MediaType;
  readonly isAttachment: boolean;
  readonly filename: string | undefined;
  readonly encoding: string;
  readonly children: Node[] = [];
  extent: Part["extent"];
  cut = false;
  held: Bytes[] = [];
  readonly #hasParts: boolean;
  readonly #from: () => Source | undefined;

  constructor(head: PartHead, from: () => Source | undefined) {
    this.header = head.header;
    this.media = head.media;
    this.isAttachment = head.isAttachment;
    this.filename = head.filename;
    this.encoding = head.encoding;
    this.extent = { start: head.start, body: head.body, end: head.body };
    this.#hasParts = head.hasParts;
    this.#from = from;
  }

  finish(end: number): void {
    this.extent = { ...this.extent, end };
    if (this.held.length > 1) this.held = [concat(this.held)];
  }

  get filenames(): readonly string[] {
    const fields = ["Content-Disposition", "Content-Type"].flatMap((field) => this.header.getAll(field));
    const stated = fields.flatMap(statedNames);
    const names = [this.filename ?? "", ...stated.map(decodeWords), ...stated];
    return [...new Set(names)].filter((name) => name !== "");
  }
  get charset(): string {
    return (this.media.parameters.get("charset") ?? "").trim().toLowerCase();
  }
  get charsetKnown(): boolean {
    return decodeText(EMPTY, this.charset).known;
  }

  decoded(): Bytes {
    return decodeTransfer(this.held[0] ?? EMPTY, this.encoding);
  }

  text(): string {
    if (this.media.type.startsWith("multipart/") && this.#hasParts) return "";
    const [child] = this.children;
    if (child !== undefined) return `${decodeText(child.header.toBytes(), "").text}\r\n${child.text()}`;
    return isReadable(this) ? decodeText(this.decoded(), this.charset).text : "";
  }

  open(): ReadableStream<Bytes> {
    const source = this.#from();
    if (source === undefined) throw new TypeError("Cannot open this part: its message was not kept");
    const { body, end } = this.extent;
    const decoder = transferDecoder(this.#hasParts ? "" : this.encoding);
    return part(source.open(body), end - body, decoder);
  }
}

/** `length` octets of a stream, decoded. */
function part(
  from: ReadableStream<Bytes>,
  length: number,
  decoder: ReturnType<typeof transferDecoder>,
): ReadableStream<Bytes> {
  const reader = from.getReader();
  let left = length;
  return new ReadableStream<Bytes>({
    async pull(controller) {
      for (;;) {
        const { done, value } = left > 0 ? await reader.read() : { done: true, value: undefined };
        if (done || value === undefined) {
          const rest = decoder.end();
          if (rest.length > 0) controller.enqueue(rest);
          controller.close();
          return await reader.cancel();
        }
        const octets = decoder.push(value.subarray(0, left));
        left -= Math.min(left, value.length);
        if (octets.length > 0) return controller.enqueue(octets);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
