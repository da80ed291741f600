/** The sites for people and programs that ask: how each stands and why, and the operator's suspensions. */
import type { Clock } from "../../base/clock.ts";
import type { Site, SiteTable } from "../../hooks/site.ts";
import type { SiteBook } from "./site_book.ts";
import type { SiteState } from "./site_state.ts";

export type SiteCondition = "well" | "slow" | "resting" | "probing" | "suspended";

/** One site, as `kasi sites` and the HTTP pages show it. */
export interface ListedSite {
  readonly name: string;
  readonly state: SiteCondition;
  /** Why, when it isn't well. */
  readonly reason?: string;
  /** Who brought it there. */
  readonly by?: "operator" | "breaker" | "backoff";
  /** Epoch milliseconds: when it goes on, or is probed, or speeds up. Absent: until it is resumed. */
  readonly until?: number;
  /** Deliveries under way. */
  readonly active: number;
  /** Items in line for it. */
  readonly ready: number;
  /** Deliveries it may have at one time now; 0: none. */
  readonly limit: number;
  /** Those its policy gives it. */
  readonly connections: number;
  /** Attempts in a row that reached nobody. */
  readonly fails: number;
  /** Messages in milliseconds, where it has a rate. */
  readonly rate?: { readonly count: number; readonly perMs: number };
}

export interface SuspendOptions {
  readonly reason: string;
  readonly forMs?: number | undefined;
}

/** What is asked of the sites. */
export type SitesAsk =
  | { readonly do: "ls" }
  | { readonly do: "show"; readonly name: string }
  | { readonly do: "suspend"; readonly name: string; readonly reason: string; readonly forMs?: number }
  | { readonly do: "resume"; readonly name: string };

/** The sites meant, as they are then; `changed`: whether anything was done. */
export interface SitesTold {
  readonly sites: readonly ListedSite[];
  readonly changed: boolean;
}

/** How many sites are in each condition; `well` are those that have mail now. */
export type SiteCounts = { readonly [C in SiteCondition]: number };

export interface DeskOptions {
  readonly clock: Clock;
  readonly book: SiteBook;
  readonly lanes: {
    names(): Iterable<string>;
    countsOf(name: string): { readonly active: number; readonly ready: number };
    wake(name: string): void;
  };
  readonly table: () => SiteTable;
}

export class SitesDesk {
  readonly #options: DeskOptions;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  ask(ask: SitesAsk): SitesTold {
    switch (ask.do) {
      case "ls":
        return { sites: this.list(), changed: false };
      case "show":
        return { sites: [this.show(ask.name)], changed: false };
      case "suspend":
        return { sites: [this.suspend(ask.name, ask)], changed: true };
      case "resume": {
        const { site, was } = this.resume(ask.name);
        return { sites: [site], changed: was };
      }
    }
  }

  /** Those that have mail in line or under way, and those that aren't well; by name. */
  list(): ListedSite[] {
    const { book, lanes } = this.#options;
    const names = new Set(lanes.names());
    for (const { name } of book.troubled()) names.add(name);
    for (const name of book.suspended().keys()) names.add(name);
    return [...names].map((name) => this.#listed(this.#site(name))).filter((one) =>
      one.state !== "well" || one.active + one.ready > 0
    ).sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** The site of that name, or that a domain belongs to by its name. */
  show(name: string): ListedSite {
    return this.#listed(this.#site(name));
  }

  /** Nothing is sent until it is resumed, or the time is over. */
  suspend(name: string, { reason, forMs }: SuspendOptions): ListedSite {
    const { clock, book } = this.#options;
    const since = clock.now();
    const site = this.#site(name);
    book.suspend(site, { reason, since, ...(forMs === undefined ? {} : { until: since + forMs }) });
    return this.#listed(site);
  }

  /** Ends a suspension, a rest and slowness. */
  resume(name: string): { readonly site: ListedSite; readonly was: boolean } {
    const { book, lanes } = this.#options;
    const site = this.#site(name);
    const was = book.resume(site.name);
    lanes.wake(site.name);
    return { site: this.#listed(site), was };
  }

  /** Over all sites there are, without naming one. */
  counts(): SiteCounts {
    const counts = { well: 0, slow: 0, resting: 0, probing: 0, suspended: 0 };
    for (const { state } of this.list()) counts[state]++;
    return counts;
  }

  #site(text: string): Site {
    const table = this.#options.table();
    const name = text.toLowerCase();
    return table.byName(name) ?? table.siteOf(name);
  }

  #listed({ name, policy }: Site): ListedSite {
    const { clock, book, lanes } = this.#options;
    const now = clock.now();
    const state = book.known(name);
    const suspension = state === undefined ? book.suspended().get(name) : undefined;
    const { rate, connections } = policy;
    const common = { name, connections, ...lanes.countsOf(name), ...(rate === undefined ? {} : { rate }) };
    if (suspension !== undefined) {
      const { reason, until } = suspension;
      const end = until === undefined ? {} : { until };
      return { ...common, state: "suspended", by: "operator", reason, ...end, limit: 0, fails: 0 };
    }
    if (state === undefined) return { ...common, state: "well", limit: connections, fails: 0 };
    return { ...common, ...conditionOf(state, now), fails: state.fails };
  }
}

function conditionOf(state: SiteState, now: number): Pick<ListedSite, "state" | "by" | "reason" | "until" | "limit"> {
  const rests = state.restsUntil(now);
  const { suspension, rest } = state;
  if (suspension !== undefined) {
    const end = suspension.until === undefined ? {} : { until: suspension.until };
    return { state: "suspended", by: "operator", reason: suspension.reason, ...end, limit: 0 };
  }
  const limit = rests > 0 ? 0 : state.limit(now);
  if (rest !== undefined) {
    const { by, reason, until } = rest;
    return { state: rests > 0 ? "resting" : "probing", by, reason, until, limit };
  }
  if (state.slow > 0) return { state: "slow", by: "backoff", reason: state.slowReason, until: state.slowUntil, limit };
  return { state: "well", limit };
}

/** From well to worst. */
const WORST: readonly SiteCondition[] = ["well", "slow", "probing", "resting", "suspended"];

/** What several workers know of their sites, as one server's. */
export function sitesTogether(all: readonly SitesTold[]): SitesTold {
  const byName = new Map<string, ListedSite>();
  for (const site of all.flatMap(({ sites }) => sites)) {
    const known = byName.get(site.name);
    if (known === undefined) {
      byName.set(site.name, site);
      continue;
    }
    const worse = WORST.indexOf(site.state) > WORST.indexOf(known.state) ? site : known;
    byName.set(site.name, {
      ...worse,
      active: known.active + site.active,
      ready: known.ready + site.ready,
      limit: Math.max(known.limit, site.limit),
      fails: Math.max(known.fails, site.fails),
    });
  }
  const sites = [...byName.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  return { sites, changed: all.some(({ changed }) => changed) };
}
