/**
 * A report of this server's to somebody the site itself takes mail for: it goes to the site's own plugins, as mail from outside does, and not out by the
 * MX of a domain that leads back here.
 *
 * Only `rcpt` and `queue` are asked: who may have mail here, and who keeps it. Nobody judges a report as a client's mail. Where no plugin claims the
 * recipient, or one wants it relayed, it is not ours, and the roads of outbound mail are the right ones. Never rejects but on abort.
 */
import type { Item, Outcome, Reason } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import { isRefusal, type Refusal } from "../hooks/verdict.ts";
import { NULL_ADDRESS } from "../mail/address.ts";
import { loadMessage, type Message } from "../mail/message.ts";
import { joinSource } from "../mail/source.ts";
import type { SessionContext } from "./context.ts";
import { SessionState } from "./state.ts";
import { TransactionState } from "./transaction.ts";

/** Outcomes of those that are ours; whoever has none is not. */
export async function deliverHere(
  { recipients, log }: Pick<Item, "recipients" | "log">,
  message: Message,
  context: SessionContext,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const recipient of recipients) {
    const outcome = await new OwnDelivery(context).run(recipient, message);
    if (outcome === undefined) continue;
    log.info("A report to somebody of our own goes to our own plugins", { rcpt: recipient.address.address });
    outcomes.push(outcome);
  }
  return outcomes;
}

class OwnDelivery {
  readonly #context: SessionContext;
  readonly #session: SessionState;
  readonly #transaction: TransactionState;

  constructor(context: SessionContext) {
    this.#context = context;
    this.#session = new SessionState(context);
    this.#session.hello = { verb: "EHLO", host: context.settings.me };
    this.#transaction = new TransactionState(this.#session, NULL_ADDRESS, new Map());
    this.#transaction.relaying = false;
    this.#session.transaction = this.#transaction;
  }

  async run(recipient: Recipient, message: Message): Promise<Outcome | undefined> {
    const { signal, hooks } = this.#context;
    const end = () => this.#session.end(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    try {
      if (!hooks.has("rcpt") || !hooks.has("queue")) return undefined;
      return await this.#deliver(recipient, message);
    } finally {
      signal.removeEventListener("abort", end);
      if (hooks.has("reset_transaction")) {
        await hooks.run("reset_transaction", this.#event(), this.#transaction.runOptions);
      }
      this.#session.end(new Error("It has been delivered"));
    }
  }

  async #deliver(recipient: Recipient, message: Message): Promise<Outcome | undefined> {
    const transaction = this.#transaction;
    // Plugins may give it another address, and edit the message: neither is the queue's business.
    const own: Recipient = { address: recipient.address, parameters: new Map() };
    const { head, source, offset } = message.render();
    const copy = transaction.message = await loadMessage(joinSource(head, source, offset));
    const claimed = await this.#ask("rcpt", { recipient: own });
    if (claimed?.kind !== "ok" || this.#session.relaying) return undefined;
    transaction.recipients = [own];
    const kept = await this.#ask("queue", { message: copy });
    if (kept === undefined) return undefined;
    if (isRefusal(kept)) {
      return { kind: kept.kind === "defer" ? "deferred" : "failed", recipient, reason: reasonOf(kept) };
    }
    const text = "text" in kept && kept.text !== undefined ? kept.text : "Queued";
    return { kind: "delivered", recipient, reply: { code: 250, enhanced: "2.0.0", text } };
  }

  async #ask(hook: "rcpt" | "queue", more: object) {
    const { hooks, signal } = this.#context;
    const { verdict } = await hooks.run(hook, { ...this.#event(), ...more } as never, this.#transaction.runOptions);
    signal.throwIfAborted();
    return verdict;
  }

  #event() {
    return { session: this.#session, transaction: this.#transaction };
  }
}

function reasonOf(refusal: Refusal): Reason {
  const soft = refusal.kind === "defer";
  const text = refusal.kind === "hangUp" ? undefined : refusal.reply.text;
  const enhanced = refusal.kind === "hangUp" ? undefined : refusal.reply.enhanced;
  return {
    text: [text ?? "Not taken by this server's own plugins"].flat().join(" "),
    status: enhanced ?? (soft ? "4.3.0" : "5.3.0"),
  };
}
