/**
 * The outbound queue: mail that was accepted is kept on the local disk until every recipient is served or the sender was told.
 *
 * Promises: what `accept` resolved for survives a crash; every item is tried until it is delivered, bounced or removed; at least once,
 * and twice only when a crash falls between a peer's reply and our record of it. A full or failing disk refuses new mail and nothing
 * else; damage found on disk is set aside with a log event and never stops the start. One process per directory.
 */
import { newId } from "../base/ids.ts";
import type { Clock } from "../base/clock.ts";
import type { Envelope, Forwarder } from "../hooks/outbound.ts";
import type { Message } from "../mail/message.ts";
import { Acceptor } from "./accept.ts";
import { BodyFiles } from "./body_files.ts";
import { Budget } from "./budget.ts";
import { Compactor, SegmentCounts } from "./compact.ts";
import type { Core, QueuedEntry } from "./core.ts";
import type { Courier } from "./courier.ts";
import { Deliverer } from "./deliver.ts";
import { Direct } from "./direct.ts";
import { Journal } from "./journal.ts";
import { Lanes } from "./lanes.ts";
import { countItems, listItems } from "./list.ts";
import { QueueError } from "./queue_error.ts";
import { recover, type Recovered } from "./recover.ts";
import { dueAfterStart, flushRows, nextNews, setTimes } from "./resting_times.ts";
import { Schedule } from "./schedule.ts";
import { Settler } from "./settle.ts";
import { finishAdoption } from "./shards.ts";
import type { ListedItem, ListFilter, QueueApi, QueueOptions, QueueSettings, QueueStats, Spool } from "./types.ts";

const SEGMENT_BYTES = 64 * 1024 * 1024;

export class Queue implements QueueApi {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #acceptor: Acceptor;
  readonly #direct: Direct;
  readonly #settler: Settler;
  readonly #deliverer: Deliverer;
  readonly #lanes: Lanes<QueuedEntry>;
  readonly #schedule: Schedule<QueuedEntry>;
  readonly #compactor: Compactor;
  readonly #recovered: Recovered;
  readonly #options: QueueOptions;
  readonly #unlock: () => void;
  #unwatch: () => void = () => {};
  #stopped: Promise<void> | undefined;

  /** Replays what is on disk and is ready to accept. Rejects when the directory cannot be used or another process has it. */
  static async open(options: QueueOptions): Promise<Queue> {
    // Other people's mail is nobody's to read.
    options.host.mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    const lock = options.fileLock?.(options.dir);
    try {
      await finishAdoption(options.host, options.dir, options.log);
      const counts = new SegmentCounts();
      const recovered = await recover({ ...options, holder: counts });
      return new Queue(options, recovered, counts, () => lock?.release());
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  private constructor(options: QueueOptions, recovered: Recovered, counts: SegmentCounts, unlock: () => void) {
    const { host, clock, log, hooks, dir } = options;
    const { ledger, segments, next } = recovered;
    const settings = () => options.settings.value;
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    const random = options.random ?? ((into) => void crypto.getRandomValues(into));
    const ids = options.newId ?? newId;
    this.#options = options;
    this.#clock = clock;
    this.#recovered = recovered;
    this.#unlock = unlock;
    const journal = new Journal({
      host,
      clock,
      log,
      dir,
      segmentBytes,
      random,
      next,
      onSegment: (segment) => {
        segments.push(segment);
        void this.#compactor.tidy();
      },
    });
    this.#compactor = new Compactor({
      host,
      dir,
      log,
      journal,
      ledger,
      counts,
      segments,
      slackBytes: 2 * segmentBytes,
    });
    counts.emptied = (segment) => {
      if (segment === segments[0]) void this.#compactor.tidy();
    };
    const core: Core = {
      host,
      clock,
      log,
      hooks,
      dir,
      settings,
      newId: ids,
      journal,
      ledger,
      bodies: new BodyFiles(host, `${dir}/body`, ids),
      ready: (entry) => this.#ready(entry),
      wait: (entry) => this.#wait(entry),
      rest: (entry) => void ledger.rest(entry.message),
    };
    this.#core = core;
    const budget = new Budget(() => settings().memoryBudget);
    this.#direct = new Direct(core, (envelope, message) => this.#acceptor.store(envelope, message));
    this.#acceptor = new Acceptor(core, budget, this.#direct);
    this.#settler = new Settler(core, this.#acceptor);
    this.#deliverer = new Deliverer(core, this.#settler, budget);
    this.#lanes = new Lanes<QueuedEntry>(
      settings,
      (entry, lease) => this.#deliverer.run(entry, lease),
      (entry) => entry.state !== "ready",
      options.slots === undefined ? undefined : { slots: options.slots, clock },
    );
    const { resting } = ledger;
    this.#schedule = new Schedule<QueuedEntry>(clock, (entry) => this.#ready(entry), {
      get nextAt() {
        return resting.items.times.nextAt;
      },
      wakeFirst: () => void ledger.wake(resting.items.messages[resting.items.times.first]!),
    });
    ledger.times = {
      add: (entry) => this.#await(entry),
      remove: (entry) => void this.#schedule.remove(entry),
      wakeAt: (entry) => this.#wakeAt(entry),
      changed: () => this.#schedule.changed(),
    };
    const now = clock.now();
    setTimes(resting, settings(), now);
    for (const { entries, queuedAt } of ledger.awake.values()) {
      for (const entry of entries) {
        entry.dueAt = dueAfterStart(entry.dueAt, queuedAt, now);
        if (entry.state === "waiting") this.#await(entry);
      }
    }
    void this.#compactor.tidy();
  }

  accept(envelope: Envelope, message: Message): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(stoppedError());
    return this.#acceptor.accept(envelope, message);
  }

  delivered(envelope: Envelope, message: Message): Promise<void> {
    return this.#direct.delivered(envelope, message);
  }

  heeding(forwarder: Forwarder): Forwarder {
    return this.#direct.heeding(forwarder);
  }

  spool(): Spool {
    if (this.#stopped !== undefined) throw stoppedError();
    return this.#core.bodies.create();
  }

  start(courier: Courier): void {
    const { settings } = this.#options;
    const follow = ({ disabled }: QueueSettings) => {
      this.#lanes.open = !disabled && this.#stopped === undefined;
      this.#lanes.relimit();
    };
    this.#deliverer.courier = courier;
    this.#unwatch = settings.onChange(follow);
    this.#schedule.start();
    follow(settings.value);
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#stopped ??= this.#stop(deadlineMs);
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#unwatch();
    this.#schedule.stop();
    this.#lanes.open = false;
    await this.#deliverer.stop(deadlineMs);
    await this.#compactor.stop();
    await this.#core.journal.close();
    for (const segment of this.#recovered.segments) segment.close();
    this.#core.journal.segment?.close();
    this.#unlock();
  }

  flush(domain?: string): number {
    const wanted = domain?.toLowerCase();
    const now = this.#clock.now();
    const { ledger } = this.#core;
    let count = flushRows(ledger.resting, now, wanted);
    for (const { entries } of [...ledger.awake.values()]) {
      for (const entry of entries) {
        if (entry.state !== "waiting" || (wanted !== undefined && entry.domain !== wanted)) continue;
        // RFC 4865: its time is the sender's, not ours.
        if ((entry.message.wanted?.h ?? 0) > now) continue;
        this.#schedule.remove(entry);
        entry.dueAt = now;
        this.#ready(entry);
        count++;
      }
    }
    this.#schedule.changed();
    return count;
  }

  async hold(id: string): Promise<number> {
    const found = this.#core.ledger.find(id);
    for (const entry of found) {
      this.#schedule.remove(entry);
      // A running attempt goes on; what it leaves over stays held.
      entry.state = "held";
    }
    await this.#mark("hold", found).finally(() => this.#rest(found));
    return found.length;
  }

  async release(id: string): Promise<number> {
    const all = this.#core.ledger.find(id);
    const found = all.filter(({ state }) => state === "held");
    for (const entry of found) {
      if (entry.running !== undefined) entry.state = "active";
      else {
        entry.state = "waiting";
        this.#await(entry);
      }
    }
    await this.#mark("release", found).finally(() => this.#rest(all));
    return found.length;
  }

  async remove(id: string): Promise<number> {
    const found = this.#core.ledger.find(id);
    const { ledger, bodies } = this.#core;
    for (const entry of found) {
      this.#schedule.remove(entry);
      if (entry.running === undefined) this.#deliverer.cool(entry);
      else entry.running.abort(new Error("The item was removed"));
      entry.state = "waiting";
      ledger.done(entry);
    }
    await this.#mark("removed", found).finally(() => this.#rest(found));
    for (const { message } of found) {
      if (message.entries.length === 0 && message.bodyFile !== undefined) bodies.remove(message.bodyFile);
    }
    return found.length;
  }

  list(filter?: ListFilter): ListedItem[] {
    return listItems(this.#core.ledger, filter);
  }

  stats(): QueueStats {
    return countItems(this.#core.ledger, this.#lanes.active);
  }

  /** Rejects when the disk fails; what was asked for holds all the same, and is written down once the disk recovers. */
  async #mark(kind: "hold" | "release" | "removed", entries: readonly QueuedEntry[]): Promise<void> {
    const { journal } = this.#core;
    await Promise.all(entries.map(async ({ message, index }) => {
      const json = JSON.stringify({ i: message.id, n: index });
      try {
        await journal.append(kind, json);
      } catch (error) {
        journal.note(kind, json);
        throw error;
      }
    }));
  }

  #ready(entry: QueuedEntry): void {
    entry.state = "ready";
    this.#lanes.add(entry);
  }

  /** To rest, or on the schedule while others of its message are tried. */
  #wait(entry: QueuedEntry): void {
    const { message } = entry;
    if (entry.state !== "held") entry.state = "waiting";
    if (!this.#core.ledger.rest(message) && entry.state === "waiting") this.#await(entry);
  }

  #await(entry: QueuedEntry): void {
    this.#wakeAt(entry);
    this.#schedule.add(entry);
  }

  #wakeAt(entry: QueuedEntry): number {
    entry.newsAt = nextNews(entry, this.#core.settings(), this.#clock.now());
    return entry.wakeAt;
  }

  #rest(entries: readonly QueuedEntry[]): void {
    for (const { message } of entries) this.#core.ledger.rest(message);
  }
}

function stoppedError(): QueueError {
  return new QueueError("stopped", "Cannot take a message: the queue has stopped");
}
