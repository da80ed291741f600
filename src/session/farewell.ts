/** The end: the last reply, the hooks that hear of every end, the summary line, the streams let go. */
import type { Tally } from "../hooks/session.ts";
import type { Reply } from "../wire/reply.ts";
import { type Dialogue, Gone } from "./dialogue.ts";

/** How long, and how much, a peer may go on talking so that it can read our last reply. What a client has ready to send at once fits. */
const LINGER_MS = 2000;
const LINGER_OCTETS = 16 * 1024 * 1024;

/** Why the session's signal is aborted in the end. One for all: a stack of its own would cost each session more than its summary. */
const OVER = new Gone("the session is over");

/** Never rejects. */
export async function farewell(talk: Dialogue, last: Reply | undefined): Promise<void> {
  const { session } = talk;
  // The watch over idle peers may have gone off already: one that reads nothing must not keep us for ever.
  const late = last === undefined ? undefined : talk.context.clock.after(LINGER_MS, () => {
    talk.output.abort(new Gone("the peer does not read"));
  });
  try {
    if (last !== undefined) talk.say(last);
    // Even when the peer has left: it may have ended no more than its own direction.
    await talk.flush();
  } catch (error) {
    session.log.debug("Nobody heard the last reply", { reason: String(error) });
  }
  late?.cancel();
  talk.rested();
  const { phase } = talk;
  const lingers = !session.remote.closed && !(phase.at === "closed" && phase.asked);
  if (!lingers && !session.remote.closed && talk.context.closeWrite !== undefined && session.tls === undefined) {
    return await partQuietly(talk);
  }
  // Half a close, so that the peer knows that this was the last word; where that cannot be had, a whole one will have to do.
  const closing = lingers && talk.context.closeWrite !== undefined ? talk.context.closeWrite() : talk.output.close();
  closing.catch(() => {});
  await tellAll(talk);
  if (lingers) await linger(talk, closing);
  await talk.output.close();
}

/** After QUIT on a plain connection: the caller closes it, and closing the streams first would only cost time. */
async function partQuietly(talk: Dialogue): Promise<void> {
  await tellAll(talk);
  talk.reader.retire();
}

async function tellAll(talk: Dialogue): Promise<void> {
  const { session } = talk;
  try {
    await talk.reset();
    session.results.add("disconnect", { duration: seconds(talk) });
    await talk.tell("disconnect", { session });
  } catch (error) {
    session.log.error(error instanceof Error ? error.stack ?? String(error) : String(error));
  }
  session.end(OVER);
  summarize(talk);
}

/**
 * Closing a connection that holds unread octets resets it, and a reset may take our last reply with it (RFC 1122 §4.2.2.13). So we read
 * on for a moment, until the peer has nothing more to say.
 */
async function linger(talk: Dialogue, closing: Promise<void>): Promise<void> {
  const { reader } = talk;
  const late = Promise.withResolvers<void>();
  const timer = talk.context.clock.after(LINGER_MS, () => {
    reader.cancel(new Gone("the peer does not stop"));
    late.resolve();
  });
  try {
    await Promise.race([closing, late.promise]);
    const rest = reader.bytes(LINGER_OCTETS);
    for (;;) {
      const { kind } = await rest.next();
      if (kind !== "chunk") break;
    }
  } catch {
    // Late, cancelled or reset: all the same now.
  } finally {
    timer.cancel();
  }
}

function seconds({ session, context }: Dialogue): number {
  return (context.clock.now() - session.startedAt) / 1000;
}

function summarize(talk: Dialogue): void {
  const { session } = talk;
  const { log, remote } = session;
  if (!log.enabled("NOTICE")) return;
  log.event("disconnect", {
    ip: remote.ip,
    rdns: remote.host,
    helo: session.hello?.host ?? "",
    relay: yes(session.relaying),
    early: yes(session.earlyTalker),
    esmtp: yes(session.esmtp),
    tls: yes(session.tls !== undefined),
    pipe: yes(session.pipelining),
    errors: session.errors,
    txns: session.transactions,
    rcpts: slashed(session.rcptCount),
    msgs: slashed(session.msgCount),
    bytes: session.totalBytes,
    lr: session.lastRefusal,
    time: seconds(talk),
  });
}

function yes(is: boolean): "Y" | "N" {
  return is ? "Y" : "N";
}

function slashed({ accept, tempfail, reject }: Tally): string {
  return `${accept}/${tempfail}/${reject}`;
}
