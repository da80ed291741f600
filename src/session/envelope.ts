/** MAIL and RCPT: what is checked before plugins are asked, and what is noted of their answer. */
import { HOOK_RULES } from "../hooks/rules.ts";
import type { HookOutcome } from "../hooks/runner.ts";
import type { Recipient, Session, Tally, Transaction } from "../hooks/session.ts";
import { isRefusal } from "../hooks/verdict.ts";
import { type Address, makeAddress } from "../mail/address.ts";
import type { Command } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";
import type { Dialogue } from "./dialogue.ts";
import type { At, Phase, Step } from "./phase.ts";
import type { SessionState } from "./state.ts";
import { about, textOf, TEXTS } from "./texts.ts";
import { TransactionState } from "./transaction.ts";
import { isReply, readMailWishes, readRecipientWishes } from "./wanted.ts";

type Moved = Step | Promise<Step>;
interface RecipientEvent {
  readonly session: Session;
  readonly transaction: Transaction;
  readonly recipient: Recipient;
}

export function checkMail(
  talk: Dialogue,
  _phase: Phase,
  { path, parameters }: Command<"MAIL">,
): Reply | undefined {
  const { session, settings } = talk;
  if (settings.submissionPorts.includes(session.local.port) && !session.relaying) return TEXTS.authFirst;
  const { messages } = settings.limits;
  // RFC 9422 §4.1
  if (messages > 0 && session.transactions >= messages) return TEXTS.tooManyMails;
  // RFC 6531 §3.4
  if (path.isUtf8 && !parameters.has("SMTPUTF8")) return TEXTS.needsUtf8;
  if (parameters.size === 0) return undefined;
  const found = readMailWishes(talk, parameters);
  return isReply(found) ? found : undefined;
}

/** Opens the transaction that MAIL asks for. Its parameters are known to be sound. */
export function openTransaction(talk: Dialogue, { path, parameters }: Command<"MAIL">): TransactionState {
  const { session } = talk;
  const transaction = session.transaction = new TransactionState(session, makeAddress(path), parameters);
  if (parameters.size > 0) {
    const found = readMailWishes(talk, parameters);
    if (!isReply(found)) {
      transaction.wanted = found.wanted;
      if (found.loweredFrom !== undefined) {
        transaction.priorityLowered = true;
        transaction.log.info("MT-PRIORITY was lowered to 0", { asked: found.loweredFrom });
      }
    }
  }
  return transaction;
}

/** The recipient that RCPT names. */
export function makeRecipient(
  talk: Dialogue,
  transaction: TransactionState,
  { path, parameters }: Command<"RCPT">,
): Recipient {
  const recipient = { address: makeAddress(path), parameters };
  if (parameters.size === 0) return recipient;
  const found = readRecipientWishes(talk, parameters, transaction.smtpUtf8);
  return isReply(found) ? recipient : { ...recipient, ...found };
}

export function noteSender({ log }: Session, { results }: Transaction, sender: Address, reply: Reply): void {
  results.add("mail_from", { action: actionOf(reply), code: reply.code, address: sender.address });
  if (log.enabled("NOTICE")) log.event("sender", { address: sender.toString(), code: reply.code, msg: textOf(reply) });
}

export function checkRecipient(
  talk: Dialogue,
  { transaction }: At<"mail" | "rcpt">,
  { path, parameters }: Command<"RCPT">,
): Reply | undefined {
  const { session, settings } = talk;
  // RFC 6531 §3.4
  if (path.isUtf8 && !transaction.smtpUtf8) return TEXTS.needsUtf8;
  if (parameters.size > 0) {
    const found = readRecipientWishes(talk, parameters, transaction.smtpUtf8);
    if (isReply(found)) return found;
  }
  const { recipients, recipientDomains } = settings.limits;
  // RFC 9422 §4.3
  if (recipientDomains > 0 && !isKnownDomain(session, path.host, recipientDomains)) return TEXTS.tooManyDomains;
  if (recipients === 0) return undefined;
  // RFC 5321 §4.5.3.1.10: those beyond the limit come with another mail; that is no error of the client's.
  if (transaction.recipients.length >= recipients) return TEXTS.tooManyRecipients;
  const { tempfail, reject } = transaction.rcptCount;
  // Those refused leave their results behind: somebody who guesses names must not fill the memory with them.
  return tempfail + reject >= recipients ? TEXTS.tooManyRefused : undefined;
}

/** Whether one more recipient there keeps to the limit; if so, it counts. */
function isKnownDomain({ rcptDomains }: SessionState, host: string, most: number): boolean {
  const domain = host.toLowerCase();
  if (rcptDomains.has(domain)) return true;
  if (rcptDomains.size >= most) return false;
  rcptDomains.add(domain);
  return true;
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
