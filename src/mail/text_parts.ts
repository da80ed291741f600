/**
 * The text of a message, part by part: what a person would read, decoded, for plugins that look for words in it.
 *
 * Offers parts of type text and message that are no attachments, out of multiparts to a depth of 100. Reads the message as a stream, so memory
 * holds one part at a time, and of that no more than a limit; what lies beyond is cut off and `cut` says so. Never throws for what a message
 * holds: a broken encoding gives what can be read of it, an unknown charset is read as Latin-1. The stream is let go of when the caller stops.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import { decodeText } from "./charset.ts";
import { MimeScanner, type PartHandler, type PartHead } from "./mime_scanner.ts";
import { decodeTransfer } from "./transfer.ts";

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

export async function* textParts(
  message: { open(): ReadableStream<Bytes> },
  { partLimit = PART_LIMIT }: TextPartsOptions = {},
): AsyncGenerator<TextPart, void, undefined> {
  const collector = new Collector(partLimit);
  const scanner = new MimeScanner(collector, { into: () => false });
  const reader = message.open().getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      scanner.add(next.value);
      yield* collector.taken();
    }
    scanner.finish();
    yield* collector.taken();
  } finally {
    await reader.cancel();
  }
}

class Collector implements PartHandler {
  readonly #limit: number;
  #held: Bytes[] = [];
  #size = 0;
  #ready: TextPart[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  taken(): readonly TextPart[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  begin(): void {
    this.#held = [];
    this.#size = 0;
  }

  body(part: PartHead, octets: Bytes): void {
    if (part.isAttachment) return;
    const room = this.#limit - this.#size;
    this.#size += octets.length;
    if (room > 0) this.#held.push(octets.slice(0, room));
  }

  end({ media, encoding, isAttachment, hasParts }: PartHead): void {
    if (isAttachment || hasParts || this.#size === 0) return;
    const octets = decodeTransfer(concat(this.#held), encoding);
    const { text } = decodeText(octets, media.parameters.get("charset") ?? "");
    this.#ready.push({ type: media.type, text, cut: this.#size > this.#limit });
    this.begin();
  }
}
