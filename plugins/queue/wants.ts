/** The routing vocabulary that queue plugins share: the transaction note `queue.wants` names the one that is to take the message. */
import type { Transaction } from "kasi";

/** Whether the message is meant for another queue plugin than `name`. */
export function isForAnother(transaction: Transaction, name: string): boolean {
  const wants = transaction.notes.get("queue.wants");
  return typeof wants === "string" && wants !== "" && wants !== name;
}
