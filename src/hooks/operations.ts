/** The whole server, all workers together, as plugins may ask it and act on it; and the way from a worker's copy of a plugin to the main thread's. */

/** One thread that serves. */
export interface ThreadNumbers {
  readonly sessions: number;
  readonly queue: {
    readonly inProgress: number;
    readonly queued: number;
    readonly tempFail: number;
    readonly held: number;
  };
}

export interface QueuedItem {
  /** Transaction id and `.N`. */
  readonly id: string;
  readonly domain: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Epoch milliseconds, as is `dueAt`. */
  readonly queuedAt: number;
  readonly dueAt: number;
  readonly state: "waiting" | "ready" | "active" | "held";
}

/** Connections out to one next hop. */
export interface PoolNumbers {
  /** `host:port`, or a socket's path. */
  readonly name: string;
  readonly inUse: number;
  /** Open ones, idle or not. */
  readonly size: number;
}

export interface Operations {
  /** The numbers of each thread by itself: one without workers. A worker that does not answer within a second is left out. */
  threads(): Promise<readonly ThreadNumbers[]>;
  /** Queued items, oldest first. */
  list(): Promise<readonly QueuedItem[]>;
  /** Makes waiting items due now, by an item's id or a transaction's; says how many. */
  retry(id: string): Promise<number>;
  /** Takes items out for good, without a report to anyone; says how many. */
  remove(id: string): Promise<number>;
  pools(): Promise<readonly PoolNumbers[]>;
  /** Workers that died and were replaced; known in the main thread. */
  readonly replaced: number;
}

/** From each worker's copy of a plugin to the one in the main thread; without workers both are one. */
export interface MainThread {
  /** Values are copied. */
  tell(value: unknown): void;
  /** One listener; heard in the main thread. */
  onTold(listener: (value: unknown) => void): void;
}
