/**
 * What an operator does with queued items: hold, release, retry, remove, bounce. By a filter, in batches, with pauses, so that a million items
 * hold up no mail.
 *
 * What was done is on disk when an order resolves (`retry` only while nobody delivers: it is a wish for now). It rejects when the disk
 * fails; what was asked for holds all the same, and is written down once the disk recovers.
 */
import type { Core, QueuedEntry } from "./core.ts";
import type { Deliverer } from "./deliver.ts";
import { isParked } from "./import/restore.ts";
import { type Selected, selectEntries, selectSlowly } from "./list.ts";
import { pacer } from "./pacer.ts";
import { flushRows } from "./resting_times.ts";
import type { Schedule } from "./schedule.ts";
import type { Order, Ordered, OrderVerb } from "./types.ts";

/** Items whose records share a sync. */
const AT_ONCE = 500;
/** Reports to senders are made one by one. */
const BOUNCED_AT_ONCE = 16;
const LONGEST_REASON = 400;
/** RFC 3463 §3.1: nothing of the mail, of the address or of the next host is at fault. */
const GIVEN_UP = { text: "given up by the postmaster", status: "5.0.0" };

interface Act {
  /** Whether it can be done to an item in this state. */
  readonly can: (entry: QueuedEntry, now: number) => boolean;
  readonly atOnce: number;
  /** Resolves to how many it was done to. */
  readonly run: (entries: readonly QueuedEntry[], order: Order) => Promise<number>;
}

/** An item that is meant; its object may be of no use by the time something is done about it. */
interface Meant {
  readonly id: string;
  readonly index: number;
}
const meantBy = ({ entry: { message, index } }: Selected): Meant => ({ id: message.id, index });

export interface OperatorParts {
  readonly core: Core;
  readonly schedule: Schedule<QueuedEntry>;
  readonly deliverer: Deliverer;
  /** Whether items are delivered when they are due. */
  readonly delivers: () => boolean;
  /** Name of a domain's site. */
  readonly siteOf: (domain: string) => string;
}

export class Operator {
  readonly #parts: OperatorParts;
  readonly #acts: { readonly [V in OrderVerb]: Act };

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#acts = {
      // A running attempt goes on; what it leaves over stays held.
      hold: { can: ({ state }) => state !== "held", atOnce: AT_ONCE, run: (entries) => this.#hold(entries) },
      release: {
        can: (entry) => entry.state === "held" && !isParked(entry),
        atOnce: AT_ONCE,
        run: (entries) => this.#release(entries),
      },
      retry: { can: isRetried, atOnce: AT_ONCE, run: async (entries) => this.retry(entries) },
      remove: { can: () => true, atOnce: AT_ONCE, run: (entries) => this.#remove(entries) },
      // What a running attempt comes to nobody knows yet.
      bounce: {
        can: (entry) => entry.running === undefined && !isParked(entry),
        atOnce: BOUNCED_AT_ONCE,
        run: (entries, { reason }) => this.#bounce(entries, reason),
      },
    };
  }

  async order(order: Order): Promise<Ordered> {
    const { core: { ledger, clock } } = this.#parts;
    const { can, atOnce, run } = this.#acts[order.verb];
    // First all that are meant: what is done to one may make it be found again, or make a report that is meant as well.
    const pause = pacer(clock);
    const meant: Meant[] = [];
    for (const selected of selectSlowly(ledger, { ...order.filter, siteOf: this.#parts.siteOf })) {
      if (selected === undefined) await pause();
      else meant.push(meantBy(selected));
    }
    let items = 0;
    let passed = 0;
    for (let at = 0; at < meant.length; at += atOnce) {
      await pause();
      const here = this.#rouse(meant.slice(at, at + atOnce));
      const able = here.filter((entry) => can(entry, clock.now()));
      try {
        const done = order.dryRun || able.length === 0 ? able.length : await run(able, order);
        items += done;
        passed += here.length - done;
      } finally {
        for (const { message } of here) ledger.rest(message);
      }
    }
    return { items, passed };
  }

  /** Makes all waiting items due now, or those for a domain. */
  flush(domain?: string): number {
    const { core: { ledger, clock }, schedule, delivers } = this.#parts;
    const now = clock.now();
    if (!delivers() || domain?.includes("*")) {
      const filter = { state: "waiting", ...(domain === undefined ? {} : { domain }) } as const;
      const meant = Array.from(selectEntries(ledger, filter), meantBy);
      return this.retry(this.#rouse(meant).filter((entry) => isRetried(entry, now)));
    }
    const wanted = domain?.toLowerCase();
    // Those at rest need not be woken before their turn.
    const asleep = flushRows(ledger.resting, now, wanted);
    const awake = [...ledger.awake.values()].flatMap(({ entries }) =>
      entries.filter((entry) => (wanted === undefined || entry.domain === wanted) && isRetried(entry, now))
    );
    const count = asleep + this.retry(awake);
    schedule.changed();
    return count;
  }

  /** Makes waiting items due now. */
  retry(entries: readonly QueuedEntry[]): number {
    const { core: { clock, journal, ready }, schedule, delivers } = this.#parts;
    for (const entry of entries) {
      schedule.remove(entry);
      entry.dueAt = clock.now();
      if (!delivers()) journal.note("outcome", JSON.stringify({ i: entry.message.id, ...entry.stored() }));
      ready(entry);
    }
    return entries.length;
  }

  async #hold(entries: readonly QueuedEntry[]): Promise<number> {
    for (const entry of entries) {
      this.#parts.schedule.remove(entry);
      entry.state = "held";
    }
    return await this.#mark("hold", entries);
  }

  async #release(entries: readonly QueuedEntry[]): Promise<number> {
    for (const entry of entries) entry.state = entry.running === undefined ? "waiting" : "active";
    // Not before all of a message are: it may go to rest with the first.
    for (const entry of entries) if (entry.running === undefined) this.#parts.core.wait(entry);
    return await this.#mark("release", entries);
  }

  async #remove(entries: readonly QueuedEntry[]): Promise<number> {
    const { core: { ledger, bodies, log }, schedule, deliverer } = this.#parts;
    for (const entry of entries) {
      // Nobody else will be told.
      log.child({ uuid: entry.id, origin: "outbound" }).notice("Removed by the operator", { domain: entry.domain });
      schedule.remove(entry);
      if (entry.running === undefined) deliverer.cool(entry);
      else entry.running.abort(new Error("The item was removed"));
      entry.state = "waiting";
      ledger.done(entry);
    }
    await this.#mark("removed", entries);
    for (const message of new Set(entries.map((entry) => entry.message))) {
      if (message.entries.length === 0 && message.bodyFile !== undefined) bodies.remove(message.bodyFile);
    }
    return entries.length;
  }

  async #bounce(entries: readonly QueuedEntry[], text: string | undefined): Promise<number> {
    const { schedule, deliverer } = this.#parts;
    const words = oneLine(text ?? "");
    const reason = words === "" ? GIVEN_UP : { ...GIVEN_UP, text: words };
    const ended = await Promise.all(entries.map((entry) => {
      schedule.remove(entry);
      return deliverer.giveUp(entry, reason);
    }));
    return ended.filter(Boolean).length;
  }

  /** Those that are still there, awake. */
  #rouse(meant: readonly Meant[]): QueuedEntry[] {
    const { messages } = this.#parts.core.ledger;
    return meant.flatMap(({ id, index }) => messages.get(id)?.entries.find((entry) => entry.index === index) ?? []);
  }

  async #mark(kind: "hold" | "release" | "removed", entries: readonly QueuedEntry[]): Promise<number> {
    const { journal } = this.#parts.core;
    await Promise.all(entries.map(async ({ message, index }) => {
      const json = JSON.stringify({ i: message.id, n: index });
      try {
        await journal.append(kind, json);
      } catch (error) {
        journal.note(kind, json);
        throw error;
      }
    }));
    return entries.length;
  }
}

// deno-lint-ignore no-control-regex
const oneLine = (text: string) => text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim().slice(0, LONGEST_REASON);

/** RFC 4865: what the sender holds back has a time of the sender's, not of ours. */
export function isRetried({ state, message }: QueuedEntry, now: number): boolean {
  return state === "waiting" && (message.wanted?.h ?? 0) <= now;
}
