/**
 * Who may go: slots in total and for each site, handed out as leases. Sites take turns; within a site and among sites the senders take turns
 * (`sites/strands.ts`, `sites/rings.ts`); those of a higher priority go before others (RFC 6710; `line.ts` says how nobody starves).
 *
 * A site that rests, or has used up its rate, waits here and holds no slot. A slot is given back by `release` (or `using`), whatever became of the
 * attempt; twice does no harm. With slots shared among workers, a site that others fill is looked at again after a short while.
 */
import type { Clock } from "../base/clock.ts";
import type { Site } from "../hooks/site.ts";
import { Schedule } from "./schedule.ts";
import type { Slots } from "./shared_slots.ts";
import type { Heard } from "./sites/heard.ts";
import { step } from "./sites/pace.ts";
import { Rings } from "./sites/rings.ts";
import type { SharedPaces } from "./sites/shared_paces.ts";
import type { SiteBook } from "./sites/site_book.ts";
import type { SiteState } from "./sites/site_state.ts";
import { Starved } from "./sites/starved.ts";
import { type Lane, type Queueing, type Strand, Strands } from "./sites/strands.ts";

export interface LaneLimits {
  readonly concurrencyMax: number;
}

/** Slots and rates that count in other workers too. */
export interface SharedLanes {
  readonly slots: Slots;
  readonly paces?: SharedPaces;
}

export interface LaneOptions<T> {
  readonly clock: Clock;
  readonly limits: () => LaneLimits;
  readonly book: SiteBook;
  readonly siteOf: (item: T) => Site;
  /** Called with each item that gets a slot. */
  readonly go: (item: T, lease: Lease) => void;
  /** Tells of one that should no longer go. */
  readonly gone: (item: T) => boolean;
  readonly shared?: SharedLanes | undefined;
}

export interface Lease extends Disposable {
  readonly site: Site;
  /** What became of it tells of the site; once, before the release. */
  heard(heard: Heard): void;
  release(): void;
}

export class Lanes<T extends Queueing> {
  readonly #options: LaneOptions<T>;
  readonly #strands: Strands<T>;
  readonly #rings = new Rings<T>();
  readonly #sleepers: Schedule<Lane<T>>;
  #active = 0;
  #open = false;
  #granting = false;
  readonly #starved: Starved<Lane<T>> | undefined;

  constructor(options: LaneOptions<T>) {
    this.#options = options;
    this.#strands = new Strands(options.book, options.siteOf);
    this.#sleepers = new Schedule<Lane<T>>(options.clock, (lane) => {
      this.#refill(lane);
      this.grant();
    });
    const { clock, shared } = options;
    if (shared === undefined) return;
    this.#starved = new Starved(clock, shared.slots, {
      look: (lane) => {
        this.#refill(lane);
        this.#tidy(lane);
      },
      looked: () => this.grant(),
    });
  }

  get active(): number {
    return this.#active;
  }

  /** Of a site, by its name. */
  countsOf(name: string): { readonly active: number; readonly ready: number } {
    const lane = this.#strands.lane(name);
    return { active: lane?.active ?? 0, ready: lane?.size ?? 0 };
  }

  /** Sites that have anything in line or under way. */
  names(): Iterable<string> {
    return this.#strands.names();
  }

  /** Puts an item in line. */
  add(item: T): void {
    this.#enlist(item);
    this.grant();
  }

  /** Opened, slots are handed out; closed, none are, and running attempts go on. */
  set open(open: boolean) {
    this.#open = open;
    if (open) this.#sleepers.start();
    else {
      this.#sleepers.stop();
      this.#starved?.stop();
    }
    this.grant();
  }

  /** Hands out what is free. Called after anything that may have freed a slot, and when limits changed. */
  grant(): void {
    // A `go` that ends at once comes back here: the loop below sees what it freed.
    if (this.#granting) return;
    this.#granting = true;
    try {
      const { limits } = this.#options;
      while (this.#open && this.#active < limits().concurrencyMax) {
        const strand = this.#rings.next(this.#slots());
        if (strand === undefined || this.#serve(strand) === "full") break;
      }
    } finally {
      this.#granting = false;
    }
  }

  /** Limits may have grown: every site that waits is looked at again. */
  relimit(): void {
    for (const lane of this.#strands.lanes()) this.#refill(lane);
    this.grant();
  }

  /** A site may go on. */
  wake(name: string): void {
    const lane = this.#strands.lane(name);
    if (lane === undefined) return;
    this.#refill(lane);
    this.grant();
  }

  /** Which site an item belongs to may be another now: all that wait are put in line anew. */
  resite(): void {
    const waiting: T[] = [];
    this.#rings.clear();
    for (const lane of [...this.#strands.lanes()]) {
      this.#strands.empty(lane, waiting);
      this.#starved?.delete(lane);
      this.#tidy(lane);
    }
    for (const item of waiting) if (!this.#options.gone(item)) this.#enlist(item);
    this.grant();
  }

  #enlist(item: T): void {
    const strand = this.#strands.enlist(item);
    if (strand.place === "none") this.#place(strand);
  }

  /** Slots that this worker may count on. */
  #slots(): number {
    const { limits, shared } = this.#options;
    return Math.ceil(limits().concurrencyMax / (shared?.slots.workers ?? 1));
  }

  /** Where the next of them waits. */
  #place(strand: Strand<T>): void {
    const { lane } = strand;
    const now = this.#options.clock.now();
    const rests = lane.state.restsUntil(now);
    if (rests > 0) {
      this.#park(strand);
      this.#sleep(lane, rests);
    } else if (lane.active >= lane.state.limit(now)) this.#park(strand);
    else this.#rings.enter(strand);
  }

  #park(strand: Strand<T>): void {
    strand.place = "lane";
    strand.lane.full.push(strand, strand.level);
  }

  /** As many of those that wait for the site as it has room for. */
  #refill(lane: Lane<T>): void {
    if (lane.full.size === 0) return;
    const now = this.#options.clock.now();
    const rests = lane.state.restsUntil(now);
    if (rests > 0) return this.#sleep(lane, rests);
    const limit = lane.state.limit(now);
    while (lane.full.size > 0 && lane.active + lane.inRing < limit) this.#rings.enter(lane.full.shift()!);
  }

  #sleep(lane: Lane<T>, until: number): void {
    if (until === Infinity || (lane.slot !== undefined && lane.wakeAt <= until)) return;
    this.#sleepers.remove(lane);
    lane.wakeAt = until;
    this.#sleepers.add(lane);
  }

  /** Starts the first of them, if its site has room; `full`: there is no slot for anybody. */
  #serve(strand: Strand<T>): "full" | undefined {
    const { lane, waiting } = strand;
    const { clock, gone, limits, shared } = this.#options;
    const { state, site: { name } } = lane;
    for (let first = waiting.first; first !== undefined && gone(first); first = waiting.first) {
      this.#strands.drop(strand);
    }
    const now = clock.now();
    if (waiting.size === 0) {
      this.#after(strand, now);
      this.#refill(lane);
      this.#tidy(lane);
      return undefined;
    }
    const rests = state.restsUntil(now);
    const limit = state.standing === "new" && this.#rings.isCrowded(this.#slots()) ? 1 : state.limit(now);
    if (rests > 0 || lane.active >= limit) {
      this.#park(strand);
      if (rests > 0) this.#sleep(lane, rests);
      return undefined;
    }
    if (shared !== undefined) {
      const full = shared.slots.take(name, { concurrencyMax: limits().concurrencyMax, perDestination: limit });
      if (full !== undefined) {
        if (full === "total") this.#rings.putBack(strand);
        else this.#park(strand);
        this.#starved!.wait(full === "total" ? undefined : lane);
        return full === "total" ? "full" : undefined;
      }
    }
    const wait = this.#pace(state, now);
    if (wait > 0) {
      shared?.slots.give(name);
      this.#park(strand);
      this.#sleep(lane, now + wait);
      return undefined;
    }
    const item = this.#strands.drop(strand);
    this.#start(lane, item, () => this.#after(strand, now));
    return undefined;
  }

  /** Milliseconds that the site's rate asks to wait; 0, and it counts as gone. */
  #pace(state: SiteState, now: number): number {
    const pace = state.pace(now);
    if (pace === undefined) return 0;
    const paces = this.#options.shared?.paces;
    if (paces !== undefined) return paces.take(state.name, pace, now);
    const went = step(state.fullFrom(now, pace), now, pace);
    if ("waitMs" in went) {
      state.fullAt ??= state.fullFrom(now, pace);
      return went.waitMs;
    }
    state.fullAt = went.fullAt;
    return 0;
  }

  /** A strand that had its turn waits for the next, or is done with. */
  #after(strand: Strand<T>, now: number): void {
    const { lane, waiting } = strand;
    if (waiting.size === 0) this.#strands.end(strand);
    else if (lane.active >= lane.state.limit(now)) this.#park(strand);
    else this.#rings.enter(strand);
  }

  #start(lane: Lane<T>, item: T, then: () => void): void {
    const { book, go, shared } = this.#options;
    const { site, state } = lane;
    const { epoch } = state;
    const { standing } = state;
    lane.active++;
    this.#active++;
    this.#rings.began(standing);
    then();
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      lane.active--;
      this.#active--;
      this.#rings.ended(standing);
      shared?.slots.give(site.name);
      this.#starved?.delete(lane);
      this.#refill(lane);
      this.#tidy(lane);
      this.grant();
    };
    go(item, {
      site,
      heard: (heard) => book.heard(state, heard, epoch),
      release,
      [Symbol.dispose]: release,
    });
  }

  #tidy(lane: Lane<T>): void {
    if (lane.active > 0 || lane.strands.size > 0 || this.#starved?.has(lane) === true) return;
    this.#sleepers.remove(lane);
    this.#strands.forget(lane);
  }
}
