/**
 * `transaction.message_stream`: the message as it stands, for a Node stream or in one piece (spec 01 §9.1).
 *
 * Our messages are not dot-stuffed: `dot_stuffed: true` (the default) hands them out as they are, `false` as they go over the wire.
 */
import { type Bytes, concat, latin1Decode, latin1Encode } from "../../base/bytes.ts";
import type { CommonJs, NodeReadable } from "../../host/types.ts";
import type { Message } from "../../mail/message.ts";

export interface StreamOptions {
  readonly line_endings?: string;
  readonly dot_stuffed?: boolean;
  /** The older name, the other way round. */
  readonly dot_stuffing?: boolean;
  readonly ending_dot?: boolean;
  readonly end?: boolean;
  /** Each piece behind its length, four octets; zero at the end. */
  readonly clamd_style?: boolean;
  readonly skip_headers?: boolean;
}

export class MessageStreamFace {
  readonly #message: () => Message | undefined;
  readonly #commonJs: CommonJs;
  #open: NodeReadable | undefined;

  constructor(message: () => Message | undefined, commonJs: CommonJs) {
    this.#message = message;
    this.#commonJs = commonJs;
  }

  pipe<T>(into: T, options: StreamOptions = {}): T {
    if (this.#open !== undefined) throw new Error("Cannot pipe while currently piping");
    const open = this.#open = this.#commonJs.readable(ReadableStream.from(this.#pieces(options)));
    const done = () => this.#open = undefined;
    open.once("close", done);
    open.once("error", (fault) => (into as { emit?(name: string, fault: unknown): void }).emit?.("error", fault));
    return open.pipe(into, { end: options.end ?? true });
  }
  unpipe(): void {
    this.#open?.destroy();
  }
  /** `get_data(callback)` or `get_data(options, callback)`: a Buffer of all of it. */
  get_data(first: StreamOptions | ((data: Uint8Array) => void), second?: (data: Uint8Array) => void): void {
    const [options, done] = typeof first === "function" ? [{}, first] : [first, second!];
    void (async () => {
      const pieces: Bytes[] = [];
      for await (const piece of this.#pieces(options)) pieces.push(piece);
      return this.#commonJs.buffer(concat(pieces));
    })().then(done);
  }
  pause(): void {}
  resume(): void {}
  destroy(): void {
    this.unpipe();
  }

  async *#pieces(options: StreamOptions): AsyncGenerator<Bytes> {
    const message = this.#message();
    if (message === undefined) throw new Error("The message has not come yet; wanted at data_post or later");
    const stuff = options.dot_stuffed === false || options.dot_stuffing === true;
    const unix = options.line_endings === "\n";
    let atStart = true;
    let inHeader = options.skip_headers ?? false;
    let held = "";
    const out = (text: string): Bytes => {
      const bytes = latin1Encode(unix ? text.replaceAll("\r\n", "\n") : text);
      return options.clamd_style ? concat([lengthOf(bytes), bytes]) : bytes;
    };
    for await (const chunk of message.open()) {
      let text = held + latin1Decode(chunk);
      held = "";
      if (inHeader) {
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) {
          held = text.slice(-3);
          continue;
        }
        text = text.slice(end + 4);
        inHeader = false;
      }
      // A CR may have its LF in the next chunk.
      if (text.endsWith("\r")) {
        held = "\r";
        text = text.slice(0, -1);
      }
      if (text === "") continue;
      const stuffed = stuff
        ? text.replace(/(^|\n)\./g, (all, before) => before === "" && !atStart ? all : `${before}..`)
        : text;
      atStart = text.endsWith("\n");
      yield out(stuffed);
    }
    if (held !== "" && !inHeader) yield out(held);
    if (options.ending_dot) yield out(".\r\n");
    if (options.clamd_style) yield new Uint8Array(4);
  }
}

function lengthOf(bytes: Bytes): Bytes {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return length;
}
