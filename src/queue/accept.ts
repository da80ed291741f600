/**
 * Taking mail in: the fields it lacks, one item per domain, one record, one sync; then straight into line for its first attempt.
 */
import type { Envelope, Taken } from "../hooks/outbound.ts";
import type { Message } from "../mail/message.ts";
import { formatDate } from "../mail/date.ts";
import { newMessageId } from "../mail/message_id.ts";
import type { Budget } from "./budget.ts";
import type { Core, QueuedMessage } from "./core.ts";
import type { Direct } from "./direct.ts";
import { QueueError } from "./queue_error.ts";
import { flowOf } from "./sites/flow.ts";
import { splitByDomain, type StoredMessage, type StoredOutcome, storeEnvelope } from "./stored.ts";

/** Octets a message counts for whose body is in a file. */
const FILED_COST = 4096;

export class Acceptor {
  readonly #core: Core;
  readonly #budget: Budget;
  readonly #direct: Direct;
  /** Ids on their way to the disk. */
  readonly #pending = new Set<string>();

  constructor(core: Core, budget: Budget, direct: Direct) {
    this.#core = core;
    this.#direct = direct;
    this.#budget = budget;
  }

  /** See `QueueApi.accept`. */
  async accept(envelope: Envelope, message: Message): Promise<Taken> {
    if (envelope.recipients.length === 0) {
      throw new TypeError("Cannot accept a message: current recipients are []; wanted at least one");
    }
    const { keys, log } = this.#core;
    const { key } = envelope;
    const taken = key === undefined
      ? { id: (await this.#take(envelope, message)).id, repeated: false }
      : await keys.once(key, () => this.#take(envelope, message));
    if (taken.repeated) {
      log.notice("A submission came again and is not queued again", { id: envelope.id, first: taken.id });
    }
    this.#direct.queued(envelope);
    if (!taken.repeated && envelope.recipients.some(({ expandedFrom }) => expandedFrom !== undefined)) {
      await this.#direct.expanded(envelope, message);
    }
    return taken;
  }

  #take(envelope: Envelope, message: Message): Promise<QueuedMessage> {
    const { hooks, log } = this.#core;
    this.#complete(envelope, message);
    if (hooks.has("pre_send_trans_email")) {
      const ran = hooks.run("pre_send_trans_email", { envelope, message }, { log });
      if (ran instanceof Promise) return ran.then(() => this.store(envelope, message));
    }
    return this.store(envelope, message);
  }

  /** Stores a message as it stands. With `settles`, the state of the item it reports on goes into the same record. */
  async store(envelope: Envelope, message: Message, settles?: StoredOutcome): Promise<QueuedMessage> {
    const core = this.#core;
    const settings = core.settings();
    const id = this.#unique(envelope.id);
    const { head, source, offset } = message.render();
    const size = head.length + source.size - offset;
    const inline = source.bytes !== undefined && size <= settings.bodyThreshold;
    let parts = [head];
    let body: StoredMessage["b"];
    this.#pending.add(id);
    try {
      if (inline) parts.push(offset === 0 ? source.bytes! : source.bytes!.subarray(offset));
      else {
        const ours = core.bodies.adopt(source);
        if (ours === undefined) parts = [];
        body = ours === undefined ? [await core.bodies.copy(message.open()), 0] : [ours, offset];
      }
      const stored: StoredMessage = {
        ...storeEnvelope(id === envelope.id ? envelope : { ...envelope, id }),
        ...splitByDomain(envelope.recipients, settings.alwaysSplit),
        t: core.clock.now(),
        z: size,
        ...(body === undefined ? undefined : { b: body }),
        ...(settles === undefined ? undefined : { o: settles }),
        ...(envelope.key === undefined ? undefined : { q: envelope.key }),
      };
      // A report is not taken back when its fate is unknown: sent twice is better than the news lost.
      const place = await core.journal.append("accepted", toJson(stored, core), parts, settles ? undefined : id);
      const queued = core.ledger.add(stored, place);
      if (stored.q !== undefined) core.keys.add(stored.q, id, stored.t, place.segment);
      // RFC 4865: what is to be held need not stay in memory.
      if ((stored.w?.h ?? 0) > core.clock.now()) { for (const entry of queued.entries) core.wait(entry); }
      else {
        queued.flow = flowOf(envelope.sender);
        // Whose octets were copied may be gone with their owner: such a message is read back.
        if (source.bytes !== undefined || parts.length > 0) {
          this.#warm(queued, envelope, message, inline ? size : FILED_COST);
        }
        for (const entry of queued.entries) core.ready(entry);
      }
      return queued;
    } catch (error) {
      if (body !== undefined) {
        if (parts.length === 0) core.bodies.remove(body[0]);
        else core.bodies.disown(source);
      }
      throw QueueError.of(error, "accept a message");
    } finally {
      this.#pending.delete(id);
    }
  }

  #warm(queued: QueuedMessage, envelope: Envelope, message: Message, cost: number): void {
    if (!this.#budget.take(cost)) return;
    const own = queued.id === envelope.id ? envelope : { ...envelope, id: queued.id };
    queued.hot = { envelope: own, message, cost, users: queued.entries.length };
    for (const entry of queued.entries) entry.warm = true;
  }

  /** A transaction may be queued more than once (by plugins): each message has an id of its own. */
  #unique(id: string): string {
    const taken = (name: string) => this.#core.ledger.messages.has(name) || this.#pending.has(name);
    if (!taken(id)) return id;
    let n = 2;
    while (taken(`${id}-${n}`)) n++;
    return `${id}-${n}`;
  }

  /** Spec 02 §1.1, RFC 6409 §8: fields a submitted message should have. */
  #complete(envelope: Envelope, { header }: Message): void {
    const { me, receivedHeader } = this.#core.settings();
    const now = this.#core.clock.now();
    const messageId = header.get("Message-Id");
    if (messageId === undefined || messageId === "<>") {
      if (messageId !== undefined) header.remove("Message-Id");
      header.add("Message-Id", newMessageId(me, envelope.id));
    }
    if (!header.has("Date")) header.add("Date", formatDate(now));
    if (receivedHeader !== "disabled") header.addLeading("Received", `(${receivedHeader}); ${formatDate(now)}`);
  }
}

/** Notes are plugins' and may hold what no JSON can say: the mail goes on without them. */
function toJson(stored: StoredMessage, core: Core): string {
  try {
    return JSON.stringify(stored);
  } catch (error) {
    core.log.warn(`Cannot keep the notes of a message: ${error instanceof Error ? error.message : error}`, {
      id: stored.i,
    });
    const { n: _, ...rest } = stored;
    return JSON.stringify(rest);
  }
}
