/**
 * A session: a whole dialogue as a function of two streams.
 *
 * The loop reads a line, has the command's row do its work, and puts the reply behind those that wait; they leave in one write when the
 * reader has no more whole line. Never rejects: what breaks is logged under the session's id and ends this session alone.
 */
import { notWhenAborted, whenAborted } from "../base/when_aborted.ts";
import { parseCommand } from "../wire/command.ts";
import type { Line } from "../wire/wire_reader.ts";
import type { Reply } from "../wire/reply.ts";
import { AUTH_LINE_LIMIT } from "./auth_exchange.ts";
import { COMMANDS } from "./commands.ts";
import type { RunSession } from "./context.ts";
import { Dialogue, Gone } from "./dialogue.ts";
import { farewell } from "./farewell.ts";
import { begin } from "./greet.ts";
import { introduce, isBehindProxy } from "./introduce.ts";
import { endsGroup, misplaced, perform } from "./perform.ts";
import type { Step } from "./phase.ts";
import { about, TEXTS } from "./texts.ts";

export const runSession: RunSession = async (readable, writable, context) => {
  const talk = new Dialogue({ readable, writable }, context, TEXTS.timeout);
  const onStop = () => talk.stop(new Gone("the server stops", TEXTS.shutdown));
  whenAborted(context.signal, onStop);
  let last: Reply | undefined;
  try {
    await converse(talk);
  } catch (error) {
    last = lastWord(talk, error);
  } finally {
    notWhenAborted(context.signal, onStop);
  }
  await farewell(talk, last);
};

async function converse(talk: Dialogue): Promise<void> {
  const unfit = isBehindProxy(talk) ? await introduce(talk) : undefined;
  logConnect(talk);
  follow(talk, unfit ?? await begin(talk));
  const { lineLength } = talk.settings.limits;
  while (talk.phase.at !== "closed") {
    // RFC 4954 §4: with its initial response AUTH may be longer than any other command.
    const mayAuth = talk.offered.auth.size > 0 && talk.session.auth === undefined;
    const limit = mayAuth && lineLength < AUTH_LINE_LIMIT ? AUTH_LINE_LIMIT : lineLength;
    const line = talk.reader.takeLine(limit) ?? await talk.line(limit);
    const step = line.kind === "line" ? command(talk, line.bytes) : misread(talk, line);
    follow(talk, step instanceof Promise ? await step : step);
    if (isWornOut(talk)) follow(talk, { reply: TEXTS.tooManyErrors, next: { at: "closed" } });
  }
}

function isWornOut({ session, settings, phase }: Dialogue): boolean {
  const { errors } = settings.limits;
  return errors > 0 && session.errors >= errors && phase.at !== "closed";
}

function follow(talk: Dialogue, { reply, next }: Step): void {
  if (reply !== undefined) talk.say(reply);
  talk.phase = next;
}

function command(talk: Dialogue, bytes: Parameters<typeof parseCommand>[0]): Step | Promise<Step> {
  const { session, settings, phase } = talk;
  const { log } = session;
  const parsed = parseCommand(bytes, {
    eightBit: session.hello?.verb !== "HELO",
    strict: settings.strictRfc1869 && !session.relaying,
    smtpUtf8: settings.smtpUtf8,
  });
  const verb = parsed.verb === "FAULT" ? parsed.of : parsed.verb;
  talk.verb = verb;
  if (log.enabled("PROTOCOL")) {
    log.protocol(`C: ${verb} ${parsed.verb === "FAULT" ? parsed.reason : verb === "AUTH" ? "…" : parsed.rest}`);
  }
  if (talk.reader.buffered > 0) noteGroup(talk, verb);
  if (phase.at === "refused" && verb !== "QUIT" && verb !== "BDAT") return { reply: phase.reply, next: phase };
  if (parsed.verb !== "FAULT") return perform(talk, parsed);
  session.errors++;
  if (log.enabled("INFO")) log.info("Bad command", { verb, reason: parsed.reason });
  const reply = misplaced(COMMANDS[verb], phase, talk) ?? parsed.reply;
  // How many octets follow a broken BDAT nobody knows: none of them shall be read as a command.
  return { reply, next: verb === "BDAT" ? { at: "closed" } : phase };
}

/** Something stands behind the command already (spec 01 §8.5). */
function noteGroup({ session }: Dialogue, verb: Parameters<typeof endsGroup>[0]): void {
  if (verb === "BDAT") return;
  if (!session.esmtp || endsGroup(verb)) session.earlyTalker = true;
  else session.pipelining = true;
}

function misread(talk: Dialogue, line: Exclude<Line, { readonly kind: "line" }>): Step {
  const { session, phase } = talk;
  session.errors++;
  switch (line.kind) {
    case "too-long":
      return { reply: TEXTS.tooLong, next: { at: "closed" } };
    case "tls-hello":
      return { reply: TEXTS.clientHello, next: { at: "closed" } };
    case "bare-cr":
    case "bare-lf":
      // It may have been a BDAT, and what it takes for a line's end may end more than one: nothing behind it is a command for sure.
      return { reply: phase.at === "refused" ? phase.reply : TEXTS.bareLineEnd, next: { at: "closed" } };
    case "end":
      throw talk.left();
  }
}

/** What is said to a peer that something has gone wrong for; undefined when it has left. */
function lastWord(talk: Dialogue, error: unknown): Reply | undefined {
  if (error instanceof Gone) {
    talk.session.log.info(`Ending the session: ${error.message}`);
    return error.farewell;
  }
  const { session } = talk;
  session.log.error(error instanceof Error ? error.stack ?? String(error) : String(error));
  return about(TEXTS.internal, (session.transaction ?? session).id);
}

function logConnect({ session }: { session: Dialogue["session"] }): void {
  if (!session.log.enabled("NOTICE")) return;
  const { local, remote } = session;
  session.log.event("connect", { ip: remote.ip, port: remote.port, local_ip: local.ip, local_port: local.port });
}
