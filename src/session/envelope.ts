/** MAIL and RCPT: what is checked before plugins are asked, and what is noted of their answer. */
import { HOOK_RULES } from "../hooks/rules.ts";
import type { HookOutcome } from "../hooks/runner.ts";
import type { Recipient, Session, Tally, Transaction } from "../hooks/session.ts";
import { isRefusal } from "../hooks/verdict.ts";
import type { Address } from "../mail/address.ts";
import type { Command } from "../wire/command.ts";
import { readBody, readSize } from "../wire/params.ts";
import type { Reply } from "../wire/reply.ts";
import type { Dialogue } from "./dialogue.ts";
import type { At, Phase, Step } from "./phase.ts";
import { about, textOf, TEXTS } from "./texts.ts";

type Moved = Step | Promise<Step>;
interface RecipientEvent {
  readonly session: Session;
  readonly transaction: Transaction;
  readonly recipient: Recipient;
}

export function checkMail(
  { session, settings }: Dialogue,
  _phase: Phase,
  { parameters }: Command<"MAIL">,
): Reply | undefined {
  if (settings.submissionPorts.includes(session.local.port) && !session.relaying) return TEXTS.authFirst;
  if (parameters.size === 0) return undefined;
  if (session.hello?.verb !== "EHLO") return TEXTS.parameters;
  const size = parameters.get("SIZE");
  if (size !== undefined) {
    const octets = readSize(size);
    if (octets === undefined) return TEXTS.badSize;
    // RFC 1870 §6.1
    if (settings.limits.dataBytes > 0 && octets > settings.limits.dataBytes) return TEXTS.tooBig;
  }
  const body = parameters.get("BODY");
  if (body === undefined) return undefined;
  const kind = readBody(body);
  // RFC 3030 §3 is not offered.
  return kind === undefined || kind === "BINARYMIME" ? TEXTS.bodyKind : undefined;
}

export function noteSender({ log }: Session, { results }: Transaction, sender: Address, reply: Reply): void {
  results.add("mail_from", { action: actionOf(reply), code: reply.code, address: sender.address });
  if (log.enabled("NOTICE")) log.event("sender", { address: sender.toString(), code: reply.code, msg: textOf(reply) });
}

export function checkRecipient(
  { session, settings }: Dialogue,
  { transaction }: At<"mail" | "rcpt">,
  { parameters }: Command<"RCPT">,
): Reply | undefined {
  if (parameters.size > 0 && session.hello?.verb !== "EHLO") return TEXTS.parameters;
  const { recipients } = settings.limits;
  if (recipients === 0) return undefined;
  // RFC 5321 §4.5.3.1.10: those beyond the limit come with another mail; that is no error of the client's.
  if (transaction.recipients.length >= recipients) return TEXTS.tooManyRecipients;
  const { tempfail, reject } = transaction.rcptCount;
  // Those refused leave their results behind: somebody who guesses names must not fill the memory with them.
  return tempfail + reject >= recipients ? TEXTS.tooManyRefused : undefined;
}

function actionOf({ code }: Reply): keyof Tally {
  return code < 400 ? "accept" : code < 500 ? "tempfail" : "reject";
}

/** Counts one recipient, and tells log and results of it. */
function noteRecipient({ session }: Dialogue, { transaction, recipient }: RecipientEvent, reply: Reply): void {
  const action = actionOf(reply);
  const address = recipient.given ?? recipient.address;
  // The faces plugins see are read-only; these two are the engine's own.
  (transaction.rcptCount as Tally)[action]++;
  session.rcptCount[action]++;
  const note = { address: address.address, action };
  transaction.results.push("rcpt_to", {
    recipient: action === "accept" ? note : { ...note, code: reply.code, msg: textOf(reply) },
  });
  if (!session.log.enabled("NOTICE")) return;
  session.log.event("recipient", {
    address: address.toString(),
    code: reply.code,
    msg: textOf(reply),
    sender: transaction.sender.address,
  });
}

export function dropRecipient(talk: Dialogue, event: RecipientEvent, reply: Reply): void {
  const { recipients } = event.transaction;
  const at = recipients.lastIndexOf(event.recipient);
  if (at >= 0) recipients.splice(at, 1);
  noteRecipient(talk, event, reply);
}

export function acceptRecipient(talk: Dialogue, event: RecipientEvent, { verdict }: HookOutcome<"rcpt">): Moved {
  const { session } = talk;
  const address = (event.recipient.given ?? event.recipient.address).toString();
  // Spec 01 §7.4: nobody has claimed it.
  if (verdict === undefined && !session.relaying) {
    const reply = about(TEXTS.cannotDeliver, address);
    dropRecipient(talk, event, reply);
    return { reply, next: talk.rest() };
  }
  const said = verdict?.kind === "ok" ? verdict.text : undefined;
  const checked = talk.ask("rcpt_ok", event);
  return checked instanceof Promise ? checked.then((outcome) => settled(outcome)) : settled(checked);

  function settled({ verdict: last }: HookOutcome<"rcpt_ok">): Moved {
    if (last !== undefined && isRefusal(last)) {
      return talk.refuse(HOOK_RULES.rcpt_ok, last, address, "", (reply) => dropRecipient(talk, event, reply));
    }
    const reply = said === undefined ? about(TEXTS.recipientOk, address) : { ...TEXTS.recipientOk, text: said };
    noteRecipient(talk, event, reply);
    return { reply, next: talk.rest() };
  }
}

export function noRecipient(phase: Phase, { session }: Dialogue): Reply {
  if (phase.at === "bdat") return TEXTS.chunksUnderWay;
  if (phase.at !== "mail") return TEXTS.mailRequired;
  return session.pipelining ? TEXTS.noRecipients : TEXTS.recipientRequired;
}
