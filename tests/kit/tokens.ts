/**
 * A next hop that keeps count: a small SMTP server of our own that notes the token of each message for each recipient it took.
 *
 * A token is the value of the header field `X-Token`. Contents flow: neither a message of a gigabyte nor a slow reply costs memory. What
 * follows the header is hashed when asked to. `refuse` and `dotMs` may be changed while it runs.
 */
import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import net from "node:net";
import { latin1Decode } from "../../src/base/bytes.ts";

/** One message as it was taken. */
export interface Taken {
  readonly token: string;
  readonly sender: string;
  /** Those that were not refused. */
  readonly recipients: readonly string[];
  /** As it came, latin-1, with the empty line. */
  readonly header: string;
  /** Octets behind the header. */
  readonly size: number;
  /** SHA-256 of those octets in hexadecimal; "" unless asked for. */
  readonly sha256: string;
  /** `performance.now()` when 250 was said. */
  readonly at: number;
}

export interface SinkOptions {
  readonly hash?: boolean;
  /** Stops reading for so many milliseconds after each piece of content. */
  readonly paceMs?: number;
  /** Octets that one connection holds back from the sender; small values make backpressure come early. */
  readonly highWaterMark?: number;
}

export class TokenSink implements AsyncDisposable {
  readonly port: number;
  readonly taken: Taken[] = [];
  /** Recipients that get 450. */
  refuse: (recipient: string) => boolean = () => false;
  /** Milliseconds between the dot and its 250. */
  dotMs = 0;
  refused = 0;
  connections = 0;
  readonly #server: net.Server;
  readonly #sockets: Set<net.Socket>;

  private constructor(server: net.Server, sockets: Set<net.Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as net.AddressInfo).port;
  }

  static async start(options: SinkOptions = {}): Promise<TokenSink> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      sink.connections++;
      socket.setNoDelay(true);
      const session = new SinkSession(sink, socket, options);
      socket.on("data", (bytes: Uint8Array) => session.feed(bytes));
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        session.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const sink = new TokenSink(server, sockets);
    return sink;
  }

  /** `token recipient` → when it was taken, each time. */
  deliveries(): Map<string, number[]> {
    const all = new Map<string, number[]>();
    for (const { token, recipients, at } of this.taken) {
      for (const recipient of recipients) {
        const key = `${token} ${recipient}`;
        const times = all.get(key);
        if (times === undefined) all.set(key, [at]);
        else times.push(at);
      }
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const CR = 13, LF = 10;

class SinkSession {
  readonly #sink: TokenSink;
  readonly #socket: net.Socket;
  readonly #options: SinkOptions;
  #held = Buffer.alloc(0);
  #sender = "";
  #recipients: string[] = [];
  #content: Content | undefined;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #busy = false;

  constructor(sink: TokenSink, socket: net.Socket, options: SinkOptions) {
    this.#sink = sink;
    this.#socket = socket;
    this.#options = options;
    this.#say("220 sink.test ESMTP");
  }

  feed(bytes: Uint8Array): void {
    this.#held = this.#held.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
    this.#work();
    const { paceMs } = this.#options;
    if (paceMs !== undefined && this.#content !== undefined) {
      this.#socket.pause();
      this.#later(paceMs, () => this.#socket.resume());
    }
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #work(): void {
    while (!this.#busy && (this.#content === undefined ? this.#command() : this.#data(this.#content)));
  }

  #say(...lines: string[]): void {
    if (!this.#socket.destroyed) this.#socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  #command(): boolean {
    const end = this.#held.indexOf("\r\n");
    if (end < 0) return false;
    const line = latin1Decode(this.#held.subarray(0, end));
    this.#held = this.#held.subarray(end + 2);
    const path = /<([^>]*)>/.exec(line)?.[1] ?? "";
    switch (line.slice(0, 4).toUpperCase()) {
      case "EHLO":
        this.#say("250-sink.test", "250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8", "250 SIZE 0");
        break;
      case "MAIL":
        this.#sender = path;
        this.#recipients = [];
        this.#say("250 sender");
        break;
      case "RCPT":
        if (this.#sink.refuse(path)) {
          this.#sink.refused++;
          this.#say("450 4.2.1 not now");
        } else {
          this.#recipients.push(path);
          this.#say("250 recipient");
        }
        break;
      case "DATA":
        if (this.#recipients.length === 0) this.#say("503 nobody");
        else {
          this.#say("354 go on");
          this.#content = new Content(this.#options.hash === true);
          // So that a dot in the first line stands behind a line end like any other.
          this.#held = Buffer.concat([Buffer.from("\r\n"), this.#held]);
        }
        break;
      case "QUIT":
        this.#say("221 bye");
        this.#socket.end();
        break;
      default:
        this.#say("250 fine");
    }
    return true;
  }

  /** RFC 5321 §4.5.2; false when more octets are wanted. */
  #data(content: Content): boolean {
    const held = this.#held;
    for (let from = 0;;) {
      const at = held.indexOf("\r\n.", from);
      if (at < 0 || at + 5 > held.length) {
        const keep = at < 0 ? Math.max(from, held.length - 2) : at;
        content.take(held.subarray(from, keep));
        this.#held = held.subarray(keep);
        return false;
      }
      content.take(held.subarray(from, at + 2));
      if (held[at + 3] === CR && held[at + 4] === LF) {
        this.#held = held.subarray(at + 5);
        this.#content = undefined;
        this.#dot(content);
        return true;
      }
      from = at + 3;
    }
  }

  #dot(content: Content): void {
    const done = () => {
      this.#sink.taken.push({
        ...content.facts(),
        sender: this.#sender,
        recipients: this.#recipients,
        at: performance.now(),
      });
      this.#say("250 taken");
    };
    if (this.#sink.dotMs === 0) return done();
    this.#busy = true;
    this.#later(this.#sink.dotMs, () => {
      this.#busy = false;
      if (this.#socket.destroyed) return;
      done();
      this.#work();
    });
  }
}

/** Takes what comes in pieces of any size: the header is kept, the rest counted and hashed. */
class Content {
  readonly #hash: Hash | undefined;
  #head: Buffer | undefined = Buffer.alloc(0);
  #header = "";
  #size = -2; // the line end that stands in front of the first line

  constructor(hash: boolean) {
    this.#hash = hash ? createHash("sha256") : undefined;
  }

  take(piece: Buffer): void {
    if (piece.length === 0) return;
    if (this.#head === undefined) return this.#body(piece);
    this.#head = Buffer.concat([this.#head, piece]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const rest = this.#head.subarray(end + 4);
    this.#header = latin1Decode(this.#head.subarray(2, end + 4));
    this.#size = 0;
    this.#head = undefined;
    this.#body(rest);
  }

  facts(): Pick<Taken, "token" | "header" | "size" | "sha256"> {
    if (this.#head !== undefined) this.#header = latin1Decode(this.#head.subarray(2));
    const token = /^X-Token: (\S+)/im.exec(this.#header)?.[1] ?? "";
    const size = Math.max(0, this.#size);
    return { token, header: this.#header, size, sha256: this.#hash?.digest("hex") ?? "" };
  }

  #body(piece: Buffer): void {
    this.#size += piece.length;
    this.#hash?.update(piece);
  }
}
