/**
 * The outbound queue: mail that was accepted is kept on the local disk until every recipient is served or the sender was told.
 *
 * Promises: what `accept` resolved for survives a crash; every item is tried until it is delivered, bounced or removed; at least once,
 * and twice only when a crash falls between a peer's reply and our record of it. A full or failing disk refuses new mail and nothing
 * else; damage found on disk is set aside with a log event and never stops the start. One process per directory.
 */
import { newId } from "../base/ids.ts";
import type { Clock } from "../base/clock.ts";
import type { Envelope, Forwarder, Taken } from "../hooks/outbound.ts";
import type { Message } from "../mail/message.ts";
import { Acceptor } from "./accept.ts";
import { BodyFiles } from "./body_files.ts";
import { Budget } from "./budget.ts";
import { Compactor, SegmentCounts } from "./compact.ts";
import type { Core, QueuedEntry } from "./core.ts";
import type { Courier } from "./courier.ts";
import { Deliverer } from "./deliver.ts";
import { Direct } from "./direct.ts";
import type { ImportedFile, ImportStep } from "./import/brought.ts";
import { Importer } from "./import/importer.ts";
import { Journal } from "./journal.ts";
import { Keyring } from "./keyring.ts";
import { Lanes } from "./lanes.ts";
import { countItems, listItems, look } from "./list.ts";
import { newsAt } from "./news.ts";
import { NewsDesk } from "./news_desk.ts";
import { Operator } from "./operate.ts";
import { pacer } from "./pacer.ts";
import { QueueError } from "./queue_error.ts";
import { recover, type Recovered } from "./recover.ts";
import { dueAfterStart, nextNews, setTimes } from "./resting_times.ts";
import { Schedule } from "./schedule.ts";
import { Settler } from "./settle.ts";
import { finishAdoption } from "./shards.ts";
import { SiteBook } from "./sites/site_book.ts";
import { SiteFinder } from "./sites/site_finder.ts";
import { SitesDesk } from "./sites/sites_desk.ts";
import { suspensionFile } from "./sites/suspension_file.ts";
import { traceItems } from "./trace.ts";
import type {
  ListedItem,
  ListFilter,
  Order,
  Ordered,
  QueueApi,
  QueueOptions,
  QueueSettings,
  QueueStats,
  Spool,
  TracedItem,
} from "./types.ts";

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
  readonly #finder: SiteFinder;
  readonly #news: NewsDesk<QueuedEntry>;
  /** How each destination stands, and the operator's say in it. */
  readonly sites: SitesDesk;
  readonly #compactor: Compactor;
  readonly #recovered: Recovered;
  readonly #options: QueueOptions;
  readonly #unlock: () => void;
  #unwatch: () => void = () => {};
  readonly #operator: Operator;
  readonly #importer: Importer;
  #started = false;
  readonly #siteOf = (domain: string): string => this.#finder.siteOf(domain).name;
  #stopped: Promise<void> | undefined;

  /** Replays what is on disk and is ready to accept. Rejects when the directory cannot be used or another process has it. */
  static async open(options: QueueOptions): Promise<Queue> {
    // Other people's mail is nobody's to read.
    options.host.mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    const lock = options.fileLock?.(options.dir);
    try {
      await finishAdoption(options.host, options.dir, options.log);
      const counts = new SegmentCounts();
      const keys = new Keyring(() => options.clock.now(), () => options.settings.value, options.claims);
      const recovered = await recover({ ...options, holder: counts, keys });
      return new Queue(options, recovered, counts, keys, () => lock?.release());
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  private constructor(
    options: QueueOptions,
    recovered: Recovered,
    counts: SegmentCounts,
    keys: Keyring,
    unlock: () => void,
  ) {
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
      unsettled: recovered.unsettled,
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
      keys,
      segments,
      slackBytes: 2 * segmentBytes,
    });
    counts.emptied = (segment) => {
      if (segment === segments[0]) void this.#compactor.tidy();
    };
    this.#finder = new SiteFinder({ clock, table: () => settings().sites });
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
      sites: (entry) => this.#finder.siteOf(entry.domain),
      keys,
      ready: (entry) => this.#ready(entry),
      wait: (entry) => this.#wait(entry),
      rest: (entry) => void ledger.rest(entry.message),
    };
    this.#core = core;
    this.#importer = new Importer(core);
    const budget = new Budget(() => settings().memoryBudget);
    this.#direct = new Direct(core, (envelope, message) => this.#acceptor.store(envelope, message));
    this.#acceptor = new Acceptor(core, budget, this.#direct);
    this.#settler = new Settler(core, this.#acceptor);
    this.#deliverer = new Deliverer(core, this.#settler, budget);
    const book = new SiteBook({
      clock,
      log,
      file: suspensionFile(host, options.suspensions ?? `${dir}/sites.json`, log, dir.slice(dir.lastIndexOf("/") + 1)),
      ...(options.jitter === undefined ? {} : { random: options.jitter }),
    });
    this.#lanes = new Lanes<QueuedEntry>({
      clock,
      limits: settings,
      book,
      siteOf: (entry) => this.#finder.siteOf(entry.domain),
      go: (entry, lease) => {
        this.#news.unwatch(entry);
        this.#deliverer.run(entry, lease);
      },
      gone: (entry) => entry.state !== "ready",
      shared: options.shared,
    });
    this.sites = new SitesDesk({ clock, book, lanes: this.#lanes, table: () => settings().sites });
    this.#news = new NewsDesk<QueuedEntry>({
      clock,
      tell: (entry) => {
        entry.message.pins++;
        return this.#deliverer.tell(entry).finally(() => void entry.message.pins--);
      },
      told: (entry) => this.#told(entry),
    });
    this.#deliverer.news = this.#news;
    const { resting } = ledger;
    this.#schedule = new Schedule<QueuedEntry>(clock, (entry) => this.#woken(entry), {
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
    this.#operator = new Operator({
      core,
      schedule: this.#schedule,
      deliverer: this.#deliverer,
      delivers: () => this.#started,
      siteOf: this.#siteOf,
    });
    const now = clock.now();
    setTimes(resting, settings(), (domain) => this.#finder.siteOf(domain).policy, now);
    for (const { entries, queuedAt } of ledger.awake.values()) {
      for (const entry of entries) {
        entry.dueAt = dueAfterStart(entry.dueAt, queuedAt, now);
        if (entry.state === "waiting") this.#await(entry);
      }
    }
    void this.#compactor.tidy();
  }

  accept(envelope: Envelope, message: Message): Promise<Taken> {
    if (this.#stopped !== undefined) return Promise.reject(stoppedError());
    return this.#acceptor.accept(envelope, message);
  }

  /** The id of the message that was taken under the key of a submission. */
  submitted(key: string): string | undefined {
    return this.#core.keys.of(key);
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
    let { sites } = settings.value;
    const follow = (now: QueueSettings) => {
      this.#lanes.open = !now.disabled && this.#stopped === undefined;
      if (now.sites === sites) return this.#lanes.relimit();
      sites = now.sites;
      this.#lanes.resite();
    };
    this.#started = true;
    this.#deliverer.courier = courier;
    this.#finder.courier = courier;
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
    await this.#finder.stop();
    await this.#deliverer.stop(deadlineMs);
    await this.#news.stop();
    await this.#compactor.stop();
    await this.#core.journal.close();
    for (const segment of this.#recovered.segments) segment.close();
    this.#core.journal.segment?.close();
    this.#unlock();
  }

  flush(domain?: string): number {
    return this.#operator.flush(domain);
  }

  order(order: Order): Promise<Ordered> {
    return this.#operator.order(order);
  }

  async hold(id: string): Promise<number> {
    return (await this.order({ verb: "hold", filter: { id } })).items;
  }

  async release(id: string): Promise<number> {
    return (await this.order({ verb: "release", filter: { id } })).items;
  }

  async remove(id: string): Promise<number> {
    return (await this.order({ verb: "remove", filter: { id } })).items;
  }

  list(filter?: ListFilter): ListedItem[] {
    return listItems(this.#core.ledger, { ...filter, siteOf: this.#siteOf });
  }

  look(filter: ListFilter = {}): Promise<ListedItem[]> {
    return look(this.#core.ledger, { ...filter, siteOf: this.#siteOf }, pacer(this.#clock));
  }

  trace(id: string): TracedItem[] {
    const { ledger, settings } = this.#core;
    const running = {
      active: this.#lanes.active,
      siteOf: (domain: string) => this.sites.show(this.#finder.siteOf(domain).name),
    };
    return traceItems(ledger, id, { now: this.#clock.now(), settings: settings(), running });
  }

  import(dir: string, step?: ImportStep): Promise<ImportedFile[]> {
    return this.#importer.import(dir, step);
  }

  stats(): QueueStats {
    return countItems(this.#core.ledger, this.#lanes.active);
  }

  /** Its time has come; or that of the news alone. */
  #woken(entry: QueuedEntry): void {
    if (entry.dueAt <= this.#clock.now()) this.#ready(entry);
    else {
      // As in an attempt: nobody puts it anywhere else meanwhile.
      entry.state = "active";
      this.#news.tell(entry);
    }
  }

  /** Puts it in line, once it is known for which site. */
  #ready(entry: QueuedEntry): void {
    entry.state = "ready";
    this.#watch(entry);
    const known = this.#finder.find(entry.domain, () => {
      if (entry.state === "ready") this.#lanes.add(entry);
    });
    if (known) this.#lanes.add(entry);
  }

  /** However long it is in line, the sender hears what there is to hear. */
  #watch(entry: QueuedEntry): void {
    const at = newsAt(entry, this.#core.settings(), this.#core.sites(entry).policy);
    if (at !== Infinity) this.#news.watch(entry, at);
  }

  #told(entry: QueuedEntry): void {
    if (!entry.message.entries.includes(entry)) entry.state = "waiting"; // given up: whoever finds it in line passes over it
    else if (entry.state === "ready") this.#watch(entry);
    // Unless an attempt has begun, or it was let go of otherwise.
    else if (entry.running === undefined && entry.slot === undefined) this.#wait(entry);
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
    const { settings, sites } = this.#core;
    entry.newsAt = nextNews(entry, settings(), sites(entry).policy, this.#clock.now());
    return entry.wakeAt;
  }
}

function stoppedError(): QueueError {
  return new QueueError("stopped", "Cannot take a message: the queue has stopped");
}
