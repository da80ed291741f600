/**
 * The client's side of replies: lines in, one `Reply` out (RFC 5321 §4.2.1).
 *
 * Whatever a server sends is a value: a reply, garbage, or the end. Texts come out free of control characters, for they go into logs
 * and reports. Only a broken or cancelled connection rejects.
 */
import { utf8Decode } from "../base/bytes.ts";
import type { Line, WireReader } from "./wire_reader.ts";
import { isStatus, type Reply } from "./reply.ts";

export type PeerReply =
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Not SMTP, or more than the limits allow: nothing that follows can be trusted. */
  | { readonly kind: "garbage"; readonly reason: string }
  /** The server left before the reply was whole. */
  | { readonly kind: "end" };

export interface ReplyLimits {
  /** Octets of one line, CRLF included. RFC 5321 says 512; servers say more. */
  readonly line: number;
  /** Lines of one reply. */
  readonly lines: number;
  /** Octets of the whole reply. */
  readonly octets: number;
}

export const REPLY_LIMITS: ReplyLimits = { line: 4096, lines: 256, octets: 65536 };

const SHAPE = /^([2-5][0-9]{2})(?:([ -])(.*))?$/s;
const STATUS = /^([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)/;
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x1f\x7f]/g;

/** Gathers lines until a reply is whole; may be used again for the next one. */
export class ReplyParser {
  readonly #limits: ReplyLimits;
  #code = 0;
  #lines: string[] = [];
  #octets = 0;

  constructor(limits: ReplyLimits = REPLY_LIMITS) {
    this.#limits = limits;
  }

  /** The next line's outcome; undefined when the reply goes on. */
  take(line: Line): PeerReply | undefined {
    if (line.kind === "end") return line;
    if (line.kind !== "line") return this.#garbage(line.kind);
    this.#octets += line.bytes.length + 2;
    if (this.#octets > this.#limits.octets) return this.#garbage("reply too long");
    const match = SHAPE.exec(utf8Decode(line.bytes));
    if (match === null) return this.#garbage("not a reply line");
    const code = Number(match[1]);
    if (this.#lines.length === 0) this.#code = code;
    else if (code !== this.#code) return this.#garbage("codes differ within one reply");
    if (this.#lines.push((match[3] ?? "").replace(CONTROLS, " ")) > this.#limits.lines) {
      return this.#garbage("too many lines");
    }
    if (match[2] === "-") return undefined;
    const reply = toReply(code, this.#lines);
    this.#reset();
    return { kind: "reply", reply };
  }

  #garbage(reason: string): PeerReply {
    this.#reset();
    return { kind: "garbage", reason };
  }

  #reset(): void {
    this.#lines = [];
    this.#octets = 0;
  }
}

/** Reads one reply. Make the reader with `{ bareLf: "allow" }` to bear with servers that end lines by LF. */
export async function readReply(reader: WireReader, limits: ReplyLimits = REPLY_LIMITS): Promise<PeerReply> {
  const parser = new ReplyParser(limits);
  for (;;) {
    const got = parser.take(reader.takeLine(limits.line) ?? await reader.line(limits.line));
    if (got !== undefined) return got;
  }
}

/** Takes the enhanced status off the texts when every line begins with the same, fitting one (RFC 2034 §4). */
function toReply(code: number, lines: readonly string[]): Reply {
  const enhanced = STATUS.exec(lines[0]!)?.[1];
  const strip = enhanced !== undefined && isStatus(enhanced, code) &&
    lines.every((line) => line === enhanced || line.startsWith(`${enhanced} `));
  const texts = strip ? lines.map((line) => line.slice(enhanced.length + 1)) : lines;
  const text = texts.length === 1 ? texts[0]! : texts;
  return strip ? { code, enhanced, text } : { code, text };
}
