/** A message on its way into the queue from a file, as each kind of file is read to; and what is said of a file. */
import type { Envelope } from "../../hooks/outbound.ts";
import type { StoredState } from "../stored.ts";

/** One item: how it stands. Recipients by their place in the envelope. */
export interface BroughtItem {
  readonly domain: string;
  readonly recipients: readonly number[];
  /** Failed ones. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly dueAt: number;
  readonly held: boolean;
  readonly lastError?: string | undefined;
  readonly lastStatus?: string | undefined;
  readonly told?: number | undefined;
}

export interface Brought {
  readonly envelope: Envelope;
  /** Epoch milliseconds. */
  readonly queuedAt: number;
  readonly items: readonly BroughtItem[];
  /** Where the message begins in its file. */
  readonly offset: number;
  /** Dots in front of lines are doubled, as on the wire. */
  readonly stuffed: boolean;
}

/** A file that is not taken, and why. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/** What became of a file. One without `id` was left where it is, for `reason`. */
export interface ImportedFile {
  readonly file: string;
  readonly id?: string;
  readonly reason?: string;
}

/**
 * A part of an import, where there are several shards: what a crash broke off is ended in all of them first, then one takes the files in.
 * `taken`: what of these messages other shards have.
 */
export type ImportStep = { readonly only: "settle" } | { readonly only: "take"; readonly taken: readonly QueuedPart[] };

/** A message's recipients that are queued somewhere. */
export interface QueuedPart {
  readonly id: string;
  readonly recipients: readonly string[];
}

/** Those of listed items. */
export function partsOf(items: readonly QueuedPart[]): QueuedPart[] {
  return items.map(({ id, recipients }) => ({ id: id.slice(0, id.lastIndexOf(".")), recipients }));
}

export function statesOf({ items }: Brought): StoredState[] {
  return items.map(({ attempts, dueAt, recipients, held, lastError, lastStatus, told }, n) => ({
    n,
    a: attempts,
    d: dueAt,
    l: recipients,
    ...(held ? { h: 1 as const } : undefined),
    ...(lastError === undefined ? undefined : { e: lastError }),
    ...(lastStatus === undefined ? undefined : { s: lastStatus }),
    ...(told === undefined || told === 0 ? undefined : { w: told }),
  }));
}
