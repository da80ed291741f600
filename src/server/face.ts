/**
 * What may be asked of a running server, whether one thread serves or several workers do: by the control socket, HTTP, signals, and programs
 * that embed it.
 *
 * With workers an answer is that of all workers together. A worker that goes away before it answers has nothing to say: what it had queued is
 * answered for by the one that takes its place.
 */
import type { SiteCounts, SitesAsk, SitesTold } from "../queue/sites/sites_desk.ts";
import type { PoolNumbers } from "../hooks/operations.ts";
import type { CourierStats } from "../delivery/courier.ts";
import type { ImportedFile, ImportStep } from "../queue/import/brought.ts";
import type { ListedItem, ListFilter, Order, Ordered, QueueStats, TracedItem } from "../queue/types.ts";

/** The state at one moment. */
export interface ServerStats {
  /** Inbound connections. */
  readonly sessions: number;
  readonly queue: Omit<QueueStats, "toString">;
  readonly delivery: CourierStats;
  /** Destinations by how they stand; each worker counts its own. */
  readonly sites: SiteCounts;
  /** Threads that serve: 1 without workers. */
  readonly threads: number;
}

export interface Operations {
  /** Queued items, oldest first or as the filter says. */
  list(filter?: ListFilter): Promise<ListedItem[]>;
  /** What happened so far, what is next, when and why; of an item's id, or a transaction's for all of its items. */
  trace(id: string): Promise<TracedItem[]>;
  stats(): Promise<ServerStats>;
  /** Makes waiting items due now (of one domain, or all), reads renewed certificates; says how many items. */
  flush(domain?: string): Promise<number>;
  /** How destinations stand; suspends and resumes them. */
  sites(ask: SitesAsk): Promise<SitesTold>;
  /** Takes in the queue files in a directory, Haraka's and those of an export. Rejects when it cannot be read. Without a step: all there is to do. */
  import(dir: string, step?: ImportStep): Promise<ImportedFile[]>;
  /** Connections out, by next hop. */
  pools(): Promise<readonly PoolNumbers[]>;
  /** Holds, releases, retries, removes or bounces items. */
  order(order: Order): Promise<Ordered>;
  /**
   * Replaces the workers, one after another: each ends its sessions and deliveries first. Rejects with a ConfigError without workers, and with
   * the reason when a fresh worker does not start; the others go on then.
   */
  restart(): Promise<void>;
}
