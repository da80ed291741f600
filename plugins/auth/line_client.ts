/**
 * A client of a server that talks in lines (SMTP, IMAP, vpopmaild, Dovecot), for plugins that ask one.
 *
 * Everything from opening on shares one time; what breaks, is late or goes on without end rejects, and the connection is closed.
 */
import { deadline, type Machine, utf8Decode, utf8Encode } from "kasi";

export interface LineClientOptions {
  /** Milliseconds for the whole talk. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}
export type Where = { readonly hostname: string; readonly port: number } | { readonly path: string };

/** A longer line is nothing that these protocols say. */
const LONGEST_LINE = 64 * 1024;

type Conn = Awaited<ReturnType<Machine["dial"]>>;

/** Opens a connection, talks, and closes it, whatever comes of it. */
export async function talkTo<T>(
  machine: Machine,
  to: Where,
  { timeoutMs, signal }: LineClientOptions,
  talk: (client: LineClient) => Promise<T>,
): Promise<T> {
  const name = "path" in to ? to.path : `${to.hostname}:${to.port}`;
  const limit = deadline(machine.clock, timeoutMs, `The talk with ${name}`, signal);
  let client: LineClient | undefined;
  const onAbort = () => client?.close();
  try {
    limit.signal.throwIfAborted();
    client = new LineClient(machine, await machine.dial({ to, timeoutMs, signal: limit.signal }), limit.signal);
    limit.signal.addEventListener("abort", onAbort, { once: true });
    return await talk(client);
  } catch (cause) {
    limit.signal.throwIfAborted(); // the deadline says it better than what it broke
    throw cause;
  } finally {
    limit.signal.removeEventListener("abort", onAbort);
    limit.end();
    client?.close();
  }
}

export class LineClient {
  readonly #machine: Machine;
  readonly #signal: AbortSignal;
  #conn: Conn;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #held = new Uint8Array(0);
  #closed = false;

  constructor(machine: Machine, conn: Conn, signal: AbortSignal) {
    this.#machine = machine;
    this.#signal = signal;
    this.#conn = conn;
    this.#reader = conn.readable.getReader();
    this.#writer = conn.writable.getWriter();
  }

  /** The next line without its end (LF, with or without CR). Rejects when there is none. */
  async line(): Promise<string> {
    for (let searched = 0;;) {
      const end = this.#held.indexOf(10, searched);
      if (end >= 0) {
        const line = utf8Decode(this.#held.slice(0, end));
        this.#held = this.#held.slice(end + 1);
        return line.endsWith("\r") ? line.slice(0, -1) : line;
      }
      searched = this.#held.length;
      if (searched > LONGEST_LINE) throw new Error("the server sends a line without end");
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("the server hung up");
      const more = new Uint8Array(this.#held.length + value.length);
      more.set(this.#held);
      more.set(value, this.#held.length);
      this.#held = more;
    }
  }

  /** Writes a line with CRLF behind it. Throws RangeError for text that would be two. */
  async say(line: string): Promise<void> {
    if (/[\r\n\0]/.test(line)) throw new RangeError("Cannot send a line that holds a line end");
    await this.write(utf8Encode(`${line}\r\n`));
  }

  write(octets: Uint8Array): Promise<void> {
    return this.#writer.write(octets);
  }

  /** TLS from here on, behind STARTTLS or from the first octet. */
  async secure(servername: string, verify: "required" | "opportunistic", ca?: readonly string[]): Promise<void> {
    if (this.#held.length > 0) throw new Error("the server sent more than its go-ahead in clear");
    this.#reader.releaseLock();
    this.#writer.releaseLock();
    this.#conn = await this.#machine.secureClient(this.#conn, {
      servername,
      verify,
      handshakeTimeoutMs: 30_000,
      signal: this.#signal,
      ...(ca === undefined ? {} : { ca }),
    });
    this.#reader = this.#conn.readable.getReader();
    this.#writer = this.#conn.writable.getWriter();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.abort().catch(() => {});
    this.#reader.cancel().catch(() => {});
    try {
      this.#conn.close();
    } catch { /* the other side was faster */ }
  }
}
