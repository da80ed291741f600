/**
 * One attempt at one item, from the slot it was granted to the slot given back: load, `send_email`, courier, settle.
 *
 * Whatever goes wrong ends here: a courier that throws defers the item, a disk that cannot be read puts it off, a damaged record is set
 * aside. Nothing rejects.
 */
import type { Attempt, Item, Reason } from "../hooks/outbound.ts";
import type { Site } from "../hooks/site.ts";
import { createMessage, loadMessage, type Message } from "../mail/message.ts";
import { DamagedRecord, readBack } from "./body_store.ts";
import type { Budget } from "./budget.ts";
import type { Core, QueuedEntry } from "./core.ts";
import type { Courier } from "./courier.ts";
import type { Lease } from "./lanes.ts";
import type { NewsDesk } from "./news_desk.ts";
import { setAside } from "./set_aside.ts";
import type { Settler } from "./settle.ts";
import { heardOf } from "./sites/heard.ts";

/** Until a disk that could not be read is asked again. */
const UNREADABLE_MS = 60_000;
/** What an aborted delivery may take to let go. */
const ABORT_MS = 5_000;

export class Deliverer {
  readonly #core: Core;
  readonly #settler: Settler;
  readonly #budget: Budget;
  readonly #running = new Set<Promise<void>>();
  readonly #signals = new Set<AbortController>();
  #courier: Courier | undefined;
  #news: Pick<NewsDesk<QueuedEntry>, "telling"> | undefined;
  #stopping = false;

  constructor(core: Core, settler: Settler, budget: Budget) {
    this.#core = core;
    this.#settler = settler;
    this.#budget = budget;
  }

  set courier(courier: Courier) {
    this.#courier = courier;
  }

  /** What senders are being told meanwhile. */
  set news(news: Pick<NewsDesk<QueuedEntry>, "telling">) {
    this.#news = news;
  }

  /** Begins an attempt; the lease is its own from here on. */
  run(entry: QueuedEntry, lease: Lease): void {
    const running = this.#attempt(entry, lease).then(() => void this.#running.delete(running));
    this.#running.add(running);
  }

  /** Ends an item that is not being delivered: all that is left of it has failed, and its sender is told. False when that could not be. */
  giveUp(entry: QueuedEntry, reason: Reason): Promise<boolean> {
    const ending = this.#giveUp(entry, reason);
    const running = ending.then(() => void this.#running.delete(running));
    this.#running.add(running);
    return ending;
  }

  /** Tells what there is to tell of an item that waits. Never rejects. */
  async tell(entry: QueuedEntry): Promise<void> {
    const { clock, log, sites } = this.#core;
    if (entry.running !== undefined || !entry.message.entries.includes(entry)) return;
    try {
      const loaded = await this.#load(entry, sites(entry));
      if (loaded !== undefined) await this.#settler.tellNews(entry, loaded.item, loaded.message);
    } catch (error) {
      log.error(`Cannot tell of a delay: ${describe(error)}`, { item: entry.id });
      if (entry.state !== "ready") entry.dueAt = Math.max(entry.dueAt, clock.now() + UNREADABLE_MS);
    }
  }

  /** Waits for running attempts, `deadlineMs` at most; then aborts them and waits for them to let go. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    if (await this.#settled(deadlineMs)) return;
    for (const signal of this.#signals) signal.abort(new Error("The queue stops"));
    if (!await this.#settled(ABORT_MS)) {
      this.#core.log.warn("Deliveries did not end when they were aborted", { running: this.#running.size });
    }
  }

  /** Whether all attempts ended within that time. */
  #settled(ms: number): Promise<boolean> {
    if (this.#running.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.#core.clock.after(ms, () => resolve(false));
      Promise.all(this.#running).then(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }

  async #attempt(entry: QueuedEntry, lease: Lease): Promise<void> {
    const abort = new AbortController();
    entry.state = "active";
    entry.running = abort;
    this.#signals.add(abort);
    try {
      const telling = this.#news?.telling(entry);
      if (telling !== undefined) await telling;
      if (entry.message.entries.includes(entry)) await this.#try(entry, lease, abort.signal);
    } catch (error) {
      this.#core.log.error(`Cannot settle a delivery: ${describe(error)}`, { item: entry.id });
      entry.dueAt = this.#core.clock.now() + UNREADABLE_MS;
    } finally {
      this.#signals.delete(abort);
      entry.running = undefined;
      this.cool(entry);
      if (entry.message.entries.includes(entry)) this.#core.wait(entry);
      lease.release();
    }
  }

  /** Never rejects. */
  async #giveUp(entry: QueuedEntry, reason: Reason): Promise<boolean> {
    const { log, wait } = this.#core;
    const before = entry.state;
    const abort = new AbortController();
    entry.state = "active";
    entry.running = abort;
    try {
      const loaded = await this.#load(entry, this.#core.sites(entry));
      if (loaded !== undefined) {
        const { item, message } = loaded;
        const outcomes = item.recipients.map((recipient) => ({ kind: "failed" as const, recipient, reason }));
        await this.#settler.settle(entry, item, { outcomes }, message);
      }
    } catch (error) {
      log.error(`Cannot give a message up: ${describe(error)}`, { item: entry.id });
    } finally {
      entry.running = undefined;
      this.cool(entry);
    }
    if (!entry.message.entries.includes(entry)) return true;
    if (entry.state === "active" && before === "held") entry.state = "held";
    wait(entry);
    return false;
  }

  async #try(entry: QueuedEntry, lease: Lease, signal: AbortSignal): Promise<void> {
    const { hooks, clock, journal } = this.#core;
    const loaded = await this.#load(entry, lease.site);
    if (loaded === undefined) return;
    const { item, message } = loaded;
    // What it was woken for may be the news alone.
    const telling = this.#settler.tellNews(entry, item, message);
    const news = telling instanceof Promise ? await telling : telling;
    if (news !== "none" && (entry.dueAt > clock.now() || !entry.message.entries.includes(entry))) return;
    if (hooks.has("send_email")) {
      const ran = hooks.run("send_email", { item }, { log: item.log, signal });
      const { verdict } = ran instanceof Promise ? await ran : ran;
      if (verdict?.kind === "answer" && verdict.value > 0) {
        entry.dueAt = clock.now() + verdict.value * 1000;
        journal.note("outcome", JSON.stringify({ i: entry.message.id, ...entry.stored() }));
        return;
      }
    }
    let attempt: Attempt;
    try {
      attempt = await this.#courier!.deliver(item, message, signal);
      lease.heard(heardOf(attempt));
    } catch (error) {
      if (this.#stopping || signal.aborted) return;
      item.log.error(`A delivery broke down: ${describe(error)}`);
      const reason = { text: "Internal error", status: "4.3.0" };
      attempt = { outcomes: item.recipients.map((recipient) => ({ kind: "deferred", recipient, reason })) };
    }
    await this.#settler.settle(entry, item, attempt, message);
  }

  /** The item and its message, from memory or from disk; undefined when they cannot be had, now or ever. */
  async #load(entry: QueuedEntry, site: Site): Promise<{ readonly item: Item; readonly message: Message } | undefined> {
    const core = this.#core;
    const { message: queued } = entry;
    try {
      let { envelope, message }: Partial<NonNullable<typeof queued.hot>> = queued.hot ?? {};
      if (envelope === undefined || message === undefined) {
        const back = readBack(core.host, core.bodies.dir, queued);
        envelope = back.envelope;
        message = back.source.bytes === undefined ? await loadMessage(back.source) : createMessage(back.source);
      }
      const { recipients } = envelope;
      const id = entry.id;
      const item: Item = {
        id,
        domain: entry.domain,
        site,
        envelope,
        recipients: entry.left.length === recipients.length ? recipients : entry.left.map((i) => recipients[i]!),
        attempts: entry.attempts,
        queuedAt: queued.queuedAt,
        size: queued.size,
        log: core.log.child({ uuid: id, origin: "outbound" }),
      };
      return { item, message };
    } catch (error) {
      if (error instanceof DamagedRecord || error instanceof core.host.errors.NotFound) this.#damaged(entry, error);
      else {
        core.log.error(`Cannot read a queued message: ${describe(error)}`, { item: entry.id });
        entry.dueAt = core.clock.now() + UNREADABLE_MS;
      }
      return undefined;
    }
  }

  /** The message cannot be had any more: what is left of it goes to `corrupt/`, body file included. */
  #damaged(entry: QueuedEntry, error: Error): void {
    const { host, dir, log, ledger, journal, bodies, keys } = this.#core;
    const { message } = entry;
    const { segment, offset, length } = message.place;
    const name = segment.path.slice(segment.path.lastIndexOf("/") + 1);
    let bytes: Uint8Array = new Uint8Array(0);
    try {
      bytes = segment.read(offset, offset + length);
    } catch {
      // Then the event alone has to do.
    }
    setAside(host, dir, log, { segment: name, offset, reason: `${error.message} (${message.id})` }, bytes);
    if (message.bodyFile !== undefined) {
      try {
        host.renameSync(`${bodies.dir}/${message.bodyFile}`, `${dir}/corrupt/${message.bodyFile}`);
      } catch {
        // It was the body that is missing.
      }
    }
    for (const one of [...message.entries]) if (one === entry || one.state !== "active") ledger.done(one);
    if (message.entries.length > 0) return;
    keys.forget(message.id);
    journal.note("removed", JSON.stringify({ i: message.id }));
  }

  /** The first attempt is over, or will never be: the message need not stay in memory for this item. */
  cool(entry: QueuedEntry): void {
    const { hot } = entry.message;
    if (!entry.warm || hot === undefined) return;
    entry.warm = false;
    if (--hot.users > 0) return;
    entry.message.hot = undefined;
    this.#budget.give(hot.cost);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
