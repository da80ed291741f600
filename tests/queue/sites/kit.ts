/** What tests of destinations share: tables from literals, lanes that write down who went. */
import { DEFAULT_POLICY } from "../../../src/config/sites.ts";
import type { SitePolicy } from "../../../src/hooks/site.ts";
import { SiteTable } from "../../../src/hooks/site.ts";
import { Lanes, type Lease, type SharedLanes } from "../../../src/queue/lanes.ts";
import type { Queueing } from "../../../src/queue/sites/strands.ts";
import { SiteBook } from "../../../src/queue/sites/site_book.ts";
import { FakeClock } from "../../kit/fake_clock.ts";
import { memoryLog } from "../../kit/memory_log.ts";

export type Sections = { readonly [name: string]: Partial<SitePolicy> };

/** `main` over the defaults; what a section doesn't say is as in `main`. */
export function sitesOf(main: Partial<SitePolicy> = {}, sections: Sections = {}): SiteTable {
  const defaults = { ...DEFAULT_POLICY, ...main };
  return new SiteTable({
    defaults,
    sections: Object.entries(sections).map(([name, own]) => ({
      name,
      kind: name.startsWith("mx:") ? "mx" : "domain",
      pattern: name.replace(/^mx:/, ""),
      policy: { ...defaults, ...own },
    })),
  });
}

export interface TestItem extends Queueing {
  readonly name: string;
}

export interface LaneKit {
  readonly clock?: FakeClock;
  concurrencyMax?: number;
  table?: SiteTable;
  readonly gone?: (item: TestItem) => boolean;
  readonly shared?: SharedLanes;
  /** Sites that were reached often before. */
  readonly proven?: readonly string[];
}

export function laneKit(kit: LaneKit = {}) {
  const { clock = new FakeClock(), gone = () => false, proven = [] } = kit;
  const log = memoryLog();
  const book = new SiteBook({ clock, log: log.log, random: () => 0.5 });
  const went: string[] = [];
  const leases = new Map<string, Lease>();
  const table = () => kit.table ?? sitesOf();
  const lanes = new Lanes<TestItem>({
    clock,
    limits: () => ({ concurrencyMax: kit.concurrencyMax ?? 100 }),
    book,
    siteOf: ({ domain }) => table().siteOf(domain),
    go: (item, lease) => {
      went.push(item.name);
      leases.set(item.name, lease);
    },
    gone,
    shared: kit.shared,
  });
  for (const name of proven) prove(book, table().siteOf(name));
  return {
    kit,
    clock,
    log,
    book,
    lanes,
    went,
    leases,
    /** Items by name; the first letter is the domain. */
    add: (...names: string[]) => names.forEach((name) => lanes.add({ name, domain: name[0]! })),
    end(name: string, heard: Parameters<Lease["heard"]>[0] = { kind: "nothing" }) {
      const lease = leases.get(name)!;
      leases.delete(name);
      lease.heard(heard);
      lease.release();
    },
  };
}

/** As if it had been reached so often that it may have all its connections. */
export function prove(book: SiteBook, site: { readonly name: string; readonly policy: SitePolicy }): void {
  const state = book.state(site);
  for (let n = 0; n < 20; n++) state.heard({ kind: "reached", replies: [] }, state.epoch, 0);
}

/** Most that went in any half-open stretch of that length. */
export function mostIn(times: readonly number[], ms: number): number {
  let most = 0;
  for (let from = 0, to = 0; from < times.length; from++) {
    while (to < times.length && times[to]! < times[from]! + ms) to++;
    most = Math.max(most, to - from);
  }
  return most;
}
