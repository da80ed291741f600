/**
 * An SMTP client over a real socket that says exactly what it is told: for tests of what a server answers, and of what it must not.
 *
 * `await using client = await SmtpClient.connect(port)`. Replies come one by one, lines joined by LF; undefined once the server has hung up.
 * Nothing rejects because the other side has gone: what it said before is still there to be read.
 */
import net from "node:net";
import tls from "node:tls";
import { latin1Decode, utf8Encode } from "../../src/base/bytes.ts";

export interface ConnectOptions {
  readonly host?: string;
  /** Source address. */
  readonly localAddress?: string;
  /** TLS from the first octet. No certificate is checked. */
  readonly tls?: tls.ConnectionOptions;
}

export class SmtpClient implements AsyncDisposable {
  #socket: net.Socket;
  #held = "";
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Rejects when nobody listens or the handshake fails. */
  static async connect(port: number, options: ConnectOptions = {}): Promise<SmtpClient> {
    const { host = "127.0.0.1", localAddress } = options;
    const raw = net.connect({ port, host, allowHalfOpen: true, ...(localAddress && { localAddress }) });
    await once(raw, "connect");
    raw.setNoDelay(true);
    return new SmtpClient(options.tls === undefined ? raw : await secure(raw, options.tls));
  }

  /** Where the client itself sits, and what TLS was agreed on. */
  get socket(): net.Socket | tls.TLSSocket {
    return this.#socket;
  }

  /** Text as UTF-8, or octets, as they are. Resolves when they have left. */
  write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? utf8Encode(data) : data;
    return new Promise((resolve) => {
      if (this.#socket.destroyed || !this.#socket.writable) return resolve();
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** One whole reply; undefined at the end. Rejects after `ms`. */
  async reply(ms = 20_000): Promise<string | undefined> {
    let late: ReturnType<typeof setTimeout> | undefined;
    const expired = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`No reply within ${ms} ms; so far: ${JSON.stringify(this.#held)}`)), ms);
    });
    try {
      return await Promise.race([this.#next(), expired]);
    } finally {
      clearTimeout(late);
    }
  }

  async #next(): Promise<string | undefined> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.#held);
      if (match) {
        this.#held = this.#held.slice(match[0].length);
        return match[0].slice(0, -2).replaceAll("\r\n", "\n");
      }
      if (this.#ended) {
        const rest = this.#held;
        this.#held = "";
        return rest === "" ? undefined : rest;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Sends a line and reads one reply. */
  async say(line: string): Promise<string> {
    await this.write(`${line}\r\n`);
    return await this.reply() ?? "";
  }

  /** All replies until the server hangs up. */
  async rest(): Promise<string[]> {
    const replies: string[] = [];
    for (let reply = await this.reply(); reply !== undefined; reply = await this.reply()) replies.push(reply);
    return replies;
  }

  /** Greeting, EHLO, and all of one mail; resolves to the reply to its content. The connection stays open for another. */
  async mail(sender: string, recipients: readonly string[], content: string | Uint8Array): Promise<string> {
    const before = [`MAIL FROM:<${sender}>`, ...recipients.map((each) => `RCPT TO:<${each}>`), "DATA"];
    for (const line of before) {
      const reply = await this.say(line);
      if (!/^[23]/.test(reply)) return reply;
    }
    await this.write(content);
    await this.write(".\r\n");
    return await this.reply() ?? "";
  }

  /** Greeting and EHLO; resolves to the reply to EHLO. */
  async hello(name = "client.test"): Promise<string> {
    await this.reply();
    return await this.say(`EHLO ${name}`);
  }

  /** STARTTLS and its handshake; resolves to the server's reply. No certificate is checked. */
  async startTls(options: tls.ConnectionOptions = {}): Promise<string> {
    const reply = await this.say("STARTTLS");
    if (reply.startsWith("220")) await this.upgrade(options);
    return reply;
  }

  /** The handshake alone, after a 220 that was read already. Rejects when it fails. */
  async upgrade(options: tls.ConnectionOptions = {}): Promise<void> {
    const raw = this.#socket;
    for (const event of ["data", "end", "close", "error"]) raw.removeAllListeners(event);
    this.#socket = await secure(raw, options);
    this.#listen(this.#socket);
  }

  /** Ends our direction. */
  end(): void {
    if (!this.#socket.destroyed) this.#socket.end();
  }

  /** Leaves without a word; resolves when the descriptor is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const gone = this.#socket.closed ? undefined : new Promise((resolve) => this.#socket.once("close", resolve));
    this.#socket.destroy();
    await gone;
  }

  #listen(socket: net.Socket): void {
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("data", (bytes: Uint8Array) => {
      this.#held += latin1Decode(bytes);
      this.#wake();
    });
    for (const event of ["end", "close", "error"]) socket.on(event, end);
  }
}

async function secure(raw: net.Socket, options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const socket = tls.connect({ socket: raw, rejectUnauthorized: false, ...options });
  try {
    await once(socket, "secureConnect");
  } catch (cause) {
    socket.destroy();
    raw.destroy();
    throw cause;
  }
  return socket;
}

/** Like `events.once`, but an end before the event is a failure too. */
function once(socket: net.Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      for (const [name, listener] of listeners) socket.off(name, listener);
      act();
    };
    const listeners: [string, (...args: any[]) => void][] = [
      [event, settle(resolve)],
      ["error", (cause: Error) => settle(() => reject(cause))()],
      ["close", settle(() => reject(new Error(`The server hung up before ${event}`)))],
    ];
    for (const [name, listener] of listeners) socket.on(name, listener);
    socket.on("error", () => {}); // one that comes later is an end, and heard as such
  });
}
