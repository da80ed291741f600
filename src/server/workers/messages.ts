/** What the main thread and its workers say to one another. All of it is copied on its way, but the shared memory. */
import type { Endpoint } from "../../config/endpoint.ts";
import type { Counts } from "../../http/metrics.ts";
import type { Taken } from "../../hooks/outbound.ts";
import type { PoolNumbers } from "../../hooks/operations.ts";
import type { LogItem } from "../../log/types.ts";
import type { Claim } from "../../queue/claims.ts";
import type { ImportedFile, ImportStep } from "../../queue/import/brought.ts";
import type { ListedItem, ListFilter, Order, Ordered, TracedItem } from "../../queue/types.ts";
import type { SitesAsk, SitesTold } from "../../queue/sites/sites_desk.ts";
import type { ServerStats } from "../face.ts";
import type { Handover } from "./handover.ts";

/** What a worker is started with. */
export interface WorkerData {
  readonly site?: string;
  readonly dataDir?: string;
  /** Specifiers; those of `config/plugins` when absent. */
  readonly plugins?: readonly string[];
  /** From 1. */
  readonly number: number;
  /** With the ports that are really served. */
  readonly endpoints: readonly Endpoint[];
  /** Directory of its shard of the queue. */
  readonly shard: string;
  /** Delivery slots in use (`queue/shared_slots.ts`), rates used up (`queue/sites/shared_paces.ts`), and the sessions of each worker. */
  readonly slots: SharedArrayBuffer;
  readonly paces: SharedArrayBuffer;
  readonly sessions: SharedArrayBuffer;
  /** Whether somebody asks for counts. */
  readonly counts: boolean;
  /** Only find out whether configuration and plugins load, and end. */
  readonly rehearse?: boolean;
}

/** Requests: what goes with each, and what comes back. */
export interface Verbs {
  list: { readonly takes: ListFilter | undefined; readonly gives: readonly ListedItem[] };
  stats: { readonly takes: undefined; readonly gives: ServerStats & { readonly counts?: Counts } };
  flush: { readonly takes: string | undefined; readonly gives: number };
  /** Asked of one worker alone. */
  enqueue: { readonly takes: Handover; readonly gives: Taken };
  /** The message it took under the key of a submission. */
  submitted: { readonly takes: string; readonly gives: { readonly id?: string } };
  trace: { readonly takes: string; readonly gives: readonly TracedItem[] };
  import: {
    readonly takes: { readonly dir: string; readonly step: ImportStep };
    readonly gives: readonly ImportedFile[];
  };
  order: { readonly takes: Order; readonly gives: Ordered };
  sites: { readonly takes: SitesAsk; readonly gives: SitesTold };
  pools: { readonly takes: undefined; readonly gives: readonly PoolNumbers[] };
}
export type Verb = keyof Verbs;

export type ToWorker =
  | { readonly kind: "ask"; readonly id: number; readonly verb: Verb; readonly takes: unknown }
  /** What all workers answered to a worker's question; `fault`: why they could not. */
  | { readonly kind: "answers"; readonly id: number; readonly gives: readonly unknown[]; readonly fault?: string }
  /** What the claim on a key comes to; `fault`: why it cannot be told. */
  | { readonly kind: "claimed"; readonly id: number; readonly claim: Claim; readonly fault?: string }
  /** Take no more connections; end once sessions and deliveries have, or are late; then exit with 0. */
  | { readonly kind: "drain"; readonly deadlineMs: number }
  /** As `Server.stop`; then exit with 0. */
  | { readonly kind: "stop"; readonly deadlineMs: number };

export type FromWorker =
  | { readonly kind: "ready" }
  /** It could not start; an operator's slip is said without a stack. */
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "log"; readonly items: readonly LogItem[] }
  | { readonly kind: "uncaught"; readonly reason: string }
  /** A question to all workers. */
  | { readonly kind: "ask"; readonly id: number; readonly verb: Verb; readonly takes: unknown }
  /** A message is to be taken under this key, and has been or not. */
  | { readonly kind: "claim"; readonly id: number; readonly key: string }
  | { readonly kind: "unclaim"; readonly key: string }
  /** From a plugin's copy in a worker to the one in the main thread. */
  | { readonly kind: "plugin"; readonly name: string; readonly value: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly gives: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly reason: string };
