/**
 * Mail that plugins delivered without the queue: the senders who asked for it (NOTIFY=SUCCESS, RFC 3461 §5.2.3) are told all the same.
 *
 * Which recipients of a message went through the queue, and what became of those a plugin forwarded, is remembered for as long as somebody
 * holds the recipient: nothing is to be cleared up.
 */
import type { Envelope, Forwarder, LiveHop, LiveStart, Outcome, Via } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import type { Message } from "../mail/message.ts";
import { isToldOf, makeReport, type ReportLine } from "./bounce.ts";
import type { Core } from "./core.ts";
import { successLine } from "./success.ts";

type Delivered = Extract<Outcome, { kind: "delivered" }>;

const TAKEN = { code: 250, text: "taken" } as const;

type Parts = Pick<Core, "clock" | "host" | "log" | "newId" | "settings">;
type Store = (envelope: Envelope, message: Message) => Promise<unknown>;

export class Direct {
  readonly #core: Parts;
  readonly #store: Store;
  readonly #queued = new WeakSet<Recipient>();
  readonly #forwarded = new WeakMap<Recipient, { readonly outcome: Delivered; readonly via: Via | undefined }>();

  constructor(core: Parts, store: Store) {
    this.#core = core;
    this.#store = store;
  }

  /** These are the queue's affair. */
  queued(envelope: Envelope): void {
    for (const recipient of envelope.recipients) if (mayAsk(envelope, recipient)) this.#queued.add(recipient);
  }

  /** See `QueueApi.heeding`. */
  heeding(forwarder: Forwarder): Forwarder {
    return {
      send: async (item, message, destinations, signal) => {
        const attempt = await forwarder.send(item, message, destinations, signal);
        for (const outcome of attempt.outcomes) {
          if (outcome.kind !== "delivered" || !mayAsk(item.envelope, outcome.recipient)) continue;
          this.#forwarded.set(outcome.recipient, { outcome, via: attempt.via });
        }
        return attempt;
      },
      begin: async (start, destinations, signal) => {
        const begun = await forwarder.begin(start, destinations, signal);
        if (begun.kind !== "taken") return begun;
        return { ...begun, hop: this.#heedingHop(begun.hop, start.envelope) };
      },
    };
  }

  #heedingHop(hop: LiveHop, envelope: LiveStart["envelope"]): LiveHop {
    const asked: Recipient[] = [];
    return {
      get open() {
        return hop.open;
      },
      rcpt: async (recipient, signal) => {
        const said = await hop.rcpt(recipient, signal);
        if (said.kind === "taken" && mayAsk(envelope, recipient)) asked.push(recipient);
        return said;
      },
      data: (signal) => hop.data(signal),
      content: async (message, signal) => {
        const said = await hop.content(message, signal);
        if (said.kind !== "taken") return said;
        const { via, onward } = said;
        for (const recipient of asked) {
          const outcome = { kind: "delivered", recipient, reply: said.reply, ...onward } as const;
          this.#forwarded.set(recipient, { outcome, via });
        }
        return said;
      },
      close: () => hop.close(),
    };
  }

  /** See `QueueApi.delivered`. */
  async delivered(envelope: Envelope, original: Message): Promise<void> {
    const lines = envelope.recipients.flatMap((recipient): ReportLine[] => {
      if (this.#queued.has(recipient)) return [];
      const known = this.#forwarded.get(recipient);
      const line = known === undefined
        ? successLine({ kind: "delivered", recipient, reply: TAKEN }, undefined, undefined)
        : successLine(known.outcome, envelope.wanted, known.via);
      const own = line === undefined ? [] : [known === undefined ? { ...line, reply: undefined } : line];
      return [...expansion(recipient), ...own];
    });
    await this.#tell(envelope, original, lines);
  }

  /** Of the recipients of a message that the queue has taken; those that stand for an alias of several. Never rejects. */
  async expanded(envelope: Envelope, original: Message): Promise<void> {
    await this.#tell(envelope, original, envelope.recipients.flatMap(expansion));
  }

  async #tell(envelope: Envelope, original: Message, lines: readonly ReportLine[]): Promise<void> {
    if (lines.length === 0 || envelope.sender.isNull()) return;
    const { clock, host, log, newId, settings } = this.#core;
    const { me, bounceTemplates: templates } = settings();
    const now = clock.now();
    try {
      const item = { envelope, queuedAt: now };
      const report = makeReport({
        kind: "delivered",
        me,
        templates,
        log,
        item,
        lines,
        original,
        now,
        pid: host.pid,
        id: newId(),
      });
      await this.#store(report.envelope, report.message);
    } catch (error) {
      log.error(`Cannot queue a report to the sender: ${error instanceof Error ? error.message : error}`, {
        id: envelope.id,
      });
    }
  }
}

/** Whether its delivery may be worth a report. */
export function mayAsk({ wanted }: Pick<Envelope, "wanted">, recipient: Recipient): boolean {
  return isToldOf("SUCCESS", recipient, false) || wanted?.deliverBy !== undefined ||
    recipient.expandedFrom !== undefined;
}

/** RFC 3461 §5.2.7.3: what the sender hears of an alias, in the place of news from each of its addresses. */
function expansion(recipient: Recipient): ReportLine[] {
  const { expandedFrom: address, originalRecipient } = recipient;
  if (address === undefined) return [];
  const alias: Recipient = {
    address,
    parameters: recipient.parameters,
    ...(originalRecipient && { originalRecipient }),
  };
  return [{ recipient: alias, action: "expanded", status: "2.0.0", reason: "sent on to the addresses it stands for" }];
}
