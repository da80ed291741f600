/** Sessions and transactions as hook functions see them, from literals; no engine behind them. */
import { ResultStore } from "../../src/hooks/result_store.ts";
import { Notes } from "../../src/hooks/notes.ts";
import type { Capabilities, Recipient, Session, Transaction } from "../../src/hooks/session.ts";
import type { Logger } from "../../src/log/types.ts";
import { type Address, parseAddress } from "../../src/mail/address.ts";
import { createMessage, type Message } from "../../src/mail/message.ts";
import type { TlsInfo } from "../../src/host/types.ts";
import { BodyPlan } from "../../src/session/body_plan.ts";
import { memoryLog } from "./memory_log.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type FakeTransaction = Mutable<Transaction>;
export type FakeSession = Omit<Mutable<Session>, "remote" | "transaction"> & {
  remote: Mutable<Session["remote"]>;
  transaction: FakeTransaction | undefined;
};

export interface FakeSessionOptions {
  readonly ip?: string;
  readonly isPrivate?: boolean;
  readonly port?: number;
  readonly relaying?: boolean;
  readonly user?: string;
  readonly tls?: boolean;
  /** Without one there is no transaction. */
  readonly from?: string;
  readonly to?: readonly string[];
  readonly log?: Logger;
}

const TLS: TlsInfo = {
  protocol: "TLSv1.3",
  cipher: { name: "TLS_AES_128_GCM_SHA256", standardName: "TLS_AES_128_GCM_SHA256" },
  servername: "",
  authorized: false,
  authorizationError: "",
  peerCertificate: null,
};
const TALLY = { accept: 0, tempfail: 0, reject: 0 };

export function fakeSession(options: FakeSessionOptions = {}): FakeSession {
  const log = options.log ?? memoryLog().log;
  const ip = options.ip ?? "192.0.2.9";
  const isLocal = ip === "127.0.0.1" || ip === "::1";
  const id = "5EED0000-0000-4000-8000-000000000001";
  return {
    id,
    local: { ip: "192.0.2.1", port: options.port ?? 25, host: "mx.kasi.test" },
    remote: {
      ip,
      port: 50_000,
      host: "client.test",
      info: "client.test",
      isPrivate: options.isPrivate ?? isLocal,
      isLocal,
      closed: false,
    },
    hello: { verb: "EHLO", host: "client.test" },
    proxy: undefined,
    tls: options.tls ? TLS : undefined,
    auth: options.user === undefined ? undefined : { user: options.user, method: "PLAIN" },
    relaying: options.relaying ?? false,
    transaction: options.from === undefined
      ? undefined
      : fakeTransaction(`${id}.1`, options.from, options.to ?? [], log),
    notes: new Notes(),
    results: new ResultStore(log),
    log,
    errors: 0,
    earlyTalker: false,
    pipelining: false,
    rcptCount: TALLY,
    msgCount: TALLY,
    transactions: 0,
    totalBytes: 0,
    startedAt: 0,
    signal: new AbortController().signal,
  };
}

export function fakeTransaction(
  id: string,
  from: string,
  to: readonly string[],
  log = memoryLog().log,
): FakeTransaction {
  return {
    id,
    sender: address(from),
    parameters: new Map(),
    recipients: to.map(recipient),
    notes: new Notes(),
    results: new ResultStore(log),
    skipPlugins: new Set(),
    body: new BodyPlan(),
    rcptCount: TALLY,
    smtpUtf8: false,
    log,
  };
}

export function fakeCapabilities(canStartTls = true): Capabilities {
  return { lines: [], auth: new Set(), canStartTls, startTls: false };
}

/** "" is the null path. Throws for text that is no address. */
export function address(text: string): Address {
  const parsed = parseAddress(`<${text}>`);
  if (parsed === undefined) throw new TypeError(`Cannot read this address: current value is ${JSON.stringify(text)}`);
  return parsed;
}

export function recipient(text: string): Recipient {
  return { address: address(text), parameters: new Map() };
}

/** A message from text; LF stands for CRLF. */
export function message(text: string): Message {
  const bytes = new TextEncoder().encode(text.replace(/\r?\n/g, "\r\n"));
  return createMessage({
    size: bytes.length,
    bytes,
    open: (from = 0) => ReadableStream.from([bytes.slice(from)]) as ReadableStream<Uint8Array<ArrayBuffer>>,
  });
}
