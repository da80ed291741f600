/** What the parts of the queue share. `queue.ts` makes the one there is. */
import type { Clock } from "../base/clock.ts";
import type { Hooks } from "../hooks/runner.ts";
import type { Site } from "../hooks/site.ts";
import type { Host } from "../host/types.ts";
import type { Logger } from "../log/types.ts";
import type { BodyFiles } from "./body_files.ts";
import type { Journal } from "./journal.ts";
import type { Keyring } from "./keyring.ts";
import type { Ledger } from "./ledger.ts";
import type { Entry, Queued } from "./queued.ts";
import type { Segment } from "./segment.ts";
import type { QueueSettings } from "./types.ts";

export type QueuedMessage = Queued<Segment>;
export type QueuedEntry = Entry<Segment>;

export interface Core {
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: Hooks;
  readonly dir: string;
  readonly settings: () => QueueSettings;
  readonly newId: () => string;
  readonly journal: Journal;
  readonly ledger: Ledger<Segment>;
  readonly bodies: BodyFiles;
  /** The site of an item, as far as it is known. */
  sites(entry: QueuedEntry): Site;
  readonly keys: Keyring;
  /** Puts an item in line for a slot. */
  ready(entry: QueuedEntry): void;
  /** Puts an item on the schedule, at its `dueAt`. The object is of no use afterwards. */
  wait(entry: QueuedEntry): void;
  /** Lets its message go out of memory when nothing is done about it any more. */
  rest(entry: QueuedEntry): void;
}
