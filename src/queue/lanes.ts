/**
 * Who may go: slots in total and for each site, handed out as leases. Sites take turns; within a site and among sites the senders take turns;
 * those of a higher priority go before others (RFC 6710; `line.ts` says how nobody starves).
 *
 * Before bulk go reports and what somebody waits for: a null sender's mail is a level higher, what is tried again, goes to many or comes from a
 * sender with many in line is a level lower, all within one priority of RFC 6710.
 *
 * Sites that nobody has reached yet and those that fail share a part of the slots, so that hosts which don't answer never hold them all. A site that
 * rests, or has used up its rate, waits here and holds no slot. A slot is given back by `release` (or `using`), whatever became of the attempt; twice
 * does no harm. With slots shared among workers, a site that others fill is looked at again after a short while.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { HeapEntry } from "../base/heap.ts";
import type { Site } from "../hooks/site.ts";
import { Line } from "./line.ts";
import { Schedule } from "./schedule.ts";
import type { Slots } from "./shared_slots.ts";
import { Fifo } from "./sites/fifo.ts";
import { NULL_FLOW, UNKNOWN_FLOW } from "./sites/flow.ts";
import type { Heard } from "./sites/heard.ts";
import { step } from "./sites/pace.ts";
import type { SharedPaces } from "./sites/shared_paces.ts";
import type { SiteBook } from "./sites/site_book.ts";
import type { SiteState, Standing } from "./sites/site_state.ts";
import { keyOf, Turns } from "./sites/turns.ts";

export interface LaneLimits {
  readonly concurrencyMax: number;
}

/** Slots and rates that count in other workers too. */
export interface SharedLanes {
  readonly slots: Slots;
  readonly paces?: SharedPaces;
}

/** What lanes need to know of an item. */
export interface Queueing {
  readonly domain: string;
  /** RFC 6710. */
  readonly priority?: number;
  /** Whose it is (`sites/flow.ts`). */
  readonly flow?: number;
  /** One of many of its message, or tried before. */
  readonly isBulk?: boolean;
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

/** How soon it is looked whether another worker gave a slot back. */
const LOOK_AGAIN_MS = 10;
/** Slots; of fewer none are kept back. */
const FEW = 8;
/** A sender with more in line sends in bulk. */
const BULK = 100;
/** The standings a site may have, and how many of all slots are theirs at most: a quarter is kept for those that are reached. */
const PARTS: readonly { readonly standing: Standing; readonly room: (slots: number) => number }[] = [
  { standing: "proven", room: () => Infinity },
  { standing: "new", room: (slots) => slots - Math.floor(slots / 4) },
  { standing: "failing", room: (slots) => Math.max(1, Math.floor(slots / 4)) },
];
const PLACES = { proven: 0, new: 1, failing: 2 } as const satisfies { readonly [S in Standing]: number };

export interface Lease extends Disposable {
  readonly site: Site;
  /** What became of it tells of the site; once, before the release. */
  heard(heard: Heard): void;
  release(): void;
}

/** What one sender has in line for one site, at one level. */
interface Strand<T> {
  readonly lane: Lane<T>;
  readonly level: number;
  readonly flow: number;
  readonly waiting: Fifo<T>;
  /** Where it waits: among all for its turn, or in its lane for the site. */
  place: "none" | "ring" | "lane";
}

interface Lane<T> {
  site: Site;
  readonly state: SiteState;
  readonly strands: Map<number, Strand<T>>;
  /** Strands that wait for the site to have room. */
  full: Line<Strand<T>>;
  /** Items in line. */
  size: number;
  /** Strands in the rings. */
  inRing: number;
  active: number;
  /** When a site that rests, or has used up its rate, is looked at again. */
  wakeAt: number;
  slot: HeapEntry<Lane<T>> | undefined;
}

export class Lanes<T extends Queueing> {
  readonly #options: LaneOptions<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Those whose turn comes, by the standing of their sites. */
  readonly #rings: Turns<Strand<T>>[] = PARTS.map(() => new Turns());
  /** Deliveries under way, by the standing of their sites when they began. */
  readonly #running = PARTS.map(() => 0);
  /** Items in line by whose they are. */
  readonly #inLine = new Map<number, number>();
  readonly #sleepers: Schedule<Lane<T>>;
  #turn = 0;
  #active = 0;
  #open = false;
  #granting = false;
  /** Sites whose slots other workers have. */
  readonly #starved = new Set<Lane<T>>();
  #timer: Timer | undefined;

  constructor(options: LaneOptions<T>) {
    this.#options = options;
    this.#sleepers = new Schedule<Lane<T>>(options.clock, (lane) => {
      this.#refill(lane);
      this.grant();
    });
  }

  get active(): number {
    return this.#active;
  }

  /** Of a site, by its name. */
  countsOf(name: string): { readonly active: number; readonly ready: number } {
    const lane = this.#lanes.get(name);
    return { active: lane?.active ?? 0, ready: lane?.size ?? 0 };
  }

  /** Sites that have anything in line or under way. */
  names(): Iterable<string> {
    return this.#lanes.keys();
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
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#options.shared?.slots.unwant();
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
        const strand = this.#next();
        if (strand === undefined || this.#serve(strand) === "full") break;
      }
    } finally {
      this.#granting = false;
    }
  }

  /** Limits may have grown: every site that waits is looked at again. */
  relimit(): void {
    for (const lane of this.#lanes.values()) this.#refill(lane);
    this.grant();
  }

  /** A site may go on. */
  wake(name: string): void {
    const lane = this.#lanes.get(name);
    if (lane === undefined) return;
    this.#refill(lane);
    this.grant();
  }

  /** Which site an item belongs to may be another now: all that wait are put in line anew. */
  resite(): void {
    const waiting: T[] = [];
    for (let ring = 0; ring < PARTS.length; ring++) this.#rings[ring] = new Turns();
    this.#inLine.clear();
    for (const lane of [...this.#lanes.values()]) {
      for (const strand of lane.strands.values()) waiting.push(...strand.waiting);
      lane.strands.clear();
      lane.full = new Line();
      lane.size = 0;
      lane.inRing = 0;
      this.#starved.delete(lane);
      this.#tidy(lane);
    }
    for (const item of waiting) if (!this.#options.gone(item)) this.#enlist(item);
    this.grant();
  }

  #enlist(item: T): void {
    const lane = this.#lane(this.#options.siteOf(item));
    const flow = item.flow ?? UNKNOWN_FLOW;
    const inLine = this.#inLine.get(flow) ?? 0;
    const isBulk = item.isBulk === true || inLine >= BULK;
    const level = 2 * (item.priority ?? 0) + (flow === NULL_FLOW ? 1 : 0) - (isBulk ? 1 : 0);
    const key = keyOf(level, flow);
    let strand = lane.strands.get(key);
    if (strand === undefined) {
      strand = { lane, level, flow, waiting: new Fifo(), place: "none" };
      lane.strands.set(key, strand);
    }
    strand.waiting.push(item);
    lane.size++;
    this.#inLine.set(flow, inLine + 1);
    if (strand.place === "none") this.#place(strand);
  }

  #lane(site: Site): Lane<T> {
    let lane = this.#lanes.get(site.name);
    if (lane === undefined) {
      lane = {
        site,
        state: this.#options.book.state(site),
        strands: new Map(),
        full: new Line(),
        size: 0,
        inRing: 0,
        active: 0,
        wakeAt: Infinity,
        slot: undefined,
      };
      this.#lanes.set(site.name, lane);
    } else if (lane.site.policy !== site.policy) {
      lane.site = site;
      lane.state.policy = site.policy;
    }
    return lane;
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
    else this.#enter(strand);
  }

  #park(strand: Strand<T>): void {
    strand.place = "lane";
    strand.lane.full.push(strand, strand.level);
  }

  #enter(strand: Strand<T>): void {
    const { lane, level, flow } = strand;
    strand.place = "ring";
    lane.inRing++;
    this.#rings[PLACES[lane.state.standing]]!.push(strand, level, flow);
  }

  /** As many of those that wait for the site as it has room for. */
  #refill(lane: Lane<T>): void {
    if (lane.full.size === 0) return;
    const now = this.#options.clock.now();
    const rests = lane.state.restsUntil(now);
    if (rests > 0) return this.#sleep(lane, rests);
    const limit = lane.state.limit(now);
    while (lane.full.size > 0 && lane.active + lane.inRing < limit) this.#enter(lane.full.shift()!);
  }

  #sleep(lane: Lane<T>, until: number): void {
    if (until === Infinity || (lane.slot !== undefined && lane.wakeAt <= until)) return;
    this.#sleepers.remove(lane);
    lane.wakeAt = until;
    this.#sleepers.add(lane);
  }

  /** Whose turn it is: the standings take turns, each while it has not used up its part. */
  #next(): Strand<T> | undefined {
    const { limits, shared } = this.#options;
    const slots = Math.ceil(limits().concurrencyMax / (shared?.slots.workers ?? 1));
    for (let i = 0; i < PARTS.length; i++) {
      const at = (this.#turn + i) % PARTS.length;
      const ring = this.#rings[at]!;
      const room = PARTS[at]!.room(slots);
      // What fails has been new: both together have no more than what is new.
      const taken = at === PLACES.new ? this.#running[at]! + this.#running[PLACES.failing]! : this.#running[at]!;
      while (ring.size > 0 && taken < room) {
        const strand = ring.shift()!;
        const { lane, level, flow } = strand;
        const standing = PLACES[lane.state.standing];
        if (standing !== at) {
          this.#rings[standing]!.push(strand, level, flow);
          continue;
        }
        lane.inRing--;
        strand.place = "none";
        this.#turn = at + 1;
        return strand;
      }
    }
    return undefined;
  }

  /** Starts the first of them, if its site has room; `full`: there is no slot for anybody. */
  #serve(strand: Strand<T>): "full" | undefined {
    const { lane, waiting } = strand;
    const { clock, gone, limits, shared } = this.#options;
    const { state, site: { name } } = lane;
    for (let first = waiting.first; first !== undefined && gone(first); first = waiting.first) this.#drop(strand);
    const now = clock.now();
    if (waiting.size === 0) {
      this.#after(strand, now);
      this.#refill(lane);
      this.#tidy(lane);
      return undefined;
    }
    const rests = state.restsUntil(now);
    const limit = this.#isCrowded(state) ? 1 : state.limit(now);
    if (rests > 0 || lane.active >= limit) {
      this.#park(strand);
      if (rests > 0) this.#sleep(lane, rests);
      return undefined;
    }
    if (shared !== undefined) {
      const full = shared.slots.take(name, { concurrencyMax: limits().concurrencyMax, perDestination: limit });
      if (full !== undefined) return this.#missed(strand, full);
    }
    const wait = this.#pace(state, now);
    if (wait > 0) {
      shared?.slots.give(name);
      this.#park(strand);
      this.#sleep(lane, now + wait);
      return undefined;
    }
    const item = this.#drop(strand);
    this.#start(lane, item, () => this.#after(strand, now));
    return undefined;
  }

  /** So many sites that nobody has reached yet are tried that each gets one delivery before any gets more. */
  #isCrowded({ standing }: SiteState): boolean {
    if (standing !== "new") return false;
    const { limits, shared } = this.#options;
    const slots = Math.ceil(limits().concurrencyMax / (shared?.slots.workers ?? 1));
    return slots >= FEW &&
      this.#running[PLACES.new]! + this.#running[PLACES.failing]! >= PARTS[PLACES.new]!.room(slots) / 2;
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
    const { lane, level, flow, waiting } = strand;
    if (waiting.size === 0) lane.strands.delete(keyOf(level, flow));
    else if (lane.active >= lane.state.limit(now)) this.#park(strand);
    else this.#enter(strand);
  }

  /** Takes the first out of its strand. */
  #drop({ lane, flow, waiting }: Strand<T>): T {
    lane.size--;
    const left = this.#inLine.get(flow)! - 1;
    if (left === 0) this.#inLine.delete(flow);
    else this.#inLine.set(flow, left);
    return waiting.shift()!;
  }

  #start(lane: Lane<T>, item: T, then: () => void): void {
    const { book, go, shared } = this.#options;
    const { site, state } = lane;
    const { epoch } = state;
    const standing = PLACES[state.standing];
    lane.active++;
    this.#active++;
    this.#running[standing]!++;
    then();
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      lane.active--;
      this.#active--;
      this.#running[standing]!--;
      shared?.slots.give(site.name);
      this.#starved.delete(lane);
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

  /** No shared slot: at the head of its turns again when none is left for anybody, else put by until others give theirs back. */
  #missed(strand: Strand<T>, full: "total" | "domain"): "full" | undefined {
    const { lane, level, flow } = strand;
    const { clock, shared } = this.#options;
    if (full === "total") {
      strand.place = "ring";
      lane.inRing++;
      this.#rings[PLACES[lane.state.standing]]!.unshift(strand, level, flow);
    } else {
      this.#park(strand);
      this.#starved.add(lane);
    }
    this.#timer ??= clock.after(LOOK_AGAIN_MS, () => {
      this.#timer = undefined;
      this.#lookAgain(shared!.slots);
    });
    return full === "total" ? "full" : undefined;
  }

  #lookAgain(slots: Slots): void {
    for (const lane of [...this.#starved]) {
      this.#starved.delete(lane);
      if (lane.size === 0) slots.unwant(lane.site.name);
      this.#refill(lane);
      this.#tidy(lane);
    }
    this.grant();
    // What was waited for in vain is waited for by nobody else on our behalf.
    if (this.#timer === undefined) slots.unwant();
  }

  #tidy(lane: Lane<T>): void {
    if (lane.active > 0 || lane.strands.size > 0 || this.#starved.has(lane)) return;
    this.#sleepers.remove(lane);
    if (this.#lanes.get(lane.site.name) === lane) this.#lanes.delete(lane.site.name);
  }
}
