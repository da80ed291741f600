/**
 * Clients that send mail as fast as they are let, each message with a token of its own, and know which ones were acknowledged with 250.
 *
 * A message whose connection broke is not sent again: its token is neither acknowledged nor refused. A server that is away is tried
 * again until `signal` says stop.
 */
import { SmtpClient } from "./smtp_client.ts";

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** How many messages in all; until `signal` says stop when absent. */
  readonly messages?: number;
  /** One connection for all messages of a client, or a new one for each. */
  readonly reuse: boolean;
  readonly recipients: (n: number) => readonly string[];
  /** Octets of a body, about; default 500. */
  readonly size?: number | ((n: number) => number);
  /** In front of the number that makes the token. */
  readonly prefix?: string;
  /** Milliseconds between two messages of a client. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal;
}

export interface LoadResult {
  /** Token → recipients. */
  readonly acknowledged: Map<string, readonly string[]>;
  /** Replies other than 250, by their text. */
  readonly refused: Map<string, number>;
  /** Messages whose connection broke before a reply. */
  broken: number;
  ms: number;
}

const CONTENT_LINE = "All work and no play makes a mail server a dull thing to look at.\r\n";

/** Resolves when all messages are sent, or soon after `signal` said stop. */
export async function sendLoad(options: LoadOptions): Promise<LoadResult> {
  const result: LoadResult = { acknowledged: new Map(), refused: new Map(), broken: 0, ms: 0 };
  const began = performance.now();
  let n = 0;
  const limit = options.messages ?? Infinity;
  const next = () => (n < limit && !options.signal?.aborted ? n++ : undefined);
  await Promise.all(Array.from({ length: options.connections }, () => client(options, next, result)));
  result.ms = performance.now() - began;
  return result;
}

async function client(options: LoadOptions, next: () => number | undefined, result: LoadResult): Promise<void> {
  let open: SmtpClient | undefined;
  try {
    for (let n = next(); n !== undefined; n = next()) {
      open ??= await connect(options);
      if (open === undefined) return;
      const reply = await send(open, n, options, result);
      if (reply === undefined || !options.reuse) {
        if (reply !== undefined) await open.say("QUIT");
        await open[Symbol.asyncDispose]();
        open = undefined;
      }
      if (options.pauseMs !== undefined) await pause(options.pauseMs);
    }
    await open?.say("QUIT");
  } finally {
    await open?.[Symbol.asyncDispose]();
  }
}

/** Undefined once it is time to stop. */
async function connect({ port, signal }: LoadOptions): Promise<SmtpClient | undefined> {
  for (;;) {
    if (signal?.aborted) return undefined;
    let client: SmtpClient | undefined;
    try {
      client = await SmtpClient.connect(port);
      const hello = await client.hello("load.test");
      if (hello.startsWith("250")) return client;
    } catch (cause) {
      if (signal === undefined) throw cause;
    }
    await client?.[Symbol.asyncDispose]();
    await pause(50);
  }
}

/** The reply to the message; undefined when the connection broke. */
async function send(client: SmtpClient, n: number, options: LoadOptions, result: LoadResult) {
  const token = `${options.prefix ?? "t"}${n}`;
  const recipients = options.recipients(n);
  const commands = ["MAIL FROM:<load@sender.test>", ...recipients.map((each) => `RCPT TO:<${each}>`), "DATA", ""];
  await client.write(commands.join("\r\n"));
  let reply: string | undefined;
  for (let left = commands.length - 1; left > 0; left--) {
    reply = await client.reply();
    if (reply === undefined || !/^[23]/.test(reply)) {
      // Only the whole counts here: what follows a refusal is of no interest, the connection goes.
      note(result, reply);
      return undefined;
    }
  }
  const size = typeof options.size === "function" ? options.size(n) : options.size ?? 500;
  const lines = Math.max(1, Math.ceil(size / CONTENT_LINE.length));
  await client.write(`Subject: load\r\nX-Token: ${token}\r\n\r\n${CONTENT_LINE.repeat(lines)}.\r\n`);
  reply = await client.reply();
  if (reply?.startsWith("250")) result.acknowledged.set(token, recipients);
  else note(result, reply);
  return reply;
}

function note(result: LoadResult, reply: string | undefined): void {
  if (reply === undefined || !/^\d{3}/.test(reply)) result.broken++;
  else {
    const kind = reply.replace(/\([^)]*\)$/, "(…)");
    result.refused.set(kind, (result.refused.get(kind) ?? 0) + 1);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
