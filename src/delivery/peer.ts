/**
 * The peer: one connection as replies that come and octets that go, under one deadline.
 *
 * What breaks (silence, a reset, something that is no reply) comes out of `next()` and `flush()` as a {@linkcode PeerFault}. After a
 * fault the connection is closed, but for a write that failed: a peer that closes has often said why, and that is read first.
 * `send()` does not wait: its failure is seen by the read that follows.
 */
import { type Bytes, concat, shortLived, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { octetsOf } from "../base/octets.ts";
import type { Clock } from "../base/clock.ts";
import type { ClientUpgrade, Conn, Machine, TlsInfo } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import { createReader } from "../wire/reader.ts";
import type { Line, WireReader } from "../wire/wire_reader.ts";
import type { Reply } from "../wire/reply.ts";
import { REPLY_LIMITS, ReplyParser } from "../wire/reply_reader.ts";
import { createWriter, type Writer } from "../wire/writer.ts";
import { type Finding, PeerFault } from "./finding.ts";
import { reasonOf, safeText } from "./safe_text.ts";
import { handshakeResult } from "./tls_result.ts";
import type { Watch, Watched } from "./watch.ts";

const SPACE = 0x20;
/** How long a peer that takes nothing more is listened to. */
const LAST_WORDS_MS = 1_000;
/** Some servers end their lines by LF alone. */
const READER = { bareLf: "allow" } as const;

export class Peer implements Watched {
  deadline = Infinity;
  /** Called instead of failing when the deadline ends an idle wait; see {@linkcode Peer.idle}. */
  onIdle: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #watch: Watch;
  #log: Logger;
  #chatty: boolean;
  #conn: Conn;
  #reader: WireReader;
  #writer: Writer;
  #fault: Finding | undefined;
  /** A write failed. */
  #cut: Finding | undefined;
  #closed = false;
  #stuck: ((reason: PeerFault) => void) | undefined;
  /** Writes under way; one that failed is under way for ever. */
  #going = 0;
  readonly #parser = new ReplyParser();
  /** Inside a reply of several lines. */
  #within = false;
  #unparsed: Line | undefined;
  #reply: Reply | undefined;

  constructor(conn: Conn, clock: Clock, watch: Watch, log: Logger) {
    this.#conn = conn;
    this.#clock = clock;
    this.#watch = watch;
    this.#log = log;
    this.#chatty = log.enabled("PROTOCOL");
    const octets = octetsOf(conn);
    this.#reader = createReader(octets ?? conn.readable, READER);
    this.#writer = createWriter(octets ?? conn.writable);
    conn.setNoDelay?.(true);
    watch.add(this);
  }

  /** What is said from now on concerns another mail, and is logged under its id. */
  logTo(log: Logger): void {
    this.#log = log;
    this.#chatty = log.enabled("PROTOCOL");
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The peer takes nothing more; what it said before it left may still be read. */
  get cut(): boolean {
    return this.#cut !== undefined;
  }

  /** The peer has said more than it was asked for. */
  get ahead(): boolean {
    return this.#reader.buffered > 0;
  }

  /** All that was written has been taken over: nobody looks at its octets any more. A peer's answer alone does not say so. */
  get sent(): boolean {
    return this.#going === 0;
  }

  /** Everything that is to come must be there within `ms` milliseconds. */
  allow(ms: number): void {
    this.deadline = this.#watch.within(this.#cut === undefined ? ms : Math.min(ms, LAST_WORDS_MS));
  }

  expire(): void {
    if (this.onIdle !== undefined) return this.onIdle();
    this.fail(this.#cut ?? { kind: "silence" });
  }

  /** Writes commands, and octets behind them. Does not wait. `shown` is what the log gets to see. */
  send(text: string, shown: string = text, octets?: Bytes): void {
    if (this.#chatty) this.#log.protocol(`C: ${safeText(shown.trimEnd().replaceAll("\r\n", " / "))}`);
    this.write(octets === undefined ? shortLived(text) : concat([utf8Encode(text), octets]));
  }

  /** Writes octets. Does not wait. */
  write(bytes: Uint8Array): void {
    this.#going++;
    this.#writer.write(bytes).then(this.#gone, this.#onNotTaken);
  }

  /** Writes octets and waits until the connection takes more. After a rejection there may be a reply to read. */
  flush(bytes: Uint8Array): Promise<void> {
    if (this.#fault !== undefined) return Promise.reject(new PeerFault(this.#fault));
    // A write that is stuck may outlive the connection's closing: a fault must reach the one who waits.
    return new Promise((resolve, reject) => {
      this.#stuck = reject;
      this.#writer.write(bytes).then(
        resolve,
        (error) => reject(this.#notTaken(error)),
      );
    });
  }

  /** The code of the next reply. */
  async next(): Promise<number> {
    for (;;) {
      const code = this.take();
      if (code !== 0) return code;
      let line: Line;
      try {
        line = await this.#reader.line(REPLY_LIMITS.line);
      } catch (error) {
        throw this.#failed({ kind: "lost", detail: reasonOf(error) });
      }
      const read = this.#read(line);
      if (read !== 0) return read;
    }
  }

  /** The code of the next reply if all of it is at hand, else 0. Throws as `next()` does. */
  take(): number {
    if (this.#fault !== undefined) throw new PeerFault(this.#fault);
    for (;;) {
      let line: Line | undefined;
      try {
        line = this.#reader.takeLine(REPLY_LIMITS.line);
      } catch (error) { // it broke while nobody read, as when it was idle
        throw this.#failed({ kind: "lost", detail: reasonOf(error) });
      }
      if (line === undefined) return 0;
      const code = this.#read(line);
      if (code !== 0) return code;
    }
  }

  /** The reply whose code was read last. Ask before the next one is read. */
  reply(): Reply {
    if (this.#unparsed !== undefined) this.#parse(this.#unparsed);
    return this.#reply!;
  }

  /** The client's side of TLS. What the peer sent behind its 220 is injected, and ends the connection. */
  async secure(machine: Machine, options: ClientUpgrade): Promise<TlsInfo> {
    const early = this.#reader.release();
    this.#writer.releaseLock();
    if (early.length > 0) {
      const detail = "octets behind the reply to STARTTLS";
      throw this.#failed({ kind: "tls-broken", result: "validation-failure", detail });
    }
    this.deadline = Infinity; // the upgrade keeps its own time
    try {
      const conn = await machine.secureClient(this.#conn, options);
      this.#conn = conn;
      const octets = octetsOf(conn);
      this.#reader = createReader(octets ?? conn.readable, READER);
      this.#writer = createWriter(octets ?? conn.writable);
      if (this.#closed) conn.close();
      return conn.tls;
    } catch (error) {
      throw this.#failed({
        kind: options.verify === "required" ? "tls-unverified" : "tls-broken",
        result: handshakeResult(error),
        detail: reasonOf(error),
      });
    }
  }

  /** Closes at once; a pending read gives `finding`. The first finding stands. */
  fail(finding: Finding): void {
    this.#fault ??= finding;
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#fault ??= { kind: "lost", detail: "closed" };
    this.#watch.delete(this);
    const fault = new PeerFault(this.#fault);
    this.#reader.cancel(fault);
    this.#stuck?.(fault);
    try {
      this.#conn.close();
    } catch {
      // It was closed by the other side, which is what we wanted.
    }
  }

  /**
   * Nothing is asked of the peer until `over` is called: at the deadline, or when the peer speaks or leaves all the same (what it
   * says now would be taken for the answer to the next command). Setting `onIdle` to undefined ends the wait.
   */
  idle(over: () => void): void {
    this.onIdle = over;
    this.#reader.watch().then(() => {
      if (this.onIdle === over) over();
    });
  }

  /** Closes because we no longer trust what the peer says; the fault to throw. */
  broken(detail: string): PeerFault {
    return this.#failed({ kind: "lost", detail });
  }

  readonly #gone = (): void => void this.#going--;
  readonly #onNotTaken = (error: unknown): void => void this.#notTaken(error);

  #notTaken(error: unknown): PeerFault {
    if (this.#cut === undefined) {
      this.#cut = { kind: "lost", detail: reasonOf(error) };
      this.deadline = Math.min(this.deadline, this.#clock.monotonic() + LAST_WORDS_MS);
    }
    return new PeerFault(this.#fault ?? this.#cut);
  }

  #failed(finding: Finding): PeerFault {
    this.fail(finding);
    return new PeerFault(this.#fault!);
  }

  /** One line of a reply: its code when it is the last one, 0 when more lines follow. */
  #read(line: Line): number {
    if (this.#chatty && line.kind === "line") this.#log.protocol(`S: ${safeText(utf8Decode(line.bytes))}`);
    if (!this.#within && line.kind === "line") {
      const code = plainCode(line.bytes);
      if (code !== 0) {
        this.#unparsed = line; // few ask for the text of a good reply
        return code;
      }
    }
    return this.#parse(line);
  }

  #parse(line: Line): number {
    this.#unparsed = undefined;
    const got = this.#parser.take(line);
    this.#within = got === undefined;
    if (got === undefined) return 0;
    if (got.kind === "end") throw this.#failed({ kind: "lost", detail: "closed by the peer" });
    if (got.kind === "garbage") {
      const said = line.kind === "line" ? ` (${safeText(utf8Decode(line.bytes), 128)})` : "";
      throw this.#failed({ kind: "garbage", text: got.reason + said });
    }
    this.#reply = got.reply;
    return got.reply.code;
  }
}

/** The code of a whole reply in one line that carries on (2xx, 3xx); 0 for everything else. */
function plainCode(bytes: Bytes): number {
  if (bytes.length < 4 || bytes[3] !== SPACE) return 0;
  const [a, b, c] = [bytes[0]! - 48, bytes[1]! - 48, bytes[2]! - 48];
  return (a === 2 || a === 3) && b >= 0 && b <= 9 && c >= 0 && c <= 9 ? 100 * a + 10 * b + c : 0;
}
