/**
 * What a sender is told of mail that waits: that it is late (NOTIFY=DELAY, RFC 3461 §4.1), that the deadline it set has passed (RFC 2852), or that it
 * is older than its site's `expire` lets it be.
 *
 * Here is when; `settle.ts` says it.
 */
import type { SitePolicy } from "../hooks/site.ts";
import type { Queued } from "./queued.ts";
import { TOLD } from "./stored.ts";
import type { QueueSettings } from "./types.ts";

export type News = "none" | "delayed" | "overdue" | "expired" | "old";

/** What it takes to tell. */
export interface Waiting {
  readonly message: Pick<Queued, "asksForDelay" | "queuedAt" | "wanted">;
  readonly told: number;
}

type Policy = Pick<SitePolicy, "expireMs">;
type Limits = Pick<QueueSettings, "delayWarningMs" | "delayWarningFor">;

/** When a delay is worth a word; Infinity when nobody asked, or was told. */
function delayAt({ message, told }: Waiting, { delayWarningMs, delayWarningFor }: Limits): number {
  if ((told & TOLD.delayed) !== 0 || delayWarningMs === 0) return Infinity;
  if (!message.asksForDelay && delayWarningFor === "asked") return Infinity;
  // What is held at the sender's wish is not late.
  return Math.max(message.queuedAt, message.wanted?.h ?? 0) + delayWarningMs;
}

function deadlineOf({ message, told }: Waiting): number {
  const by = message.wanted?.by;
  return by === undefined || (told & TOLD.overdue) !== 0 ? Infinity : by[0];
}

/** When it is too old for its site; what is held at the sender's wish ages from then on. */
export function oldAt({ message }: Waiting, { expireMs }: Policy): number {
  return expireMs === undefined ? Infinity : Math.max(message.queuedAt, message.wanted?.h ?? 0) + expireMs;
}

/** When an entry that waits has to be looked at, whatever its attempts. */
export function newsAt(entry: Waiting, limits: Limits, policy: Policy): number {
  return Math.min(deadlineOf(entry), delayAt(entry, limits), oldAt(entry, policy));
}

/** What there is to tell now. */
export function newsOf(entry: Waiting, limits: Limits, policy: Policy, now: number): News {
  if (oldAt(entry, policy) <= now) return "old";
  if (deadlineOf(entry) <= now) return entry.message.wanted!.by![1].startsWith("R") ? "expired" : "overdue";
  return delayAt(entry, limits) <= now ? "delayed" : "none";
}
