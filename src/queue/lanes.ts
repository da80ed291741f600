/**
 * Who may go: slots in total and for each destination domain, handed out as leases; domains take turns, items of one domain go in order,
 * those of a higher priority before others (RFC 6710; `line.ts` says how nobody starves).
 *
 * A slot is given back by `release` (or `using`), whatever became of the attempt; twice does no harm. With slots shared among workers, a
 * domain that others fill is looked at again after a short while.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { Line } from "./line.ts";
import type { Slots } from "./shared_slots.ts";

export interface LaneLimits {
  readonly concurrencyMax: number;
  readonly perDestination: number;
}

/** Slots that count in other workers too, and the time to wait for them by. */
export interface SharedLanes {
  readonly slots: Slots;
  readonly clock: Pick<Clock, "after">;
}

/** How soon it is looked whether another worker gave a slot back. */
const LOOK_AGAIN_MS = 10;

export interface Lease extends Disposable {
  release(): void;
}

interface Lane<T> {
  readonly domain: string;
  readonly ready: Line<T>;
  active: number;
  /** In the ring of domains that have something ready and a free slot. */
  inRing: boolean;
  /** At which level. */
  level: number;
}

export class Lanes<T extends { readonly domain: string; readonly priority?: number }> {
  readonly #limits: () => LaneLimits;
  readonly #go: (item: T, lease: Lease) => void;
  readonly #gone: (item: T) => boolean;
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #ring = new Line<Lane<T>>();
  #active = 0;
  #open = false;
  #granting = false;
  readonly #shared: SharedLanes | undefined;
  /** Domains whose slots other workers have. */
  readonly #starved = new Set<Lane<T>>();
  #timer: Timer | undefined;

  /** `go` is called with each item that gets a slot; `gone` tells of one that should no longer go. */
  constructor(
    limits: () => LaneLimits,
    go: (item: T, lease: Lease) => void,
    gone: (item: T) => boolean,
    shared?: SharedLanes,
  ) {
    this.#limits = limits;
    this.#go = go;
    this.#gone = gone;
    this.#shared = shared;
  }

  get active(): number {
    return this.#active;
  }

  activeFor(domain: string): number {
    return this.#lanes.get(domain)?.active ?? 0;
  }

  /** Puts an item in line. */
  add(item: T): void {
    let lane = this.#lanes.get(item.domain);
    if (lane === undefined) {
      lane = { domain: item.domain, ready: new Line(), active: 0, inRing: false, level: 0 };
      this.#lanes.set(item.domain, lane);
    }
    const level = item.priority ?? 0;
    lane.ready.push(item, level);
    if (lane.inRing && level > lane.level) this.#ring.push(lane, lane.level = level);
    else this.#line(lane);
    this.grant();
  }

  /** Opened, slots are handed out; closed, none are, and running attempts go on. */
  set open(open: boolean) {
    this.#open = open;
    if (!open && this.#shared !== undefined) {
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#shared.slots.unwant();
    }
    this.grant();
  }

  /** Hands out what is free. Called after anything that may have freed a slot, and when limits changed. */
  grant(): void {
    // A `go` that ends at once comes back here: the loop below sees what it freed.
    if (this.#granting) return;
    this.#granting = true;
    try {
      while (this.#open && this.#ring.size > 0 && this.#active < this.#limits().concurrencyMax) {
        const lane = this.#ring.shift()!;
        // It moved up since it was put here, and has had its turn.
        if (!lane.inRing) continue;
        lane.inRing = false;
        if (lane.active >= this.#limits().perDestination) continue; // lowered meanwhile: a release lines it up again
        if (this.#shared !== undefined && !this.#taken(lane, this.#shared.slots)) {
          if (lane.inRing) break;
          continue;
        }
        const item = this.#shift(lane);
        if (item !== undefined) this.#start(lane, item);
        else {
          this.#shared?.slots.give(lane.domain);
          this.#tidy(lane);
        }
      }
    } finally {
      this.#granting = false;
    }
  }

  /** Limits may have grown: every lane that waits is looked at again. */
  relimit(): void {
    for (const lane of this.#lanes.values()) this.#line(lane);
    this.grant();
  }

  #start(lane: Lane<T>, item: T): void {
    lane.active++;
    this.#active++;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      lane.active--;
      this.#active--;
      this.#shared?.slots.give(lane.domain);
      this.#starved.delete(lane);
      this.#line(lane);
      this.#tidy(lane);
      this.grant();
    };
    this.#line(lane);
    this.#go(item, { release, [Symbol.dispose]: release });
  }

  /** Takes a shared slot. Without one: back to the head of the ring when the total is reached, else put by until others give theirs back. */
  #taken(lane: Lane<T>, slots: Slots): boolean {
    const full = slots.take(lane.domain, this.#limits());
    if (full === undefined) return true;
    if (full === "total") {
      lane.inRing = true;
      this.#ring.unshift(lane, lane.level);
    } else this.#starved.add(lane);
    this.#timer ??= this.#shared!.clock.after(LOOK_AGAIN_MS, () => {
      this.#timer = undefined;
      this.#lookAgain(slots);
    });
    return false;
  }

  #lookAgain(slots: Slots): void {
    for (const lane of [...this.#starved]) {
      this.#starved.delete(lane);
      if (lane.ready.size === 0) slots.unwant(lane.domain);
      this.#line(lane);
      this.#tidy(lane);
    }
    this.grant();
    // What was waited for in vain is waited for by nobody else on our behalf.
    if (this.#timer === undefined) slots.unwant();
  }

  #line(lane: Lane<T>): void {
    if (lane.inRing || lane.ready.size === 0 || lane.active >= this.#limits().perDestination) return;
    lane.inRing = true;
    this.#ring.push(lane, lane.level = lane.ready.highest ?? 0);
  }

  #shift(lane: Lane<T>): T | undefined {
    for (let item = lane.ready.shift(); item !== undefined; item = lane.ready.shift()) {
      if (!this.#gone(item)) return item;
    }
    return undefined;
  }

  #tidy(lane: Lane<T>): void {
    if (lane.active === 0 && !lane.inRing && !this.#starved.has(lane) && lane.ready.size === 0) {
      this.#lanes.delete(lane.domain);
    }
  }
}
