/** Where a message's octets meet what its transaction's plugins and the settings want of them. */
import type { Message } from "../mail/message.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Intake } from "./intake.ts";
import { LongLines } from "./long_lines.ts";
import { isBinary, type TransactionState } from "./transaction.ts";

/** An intake for the transaction, before its first octet. */
export function prepare<T extends Intake>(
  { settings, session, context }: Dialogue,
  transaction: TransactionState,
  intake: T,
): T {
  const { limits, longLines } = settings;
  // RFC 3030 §3: what is binary has no lines.
  if (!isBinary(transaction)) intake.lines = new LongLines(limits.dataLineLength, longLines === "break");
  intake.watch = transaction.plan?.begin({ clock: context.clock, signal: session.signal });
  transaction.discard = () => intake.discard();
  return intake;
}

/** The message is whole: plugins are waited for that still work on what they were handed. False, and logged, when one failed. */
export async function bodyArrived(
  { settings }: Dialogue,
  transaction: TransactionState,
  intake: Intake,
  message: Message,
): Promise<boolean> {
  if (intake.lines?.found) {
    // Haraka's name.
    transaction.notes.set("data_line_length_exceeded", true);
    transaction.log.info("The message has lines longer than they may be", { limit: settings.limits.dataLineLength });
  }
  return await managed(transaction, (plan) => plan.arrived(message));
}

/** Every plugin has seen the message as it came: banner and filters. False, and logged, when one failed. */
export async function editedBody(
  { context }: Dialogue,
  transaction: TransactionState,
  message: Message,
): Promise<boolean> {
  return await managed(transaction, (plan) => plan.edit(message, context.clock));
}

async function managed(
  { plan, log }: TransactionState,
  work: (plan: NonNullable<TransactionState["plan"]>) => Promise<unknown>,
): Promise<boolean> {
  if (plan === undefined) return true;
  try {
    await work(plan);
    return true;
  } catch (error) {
    log.error("A plugin did not manage the message's body", { reason: String(error) });
    return false;
  }
}
