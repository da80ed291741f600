/**
 * A message is whole: last checks, the trace field, `data_post`, then whoever queues it.
 *
 * 250 is said only when somebody has taken it: a plugin at `queue` or `queue_outbound`, or the outbound queue once it is safe on disk.
 */
import { HOOK_RULES } from "../hooks/rules.ts";
import { submissionKey } from "../hooks/submission_key.ts";
import { isRefusal, type Refusal } from "../hooks/verdict.ts";
import { formatDate } from "../mail/date.ts";
import { createMessage, type Message, readStart } from "../mail/message.ts";
import { newMessageId } from "../mail/message_id.ts";
import { receivedValue } from "../mail/received.ts";
import type { Reply } from "../wire/reply.ts";
import { bodyArrived, editedBody } from "./body.ts";
import type { Dialogue } from "./dialogue.ts";
import { type HeadFacts, type Intake, readHead, type Taken } from "./intake.ts";
import type { Step } from "./phase.ts";
import { marked } from "./settle.ts";
import { about, textOf, TEXTS, troubleOf } from "./texts.ts";
import type { TransactionState } from "./transaction.ts";

export async function accept(talk: Dialogue, transaction: TransactionState, intake: Intake): Promise<Step> {
  talk.conclude();
  try {
    return await decide(talk, transaction, intake);
  } finally {
    talk.concluded();
  }
}

async function decide(talk: Dialogue, transaction: TransactionState, intake: Intake): Promise<Step> {
  const { session, settings } = talk;
  session.totalBytes += intake.octets;
  let taken: Taken;
  try {
    const finishing = intake.finish();
    taken = finishing instanceof Promise ? await finishing : finishing;
  } catch (error) {
    session.log.error("Cannot keep the message", { reason: String(error) });
    return finished(talk, transaction, about(troubleOf(error), transaction.id));
  }
  if (intake.hasTooManyParts) {
    const { reply } = await finished(talk, transaction, TEXTS.tooManyParts);
    return { reply, next: { at: "closed" } };
  }
  const { source } = taken;
  let { head, start } = taken;
  if (source.bytes === undefined && start === undefined) head = readHead(start = await readStart(source));
  // RFC 8601 §5 and the count of hops hold for all of the header: what cannot be seen to its end is not passed on.
  if (head.end === undefined && start !== undefined && start.length < source.size) {
    return finished(talk, transaction, TEXTS.headerTooBig);
  }
  const { limits, addReceived } = settings;
  if (limits.receivedHeaders > 0 && head.received + (addReceived ? 1 : 0) > limits.receivedHeaders) {
    return finished(talk, transaction, TEXTS.loop);
  }
  if (head.lines > limits.headerLines) {
    transaction.log.warn("The message has many lines of header", { lines: head.lines });
  }

  const message = transaction.message = createMessage(source, start === undefined ? {} : { start });
  if (settings.cleanAuthResults && head.authResults) disownAuthResults(message);
  if (addReceived) message.header.addLeading("Received", trace(talk, transaction));
  if (
    (transaction.plan !== undefined || intake.lines?.found) && !await bodyArrived(talk, transaction, intake, message)
  ) {
    return finished(talk, transaction, about(TEXTS.trouble, transaction.id));
  }

  const { clock } = talk.context;
  const told = session.log.enabled("NOTICE");
  const before = told ? clock.monotonic() : 0;
  const heard = talk.ask("data_post", { session, transaction, message });
  const { verdict } = heard instanceof Promise ? await heard : heard;
  const delay = told ? Math.round(clock.monotonic() - before) / 1000 : 0;
  const note = (reply: Reply) => noteMessage(talk, transaction, message, delay, reply);
  if (verdict !== undefined && isRefusal(verdict)) return await refused(talk, "data_post", verdict, note);
  if (transaction.plan !== undefined && !await editedBody(talk, transaction, message)) {
    return finished(talk, transaction, about(TEXTS.trouble, transaction.id), note);
  }
  addAuthResults(talk, transaction, message);
  return await queue(talk, transaction, message, head, note);
}

async function queue(
  talk: Dialogue,
  transaction: TransactionState,
  message: Message,
  head: HeadFacts,
  note: (reply: Reply) => void,
): Promise<Step> {
  const { session } = talk;
  const { id } = transaction;
  const hook = session.relaying ? "queue_outbound" : "queue";
  // RFC 4865: plugins deliver at once, and this is not to be: the queue alone can hold it.
  const held = transaction.wanted?.holdUntil !== undefined;
  const heard = held && session.relaying ? UNASKED : talk.ask(hook, { session, transaction, message });
  const { verdict, by } = heard instanceof Promise ? await heard : heard;
  if (verdict !== undefined && isRefusal(verdict)) return await refused(talk, hook, verdict, note);

  let reply = about(TEXTS.queued, id);
  if (verdict !== undefined) {
    if (verdict.text !== undefined) reply = marked({ ...TEXTS.queued, text: verdict.text }, id);
    transaction.results.add("queue", { pass: by ?? "" });
    if (wantsNews(transaction)) await talk.context.delivered?.(envelopeOf(transaction), message);
  } else if (hook === "queue") {
    transaction.results.add("queue", { fail: "nobody took it" });
    return finished(talk, transaction, about(TEXTS.declined, id), note);
  } else {
    try {
      if (transaction.plan?.discardData) throw new Error("a plugin had the message discarded, and none took it");
      completeHeader(message, head, talk, transaction);
      const key = talk.settings.idempotencyHeader === "" ? undefined : await keyOf(talk, transaction, message);
      const taken = await talk.context.enqueue({ ...envelopeOf(transaction), key }, message);
      if (taken.repeated) reply = about(TEXTS.queued, taken.id);
      transaction.results.add("outbound", { pass: taken.repeated ? `queued before, as ${taken.id}` : "queued" });
    } catch (error) {
      // Spec 02 §1.1: the world's trouble, not the client's.
      transaction.log.error("Cannot queue the message", { reason: String(error) });
      transaction.results.add("outbound", { err: error instanceof Error ? error : String(error) });
      return finished(talk, transaction, about(troubleOf(error), id), note);
    }
  }
  if (transaction.priorityLowered) reply = { ...reply, enhanced: "2.3.6", text: `0 is the priority; ${textOf(reply)}` };
  const told = talk.tell("queue_ok", {
    session,
    transaction,
    text: typeof reply.text === "string" ? reply.text : reply.text.join("\n"),
  });
  if (told !== undefined) await told;
  return finished(talk, transaction, reply, note);
}

function wantsNews({ recipients, wanted }: TransactionState): boolean {
  return wanted?.deliverBy !== undefined ||
    recipients.some(({ notify, expandedFrom }) => notify?.includes("SUCCESS") || expandedFrom !== undefined);
}

const UNASKED = { verdict: undefined, by: undefined };

function envelopeOf(transaction: TransactionState) {
  const { id, sender, recipients, smtpUtf8, wanted } = transaction;
  return { id, sender, recipients: [...recipients], notes: transaction.notes.toJSON(), smtpUtf8, wanted };
}

/** The key a client names its submission by; the field is between it and us, and goes no further. */
async function keyOf(
  { session, settings }: Dialogue,
  { sender }: TransactionState,
  { header }: Message,
): Promise<string | undefined> {
  const name = settings.idempotencyHeader;
  const value = header.get(name)?.trim();
  if (value === undefined) return undefined;
  header.remove(name);
  if (value === "") return undefined;
  const who = session.auth === undefined ? `address ${session.remote.ip}` : `user ${session.auth.user}`;
  return await submissionKey(who, sender.address, value);
}

/** Says what was decided, and ends the transaction. */
function finished(
  talk: Dialogue,
  transaction: TransactionState,
  reply: Reply,
  note?: (reply: Reply) => void,
): Step | Promise<Step> {
  count(talk, reply);
  note?.(reply);
  if (talk.session.log.enabled("NOTICE")) transaction.log.event("queue", { code: reply.code, msg: textOf(reply) });
  const ended = talk.reset();
  return ended === undefined ? { reply, next: talk.rest() } : ended.then(() => ({ reply, next: talk.rest() }));
}

async function refused(
  talk: Dialogue,
  hook: "data_post" | "queue" | "queue_outbound",
  verdict: Refusal,
  note: (reply: Reply) => void,
): Promise<Step> {
  const id = talk.session.transaction?.id ?? talk.session.id;
  return await talk.refuse(HOOK_RULES[hook], verdict, id, hook === "data_post" ? "" : id, (reply) => {
    count(talk, reply);
    note(reply);
    if (hook !== "data_post") talk.session.transaction?.log.event("queue", { code: reply.code, msg: textOf(reply) });
  });
}

function count({ session }: Dialogue, { code }: Reply): void {
  session.msgCount[code < 400 ? "accept" : code < 500 ? "tempfail" : "reject"]++;
}

function noteMessage(
  talk: Dialogue,
  transaction: TransactionState,
  message: Message,
  delay: number,
  reply: Reply,
): void {
  const { log } = talk.session;
  if (!log.enabled("NOTICE")) return;
  const { accept, tempfail, reject } = transaction.rcptCount;
  transaction.log.event("message", {
    mid: message.header.get("Message-Id") ?? "",
    size: message.size,
    rcpts: `${accept}/${tempfail}/${reject}`,
    delay,
    code: reply.code,
    msg: textOf(reply),
  });
}

function trace({ session, settings, context }: Dialogue, transaction: TransactionState): string {
  const { hello, remote, tls, auth } = session;
  return receivedValue({
    hello: hello?.host ?? "unknown",
    esmtp: hello?.verb === "EHLO",
    info: remote.info,
    ip: remote.ip,
    me: settings.me,
    localInfo: settings.product,
    id: transaction.id,
    sender: transaction.sender,
    cipher: tls === undefined ? undefined : tls.cipher.standardName || tls.cipher.name,
    authenticated: auth !== undefined,
    smtpUtf8: transaction.smtpUtf8,
    time: context.clock.now(),
  });
}

/** What others claim to have found out is not ours to vouch for (RFC 8601 §5). */
function disownAuthResults({ header }: Message): void {
  const claims = header.fields.filter(({ name }) => name.toLowerCase() === "authentication-results");
  header.remove("Authentication-Results");
  for (const { value } of claims) header.add("Original-Authentication-Results", value.trim());
}

/** Plugins leave theirs in the notes `authentication_results` of session and transaction (spec 01 §7.5). */
function addAuthResults({ session, settings }: Dialogue, transaction: TransactionState, message: Message): void {
  const found = [session.notes, transaction.notes].flatMap((notes) => {
    const results = notes.get("authentication_results");
    return Array.isArray(results) ? results.map(String) : [];
  });
  if (found.length === 0) return;
  message.header.addLeading("Authentication-Results", [settings.me, ...found].join(";\r\n\t"));
}

/** Spec 02 §1.1: mail that we pass on has an identifier and a date. */
function completeHeader(
  message: Message,
  head: HeadFacts,
  { settings, context }: Dialogue,
  transaction: TransactionState,
): void {
  const { header } = message;
  if (!head.messageId && isMissing(header.get("Message-Id"))) {
    header.remove("Message-Id");
    header.add("Message-Id", newMessageId(settings.me, transaction.id));
  }
  if (!head.date && header.get("Date") === undefined) header.add("Date", formatDate(context.clock.now()));
}

function isMissing(id: string | undefined): boolean {
  return id === undefined || id === "<>";
}
