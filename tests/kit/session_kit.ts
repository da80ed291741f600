/**
 * A session in memory: its streams, its hooks, its settings as literals, and what became of its mail.
 *
 *     const kit = sessionKit({ hooks: { rcpt: () => ok() } });
 *     kit.client.write("EHLO me\r\n");
 *     await kit.over;
 */
import { type Bytes, concat, latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import type { Envelope } from "../../src/hooks/outbound.ts";
import { ok } from "../../src/hooks/verdict.ts";
import type { HookTable } from "../../src/hooks/plugin.ts";
import type { Transaction } from "../../src/hooks/session.ts";
import type { Addr, TlsInfo } from "../../src/host/types.ts";
import type { Message, Source } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import type {
  BodyFile,
  ExtensionSettings,
  SessionContext,
  SessionLimits,
  SessionSettings,
} from "../../src/session/context.ts";
import { runSession } from "../../src/session/session.ts";
import { FakeClock, settled } from "./fake_clock.ts";
import { connectionPair, type MemoryConn } from "./memory_net.ts";
import { type MemoryLog, memoryLog } from "./memory_log.ts";
import { zone } from "./zone.ts";

export const LIMITS: SessionLimits = {
  lineLength: 512,
  dataBytes: 100_000,
  dataLineLength: 992,
  mimeParts: 1000,
  receivedHeaders: 100,
  headerLines: 1000,
  errors: 0,
  authFailures: 0,
  recipients: 0,
  messages: 0,
  recipientDomains: 0,
};

/** As shipped. */
export const EXTENSIONS: ExtensionSettings = {
  dsn: true,
  requireTls: true,
  binaryMime: true,
  priority: true,
  deliverBy: true,
  deliverByMin: 0,
  futureRelease: 0,
  limits: true,
};

export const SETTINGS: SessionSettings = {
  idempotencyHeader: "",
  me: "mx.test",
  product: "Kasi/1.2.3",
  limits: LIMITS,
  inactivityTimeoutMs: 300_000,
  greeting: [],
  helo: "Kasi is at your service.",
  close: "closing connection. Have a jolly good day.",
  bannerChars: 0,
  denyChars: 0,
  strictRfc1869: false,
  smtpUtf8: true,
  addReceived: false,
  cleanAuthResults: true,
  haproxyHosts: [],
  bareLf: "refuse",
  longLines: "keep",
  spoolAfter: 1024 * 1024,
  submissionPorts: [587, 465],
  extensions: EXTENSIONS,
};

export const FAKE_TLS: TlsInfo = {
  protocol: "TLSv1.3",
  cipher: { name: "TLS_AES_256_GCM_SHA384", standardName: "TLS_AES_256_GCM_SHA384" },
  servername: "",
  authorized: false,
  authorizationError: "",
  peerCertificate: null,
};

/** One mail that a queue took: the plugin's at `queue`, or the outbound one. */
export interface Taken {
  readonly by: "queue" | "outbound";
  readonly envelope: Pick<Envelope, "id" | "sender" | "recipients" | "smtpUtf8" | "wanted">;
  /** As it left, edits included, latin-1. */
  readonly text: string;
}

export interface KitOptions {
  readonly hooks?: HookTable;
  /** Behind all plugins one more: every recipient is welcome, and every mail kept in `taken`. */
  readonly keep?: boolean;
  /** Several plugins, in this order. */
  readonly plugins?: readonly { readonly name: string; readonly hooks: HookTable; readonly timeoutMs?: number }[];
  readonly settings?: Partial<Omit<SessionSettings, "limits" | "extensions">>;
  readonly extensions?: Partial<ExtensionSettings>;
  readonly limits?: Partial<SessionLimits>;
  readonly remote?: Addr;
  readonly local?: Addr;
  readonly resolver?: SessionContext["resolver"];
  readonly tls?: TlsInfo;
  /** Certificates are loaded; `failing`: but every handshake fails. */
  readonly canUpgrade?: boolean | "failing";
  readonly onFault?: "defer" | "continue";
  /** Added to what the kit keeps. A rejection is a queue that cannot. */
  readonly enqueue?: (
    ...given: Parameters<SessionContext["enqueue"]>
  ) => Promise<Awaited<ReturnType<SessionContext["enqueue"]>> | void>;
  readonly delivered?: NonNullable<SessionContext["delivered"]>;
  readonly spool?: SessionContext["spool"];
  readonly authFailures?: SessionContext["authFailures"];
  readonly secret?: SessionContext["secret"];
  readonly brokenTls?: SessionContext["brokenTls"];
  /** At most so many octets come with one read. */
  readonly chunk?: number;
  readonly clock?: FakeClock;
}

export interface SessionKit {
  readonly client: TalkClient;
  readonly clock: FakeClock;
  readonly log: MemoryLog;
  readonly taken: Taken[];
  readonly stop: AbortController;
  /** Files of large bodies that were begun and not let go. */
  readonly spools: MemoryBody[];
  /** Resolves when the session is over. */
  readonly over: Promise<void>;
}

export function sessionKit(options: KitOptions = {}): SessionKit {
  const clock = options.clock ?? new FakeClock();
  const log = memoryLog("DATA", () => clock.now());
  const hooks = new HookRunner({ clock, log: log.log, ...(options.onFault ? { onFault: options.onFault } : {}) });
  for (const plugin of options.plugins ?? []) hooks.add(plugin, plugin.hooks);
  if (options.hooks !== undefined) hooks.add({ name: "test" }, options.hooks);
  const [near, far] = connectionPair(options.chunk === undefined ? {} : { chunk: options.chunk });
  const taken: Taken[] = [];
  const spools: MemoryBody[] = [];
  const stop = new AbortController();
  if (options.keep) {
    hooks.add({ name: "keeper" }, {
      rcpt: { priority: 100, run: () => ok() },
      queue: {
        priority: 100,
        async run({ transaction, message }) {
          taken.push({ by: "queue", envelope: envelopeOf(transaction), text: await textOf(message) });
          return ok();
        },
      },
    });
  }
  const context: SessionContext = {
    local: options.local ?? { transport: "tcp", hostname: "198.51.100.1", port: 25 },
    remote: options.remote ?? { transport: "tcp", hostname: "192.0.2.100", port: 41_000 },
    hooks,
    log: log.log,
    clock,
    resolver: options.resolver ?? zone({ "100.2.0.192.in-addr.arpa": { PTR: ["client.test"] } }),
    settings: {
      ...SETTINGS,
      ...options.settings,
      limits: { ...LIMITS, ...options.limits },
      extensions: { ...EXTENSIONS, ...options.extensions },
    },
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.canUpgrade
      ? { upgrade: (reply: Bytes) => fakeUpgrade(far, reply, options.canUpgrade === "failing") }
      : {}),
    ...(options.delivered === undefined ? {} : { delivered: options.delivered }),
    async enqueue(envelope, message) {
      const told = await options.enqueue?.(envelope, message);
      taken.push({ by: "outbound", envelope, text: await textOf(message) });
      return told ?? { id: envelope.id, repeated: false };
    },
    spool: options.spool ?? (() => {
      const body = new MemoryBody();
      spools.push(body);
      return body;
    }),
    closeWrite: () => far.closeWrite(),
    ...(options.authFailures === undefined ? {} : { authFailures: options.authFailures }),
    ...(options.brokenTls === undefined ? {} : { brokenTls: options.brokenTls }),
    ...(options.secret === undefined ? {} : { secret: options.secret }),
    signal: stop.signal,
  };
  const over = runSession(far.readable, far.writable, context).then(() => close(far));
  return { client: new TalkClient(near), clock, log, taken, stop, spools, over };
}

/** Reads a message as it stands. */
export async function textOf(message: Message): Promise<string> {
  const parts: Bytes[] = [];
  const reader = message.open().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
  return latin1Decode(concat(parts));
}

function envelopeOf({ id, sender, recipients, smtpUtf8, wanted }: Transaction): Taken["envelope"] {
  return { id, sender, recipients: [...recipients], smtpUtf8, wanted };
}

async function fakeUpgrade(conn: MemoryConn, reply: Bytes, fails: boolean) {
  const writer = conn.writable.getWriter();
  await writer.write(reply);
  writer.releaseLock();
  if (fails) {
    conn.close();
    throw new Error("that was no ClientHello");
  }
  return { readable: conn.readable, writable: conn.writable, tls: FAKE_TLS };
}

function close(conn: MemoryConn): void {
  if (!conn.closed) conn.close();
}

/** A body file in memory that remembers how it was used. */
export class MemoryBody implements BodyFile {
  readonly writes: number[] = [];
  readonly #parts: Bytes[] = [];
  discarded = false;
  finished = false;

  write(chunk: Uint8Array): void {
    this.writes.push(chunk.length);
    this.#parts.push(new Uint8Array(chunk));
  }
  finish(): Promise<Source> {
    this.finished = true;
    const { size, open } = memorySource(concat(this.#parts));
    // Not in memory, as far as anyone can see.
    return Promise.resolve({ size, open });
  }
  discard(): void {
    this.discarded = true;
  }
}

/** The client's end: writes octets, reads replies. */
export class TalkClient {
  readonly conn: Pick<MemoryConn, "readable" | "writable" | "close">;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>;
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #decoder = new TextDecoder();
  #held = "";
  #ended = false;

  constructor(conn: Pick<MemoryConn, "readable" | "writable" | "close">) {
    this.conn = conn;
    this.#writer = conn.writable.getWriter();
    this.#reader = conn.readable.getReader();
  }

  /** Text as UTF-8, or octets. A server that has hung up is no fault of the test's. */
  async write(data: string | Bytes): Promise<void> {
    try {
      await this.#writer.write(typeof data === "string" ? utf8Encode(data) : data);
    } catch {
      // What it said before is still there to be read.
    }
  }

  /** One line of a reply, without its CRLF; undefined at the end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#held.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#held.slice(0, end);
        this.#held = this.#held.slice(end + 2);
        return line;
      }
      if (this.#ended) return undefined;
      const { done, value } = await this.#reader.read().catch(() => ({ done: true, value: undefined }));
      if (done) this.#ended = true;
      else this.#held += this.#decoder.decode(value, { stream: true });
    }
  }

  /** A whole reply, its lines joined by LF; undefined at the end. */
  async reply(): Promise<string | undefined> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) return lines.length === 0 ? undefined : lines.join("\n");
      lines.push(line);
      if (line[3] !== "-") return lines.join("\n");
    }
  }

  /** Sends, and reads one reply. */
  async say(line: string): Promise<string | undefined> {
    await this.write(`${line}\r\n`);
    return await this.reply();
  }

  /** Everything until the server ends. */
  async rest(): Promise<string[]> {
    const replies: string[] = [];
    for (let reply = await this.reply(); reply !== undefined; reply = await this.reply()) replies.push(reply);
    return replies;
  }

  /** Ends our direction. */
  async end(): Promise<void> {
    await this.#writer.close().catch(() => {});
  }

  /** Leaves without a word. */
  drop(): void {
    this.#reader.releaseLock();
    try {
      this.conn.close();
    } catch {
      // closed already
    }
  }
}

export { settled };
