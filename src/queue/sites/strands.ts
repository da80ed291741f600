/**
 * Who is in line for which site: a lane for each site, and in it a strand for what one sender has in line at one level, in the order in which it came.
 *
 * Before bulk go reports and what somebody waits for: a null sender's mail is a level higher, what is tried again, goes to many or comes from a
 * sender with many in line is a level lower, all within one priority of RFC 6710.
 */
import type { HeapEntry } from "../../base/heap.ts";
import type { Site } from "../../hooks/site.ts";
import { Line } from "../line.ts";
import { Fifo } from "./fifo.ts";
import { NULL_FLOW, UNKNOWN_FLOW } from "./flow.ts";
import type { SiteBook } from "./site_book.ts";
import type { SiteState } from "./site_state.ts";
import { keyOf } from "./turns.ts";

/** What lanes need to know of an item. */
export interface Queueing {
  readonly domain: string;
  /** RFC 6710. */
  readonly priority?: number;
  /** Whose it is (`flow.ts`). */
  readonly flow?: number;
  /** One of many of its message, or tried before. */
  readonly isBulk?: boolean;
}

/** A sender with more in line sends in bulk. */
const BULK = 100;

/** What one sender has in line for one site, at one level. */
export interface Strand<T> {
  readonly lane: Lane<T>;
  readonly level: number;
  readonly flow: number;
  readonly waiting: Fifo<T>;
  /** Where it waits: among all for its turn, or in its lane for the site. */
  place: "none" | "ring" | "lane";
}

export interface Lane<T> {
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

export class Strands<T extends Queueing> {
  readonly #book: SiteBook;
  readonly #siteOf: (item: T) => Site;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Items in line by whose they are. */
  readonly #inLine = new Map<number, number>();

  constructor(book: SiteBook, siteOf: (item: T) => Site) {
    this.#book = book;
    this.#siteOf = siteOf;
  }

  /** Of a site, by its name, while anything is in line or under way for it. */
  lane(name: string): Lane<T> | undefined {
    return this.#lanes.get(name);
  }

  lanes(): Iterable<Lane<T>> {
    return this.#lanes.values();
  }

  names(): Iterable<string> {
    return this.#lanes.keys();
  }

  /** Puts an item at the end of its strand, which waits somewhere already or has to be put there. */
  enlist(item: T): Strand<T> {
    const lane = this.#lane(this.#siteOf(item));
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
    return strand;
  }

  /** Takes the first out of its strand. */
  drop({ lane, flow, waiting }: Strand<T>): T {
    lane.size--;
    const left = this.#inLine.get(flow)! - 1;
    if (left === 0) this.#inLine.delete(flow);
    else this.#inLine.set(flow, left);
    return waiting.shift()!;
  }

  /** An empty strand is done with. */
  end({ lane, level, flow }: Strand<T>): void {
    lane.strands.delete(keyOf(level, flow));
  }

  /** Moves all that wait for a site to the end of `into`; its lane stays. */
  empty(lane: Lane<T>, into: T[]): void {
    for (const strand of lane.strands.values()) while (strand.waiting.size > 0) into.push(this.drop(strand));
    lane.strands.clear();
    lane.full = new Line();
    lane.inRing = 0;
  }

  forget(lane: Lane<T>): void {
    if (this.#lanes.get(lane.site.name) === lane) this.#lanes.delete(lane.site.name);
  }

  #lane(site: Site): Lane<T> {
    let lane = this.#lanes.get(site.name);
    if (lane === undefined) {
      lane = {
        site,
        state: this.#book.state(site),
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
}
