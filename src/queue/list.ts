/**
 * What is queued, for people: `kasi queue ls`, the HTTP pages. Reading disturbs nothing: `readQueue` may run beside a server.
 */
import { type Bytes, concat } from "../base/bytes.ts";
import type { Host } from "../host/types.ts";
import type { Source } from "../mail/message.ts";
import { readBack, readRecord } from "./body_store.ts";
import { Ledger } from "./ledger.ts";
import type { Entry, Queued } from "./queued.ts";
import { replay } from "./replay.ts";
import type { Segment } from "./segment.ts";
import { addressText, recipientText, type StoredMessage } from "./stored.ts";
import type { ListedItem, ListFilter, QueueStats } from "./types.ts";

/** Items of a ledger, in order of acceptance. Senders and recipients are read from disk, for the items asked for only. */
export function listItems(ledger: Ledger<Segment>, filter: ListFilter = {}): ListedItem[] {
  const limit = filter.limit ?? Infinity;
  const items: ListedItem[] = [];
  for (const message of messagesFor(ledger, filter)) {
    let stored: StoredMessage | undefined;
    for (const entry of message.entries) {
      if (items.length >= limit) return items;
      if (!matches(entry, filter)) continue;
      items.push(listed(entry, stored ??= storedOf(message)));
    }
  }
  return items;
}

function messagesFor(ledger: Ledger<Segment>, { id, domain }: ListFilter): Iterable<Queued<Segment>> {
  if (id !== undefined) return [ledger.look(id)].flatMap((message) => message ?? []);
  return domain === undefined ? ledger.all() : ledger.ofDomain(domain.toLowerCase());
}

function matches(entry: Entry<Segment>, { domain, id, state }: ListFilter): boolean {
  return (domain === undefined || entry.domain === domain.toLowerCase()) &&
    (state === undefined || entry.state === state) &&
    (id === undefined || entry.id === id || entry.message.id === id);
}

/** Undefined for a record that can no longer be read: the item is shown all the same. */
function storedOf(message: Queued<Segment>): StoredMessage | undefined {
  try {
    return readRecord(message.place).stored;
  } catch {
    return undefined;
  }
}

function listed(entry: Entry<Segment>, stored: StoredMessage | undefined): ListedItem {
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
  };
}

export function countItems(ledger: Ledger<Segment>, inProgress: number): QueueStats {
  let queued = 0;
  let [, tempFail, held] = ledger.resting.items.counts;
  for (const { entries } of ledger.awake.values()) {
    for (const { state } of entries) {
      if (state === "ready") queued++;
      else if (state === "waiting") tempFail++;
      else if (state === "held") held++;
    }
  }
  return { inProgress, queued, tempFail, held, toString: () => `${inProgress}/${queued}/${tempFail}` };
}

/**
 * The items in a shard's directory as its files tell, without a lock and without touching anything. Damage is passed over. An item being
 * delivered right now still shows as waiting. Throws what the host throws when there is no such directory.
 */
export function readQueue(host: Host, dir: string, filter: ListFilter = {}): ListedItem[] {
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
