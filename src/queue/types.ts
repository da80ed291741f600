/**
 * What the queue is given and what it offers: `class Queue` of `queue.ts` is a {@linkcode QueueApi}.
 *
 * Only types live here, so that `server.ts`, the CLI and the HTTP pages can name them without the machinery.
 */
import type { Clock } from "../base/clock.ts";
import type { Envelope, Forwarder, MailOptions, Taken } from "../hooks/outbound.ts";
import type { Hooks } from "../hooks/runner.ts";
import { NO_SITES, type SiteTable } from "../hooks/site.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { Message, Source } from "../mail/message.ts";
import { NO_TEMPLATES, type SiteTemplates } from "../mail/report_template.ts";
import type { ImportedFile, ImportStep } from "./import/brought.ts";
import type { KeyClaims } from "./claims.ts";
import type { Courier } from "./courier.ts";
import type { SharedLanes } from "./lanes.ts";

/** Plain values; read anew for each use, so that a reload takes effect at once. */
export interface QueueSettings {
  /** Server name, for Received, Message-Id and reports. */
  readonly me: string;
  /** Waits between attempts, milliseconds; a failure beyond the last one bounces. [] bounces at the first. */
  readonly intervals: readonly number[];
  /** Deliveries at one time. */
  readonly concurrencyMax: number;
  /** How each destination is treated. */
  readonly sites: SiteTable;
  /** Take mail in but deliver none. */
  readonly disabled: boolean;
  /** An item of its own for each recipient, not for each domain. */
  readonly alwaysSplit: boolean;
  /** Text of the Received field put on top; `disabled` for none. */
  readonly receivedHeader: string;
  /** Octets of a body kept inside the log; what is larger gets a file of its own. */
  readonly bodyThreshold: number;
  /** Octets of bodies kept in memory for their first attempt, over all messages. */
  readonly memoryBudget: number;
  /** The site's own words for reports about failures. */
  readonly bounceTemplates: SiteTemplates;
  /** After this time a sender is told that mail is late; 0: never. */
  readonly delayWarningMs: number;
  /** Who is told: those who asked by NOTIFY=DELAY, or all who did not forbid it. */
  readonly delayWarningFor: "asked" | "all";
  /** Octets up to which RET=FULL returns a whole message; larger ones come back as their header. */
  readonly fullReportBytes: number;
  /** How long the key of a submission is remembered, and how many are. */
  readonly keyWindowMs: number;
  readonly mostKeys: number;
}

export const QUEUE_DEFAULTS: Omit<QueueSettings, "me"> = {
  intervals: Array.from({ length: 12 }, (_, i) => 1000 * 2 ** (i + 6)),
  concurrencyMax: 100,
  sites: NO_SITES,
  disabled: false,
  alwaysSplit: false,
  receivedHeader: "Kasi outbound",
  bodyThreshold: 1024 * 1024,
  memoryBudget: 64 * 1024 * 1024,
  bounceTemplates: NO_TEMPLATES,
  delayWarningMs: 4 * 3600 * 1000,
  delayWarningFor: "asked",
  fullReportBytes: 64 * 1024,
  keyWindowMs: 24 * 3600 * 1000,
  mostKeys: 100_000,
};

/** `config`'s `Live<QueueSettings>` is one. */
export interface LiveQueueSettings {
  readonly value: QueueSettings;
  onChange(listener: (value: QueueSettings) => void): () => void;
}

export interface QueueOptions {
  readonly host: Host;
  readonly clock: Clock;
  /** This shard's directory; made when missing. */
  readonly dir: string;
  readonly log: Logger;
  readonly hooks: Hooks;
  readonly settings: LiveQueueSettings;
  /** Keeps other processes out of `dir`; throws when one is there. Without it the caller sees to that. */
  readonly fileLock?: (dir: string) => { release(): void };
  /** Where other workers' deliveries count too; without it this queue's own alone. */
  readonly shared?: SharedLanes;
  /** What other workers took counts too; without it what this queue took alone. */
  readonly claims?: KeyClaims;
  /** File of the sites that the operator suspended; `sites.json` in `dir` by default. */
  readonly suspensions?: string;
  /** From 0 up to 1, for times that are not to fall together. Default `Math.random`. */
  readonly jitter?: () => number;
  /** Octets after which a new segment is begun. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Random bytes, for tests that must repeat themselves. Default `crypto.getRandomValues`. */
  readonly random?: (into: Uint8Array<ArrayBuffer>) => void;
  /** Fresh ids for reports and body files. Default `newId`. */
  readonly newId?: () => string;
}

/** A file that a large body streams into while it arrives (the session's `BodyFile`). */
export interface Spool {
  write(chunk: Uint8Array): void | Promise<void>;
  finish(): Promise<Source>;
  discard(): void;
}

export type ItemState = "waiting" | "ready" | "active" | "held";

/** One queued item as `kasi queue ls` and the HTTP pages show it. */
export interface ListedItem {
  /** Transaction id and `.N`. */
  readonly id: string;
  readonly domain: string;
  readonly sender: string;
  /** Those still to be served. */
  readonly recipients: readonly string[];
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly queuedAt: number;
  /** Epoch milliseconds of the next attempt. */
  readonly dueAt: number;
  readonly state: ItemState;
  readonly size: number;
  /** Why the last attempt did not do, and its RFC 3463 status. */
  readonly lastError?: string;
  readonly lastStatus?: string;
}

/** What became of some of an item's recipients in one attempt. */
export interface HistoryResult {
  readonly kind: "delivered" | "deferred" | "failed";
  readonly recipients: readonly string[];
  readonly text: string;
  /** The host that said so, when one did. */
  readonly host?: string;
}

export interface HistoryAttempt {
  /** Epoch milliseconds of its end. */
  readonly at: number;
  readonly results: readonly HistoryResult[];
}

/** What comes next for an item, when and why. */
export interface NextStep {
  /** Epoch milliseconds, when that is known. */
  readonly at?: number;
  readonly why: "new" | "schedule" | "sender" | "running" | "slot" | "site" | "disabled" | "held" | "stopped";
  /** In a sentence. */
  readonly text: string;
}

/** What a message is sent under, as plain data. */
export interface ShownEnvelope {
  readonly sender: string;
  /** Those still to be served. */
  readonly recipients: readonly {
    readonly address: string;
    readonly notify?: readonly string[];
    /** `TYPE;ADDRESS`. */
    readonly originalRecipient?: string;
  }[];
  readonly smtpUtf8: boolean;
  readonly wanted: MailOptions;
  readonly notes: Readonly<Record<string, unknown>>;
}

/** One item as `kasi queue show` and `trace` tell of it. */
export interface TracedItem extends ListedItem {
  /** Name of its destination's site (outbound.sites.ini), as far as that is known; the domain where no section matches. */
  readonly site: string;
  /** Undefined when it cannot be read. */
  readonly envelope: ShownEnvelope | undefined;
  /** The first attempt and the latest ones, oldest first. */
  readonly history: readonly HistoryAttempt[];
  readonly next: NextStep;
  /** Epoch milliseconds after which a failure is final, as things stand. */
  readonly givenUpAt: number;
}

/** Which items; each field that is there narrows it. `filter.ts` reads and applies it. */
export interface ListFilter {
  /** An item's id, or a transaction's for all of its items; or several. */
  readonly id?: string | readonly string[];
  /** Here, in `sender` and in `recipient` `*` stands for anything. */
  readonly domain?: string;
  /** Name of the site (outbound.sites.ini) the domain belongs to, as far as that is known. */
  readonly site?: string;
  readonly sender?: string;
  /** One of those still to be served. */
  readonly recipient?: string;
  readonly state?: ItemState;
  /** Is in what the last failure said, or is its status. */
  readonly error?: string;
  /** Epoch milliseconds. */
  readonly queuedBefore?: number;
  readonly queuedAfter?: number;
  /** At most so many. */
  readonly limit?: number;
  /** By acceptance without it. */
  readonly sort?: "queued" | "due";
}

/** What an operator may do with items. */
export type OrderVerb = "hold" | "release" | "retry" | "remove" | "bounce";

export interface Order {
  readonly verb: OrderVerb;
  readonly filter: ListFilter;
  /** Only count. */
  readonly dryRun?: boolean;
  /** For `bounce`: what the sender is told. */
  readonly reason?: string;
}

export interface Ordered {
  /** Items it was done to. */
  readonly items: number;
  /** Items that were meant, but are in a state in which it cannot be done. */
  readonly passed: number;
}

export interface QueueStats {
  readonly inProgress: number;
  /** Due, waiting for a slot. */
  readonly queued: number;
  /** Waiting for their time. */
  readonly tempFail: number;
  readonly held: number;
  /** Epoch milliseconds at which the oldest item was queued; undefined without items. */
  readonly oldest: number | undefined;
  /** Haraka's `get_stats`: `IN_PROGRESS/QUEUED/TEMP_FAIL`. */
  toString(): string;
}

export interface QueueApi {
  /** Resolves once the message is safe on disk, for every recipient. Rejects with `QueueError`, and keeps nothing then. */
  accept(envelope: Envelope, message: Message): Promise<Taken>;
  /**
   * A plugin took a message for good without the queue: those who asked for it (NOTIFY=SUCCESS) are told, of the recipients that did not go
   * through `accept`. Never rejects: a report that cannot be kept is logged.
   */
  delivered(envelope: Envelope, message: Message): Promise<void>;
  /** A forwarder whose outcomes {@linkcode delivered} knows of. */
  heeding(forwarder: Forwarder): Forwarder;
  /** A new body file. Throws `QueueError` when none can be made. */
  spool(): Spool;
  /** Begins to deliver. */
  start(courier: Courier): void;
  /** No new attempts; running ones get `deadlineMs`, then their signal is aborted; what is known is written down. Idempotent. */
  stop(deadlineMs: number): Promise<void>;
  /** Makes waiting items due now (of one domain, or all); says how many. Held ones stay. */
  flush(domain?: string): number;
  /**
   * Holds items, lets them go, makes them due, takes them out (a running attempt is aborted, nobody is told), or ends them with a report to
   * their senders. What it did is on disk when it resolves, but for `retry`. Rejects when the disk fails.
   */
  order(order: Order): Promise<Ordered>;
  /** {@linkcode QueueApi.order} by an item's id, or a transaction's for all of its items. Each says to how many items. */
  hold(id: string): Promise<number>;
  release(id: string): Promise<number>;
  remove(id: string): Promise<number>;
  list(filter?: ListFilter): ListedItem[];
  /** The same for a long queue: pauses now and then, so that nothing else has to wait. */
  look(filter?: ListFilter): Promise<ListedItem[]>;
  /** What happened so far, what is next, when and why; of items given by their ids. */
  trace(id: string): TracedItem[];
  /**
   * Takes in the queue files in a directory, Haraka's and those of an export; one directory after another. Rejects when it cannot be read. Without
   * a step: all there is to do.
   */
  import(dir: string, step?: ImportStep): Promise<ImportedFile[]>;
  stats(): QueueStats;
}
