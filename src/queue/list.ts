/**
 * What is queued, for people: `kasi queue ls`, the HTTP pages. Reading disturbs nothing: `readQueue` may run beside a server.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import type { Host } from "../host/types.ts";
import type { Source } from "../mail/message.ts";
import { readBack, readStored } from "./body_store.ts";
import { type Lookup, testOf } from "./filter.ts";
import { Ledger } from "./ledger.ts";
import type { Entry, Queued } from "./queued.ts";
import { replay } from "./replay.ts";
import type { Segment } from "./segment.ts";
import { addressText, recipientText, type StoredMessage } from "./stored.ts";
import type { ListedItem, ListFilter, QueueStats } from "./types.ts";

/** Items of a ledger. Senders and recipients are read from disk, for the items asked for only. */
export function listItems(ledger: Ledger<Segment>, filter: Lookup = {}): ListedItem[] {
  return [...selectEntries(ledger, filter)].map(listed);
}

/** An item that was asked for; the record of its message, where it had to be read. */
export interface Selected {
  readonly entry: Entry<Segment>;
  readonly stored: StoredMessage | undefined;
}

/** The same for a long queue: `pause` is asked often whether to wait. */
export async function look(
  ledger: Ledger<Segment>,
  filter: Lookup,
  pause: () => Promise<void> | undefined,
): Promise<ListedItem[]> {
  const items: ListedItem[] = [];
  for (const selected of selectSlowly(ledger, filter)) {
    if (selected !== undefined) items.push(listed(selected));
    if (selected === undefined || items.length % SHOWN_AT_ONCE === 0) {
      const wait = pause();
      if (wait !== undefined) await wait;
    }
  }
  return items;
}

/** In the order asked for. Items that come and go meanwhile may be in it or not. */
export function* selectEntries(ledger: Ledger<Segment>, filter: Lookup): Generator<Selected, void> {
  for (const selected of selectSlowly(ledger, filter)) if (selected !== undefined) yield selected;
}

/** The same, giving undefined now and then, for a caller that wants to pause. */
export function* selectSlowly(ledger: Ledger<Segment>, filter: Lookup): Generator<Selected | undefined, void> {
  const limit = filter.limit ?? Infinity;
  if (filter.sort !== "due") {
    let count = 0;
    for (const selected of unsorted(ledger, filter)) {
      yield selected;
      if (selected !== undefined && ++count >= limit) return;
    }
    return;
  }
  const all: Selected[] = [];
  for (const selected of unsorted(ledger, filter)) {
    if (selected === undefined) yield;
    // Read again for those that are shown: a million records at once would be too many.
    else all.push({ entry: selected.entry, stored: undefined });
  }
  all.sort((a, b) => a.entry.dueAt - b.entry.dueAt);
  yield* all.slice(0, limit === Infinity ? undefined : limit);
}

/** Entries looked at between two chances to pause. */
const STRIDE = 500;
/** Items shown between two pauses: each is read from the disk. */
const SHOWN_AT_ONCE = 20;

function* unsorted(ledger: Ledger<Segment>, filter: Lookup): Generator<Selected | undefined, void> {
  const { quick, thorough } = testOf(filter);
  let left = STRIDE;
  for (const message of messagesFor(ledger, filter)) {
    let stored: StoredMessage | undefined;
    for (const entry of [...message.entries]) {
      if (--left <= 0) {
        yield;
        left = STRIDE;
      }
      if (!quick(entry)) continue;
      if (thorough !== undefined) {
        stored ??= readStored(message.place);
        // Reading from a disk takes longer than looking into memory.
        left -= 20;
        if (!thorough(entry, stored)) continue;
      }
      yield { entry, stored };
    }
  }
}

/** To look at: some are made for this only. */
function messagesFor(ledger: Ledger<Segment>, { id, domain, state }: ListFilter): Iterable<Queued<Segment>> {
  if (id !== undefined) {
    const found = (typeof id === "string" ? [id] : id).flatMap((each) => ledger.look(each) ?? []);
    return new Map(found.map((message) => [message.id, message])).values();
  }
  if (state === "ready" || state === "active") return [...ledger.awake.values()];
  if (domain !== undefined && !domain.includes("*")) return ledger.ofDomain(domain.toLowerCase());
  return state === "held" ? ledger.held() : ledger.all();
}

/** A record that can no longer be read: the item is shown all the same. */
export function listed({ entry, stored = readStored(entry.message.place) }: Selected): ListedItem {
  return {
    id: entry.id,
    domain: entry.domain,
    sender: stored === undefined ? "?" : addressText(stored.s),
    recipients: entry.left.map((place) => stored === undefined ? "?" : recipientText(stored.r[place]!)),
    attempts: entry.attempts,
    queuedAt: entry.message.queuedAt,
    dueAt: entry.dueAt,
    state: entry.state,
    size: entry.message.size,
    ...(entry.lastError === undefined ? undefined : { lastError: entry.lastError }),
    ...(entry.lastStatus === undefined ? undefined : { lastStatus: entry.lastStatus }),
  };
}

/** Those of several shards as one list. */
export function sorted(shards: readonly (readonly ListedItem[])[], { sort, limit }: ListFilter): ListedItem[] {
  const items = shards.flat().sort(sort === "due" ? (a, b) => a.dueAt - b.dueAt : (a, b) => a.queuedAt - b.queuedAt);
  return limit === undefined ? items : items.slice(0, limit);
}

export function countItems(ledger: Ledger<Segment>, inProgress: number): QueueStats {
  let queued = 0;
  let [, tempFail, held] = ledger.resting.items.counts;
  let oldest = ledger.resting.oldest;
  for (const { entries, queuedAt } of ledger.awake.values()) {
    if (oldest === undefined || queuedAt < oldest) oldest = queuedAt;
    for (const { state } of entries) {
      if (state === "ready") queued++;
      else if (state === "waiting") tempFail++;
      else if (state === "held") held++;
    }
  }
  return { inProgress, queued, tempFail, held, oldest, toString: () => `${inProgress}/${queued}/${tempFail}` };
}

/**
 * The items in a shard's directory as its files tell, without a lock and without touching anything. Damage is passed over. An item being
 * delivered right now still shows as waiting. Throws what the host throws when there is no such directory.
 */
export function readQueue(host: Host, dir: string, filter: Lookup = {}): ListedItem[] {
  return readLedger(host, dir, (ledger) => listItems(ledger, filter));
}

/** A queued message by an item's or a transaction's id, read in the same way; undefined when there is none. */
export function readQueuedMessage(host: Host, dir: string, id: string): Promise<Bytes> | undefined {
  return readLedger(host, dir, (ledger) => {
    const message = ledger.look(id);
    return message === undefined ? undefined : allOf(readBack(host, `${dir}/body`, message).source);
  });
}

async function allOf(source: Source): Promise<Bytes> {
  if (source.bytes !== undefined) return source.bytes;
  const chunks: Bytes[] = [];
  for await (const chunk of source.open()) chunks.push(chunk);
  return concat(chunks);
}

/** Replays what lies on disk and shows it to `use`. */
export function readLedger<T>(host: Host, dir: string, use: (ledger: Ledger<Segment>) => T): T {
  for (let tries = 3;; tries--) {
    let vanished = false;
    const ledger = new Ledger<Segment>({ kept: () => {}, gone: () => {} });
    const segments = replay(host, dir, {
      octets: (...record) => ledger.applyOctets(...record),
      record: (kind, json, place) => {
        try {
          ledger.apply(kind, json, place);
        } catch {
          // A record of another make: recovery reports it.
        }
      },
      damage: () => {},
      unreadable: () => void (vanished = true),
    });
    try {
      // A segment that went while we read was copied forward or done with: read again and find out which.
      if (!vanished || tries === 0) return use(ledger);
    } finally {
      for (const segment of segments) segment.close();
    }
  }
}
