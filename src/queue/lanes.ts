/**
 * Who may go: slots in total and for each destination domain, handed out as leases; domains take turns, items of one domain go in order,
 * those of a higher priority before others (RFC 6710; `line.ts` says how nobody starves).
 *
 * A slot is given back by `release` (or `using`), whatever became of the attempt; twice does no harm.
 */
import { Line } from "./line.ts";

export interface LaneLimits {
  readonly concurrencyMax: number;
  readonly perDestination: number;
}

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

  /** `go` is called with each item that gets a slot; `gone` tells of one that should no longer go. */
  constructor(limits: () => LaneLimits, go: (item: T, lease: Lease) => void, gone: (item: T) => boolean) {
    this.#limits = limits;
    this.#go = go;
    this.#gone = gone;
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
        const item = this.#shift(lane);
        if (item === undefined) this.#tidy(lane);
        else this.#start(lane, item);
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
      this.#line(lane);
      this.#tidy(lane);
      this.grant();
    };
    this.#line(lane);
    this.#go(item, { release, [Symbol.dispose]: release });
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
    if (lane.active === 0 && !lane.inRing && lane.ready.size === 0) this.#lanes.delete(lane.domain);
  }
}
