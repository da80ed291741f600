/** When resting items are to be looked at: set for all of them after a start, and changed by a flush, without waking one. */
import type { SitePolicy } from "../hooks/site.ts";
import type { Entry } from "./queued.ts";
import { WAITING } from "./item_rows.ts";
import { newsAt, type Waiting } from "./news.ts";
import type { Resting } from "./resting.ts";
import type { QueueSettings } from "./types.ts";

const NEWS_AGAIN_MS = 60_000;

/** When the next word to the sender of a waiting item is due. */
export function nextNews(entry: Waiting, settings: QueueSettings, policy: SitePolicy, now: number): number {
  const news = newsAt(entry, settings, policy);
  // What should have been told by now is tried again in a while.
  return news > now ? news : now + NEWS_AGAIN_MS;
}

/** An item that was never tried is due, even if the wall clock has gone back since. */
export function dueAfterStart(dueAt: number, queuedAt: number, now: number): number {
  return dueAt === queuedAt ? Math.min(queuedAt, now) : dueAt;
}

/** Sets the times of all that wait. */
export function setTimes(
  resting: Resting,
  settings: QueueSettings,
  policyOf: (domain: string) => SitePolicy,
  now: number,
): void {
  const { items } = resting;
  const policies = new Map<string, SitePolicy>();
  const message = { asksForDelay: false, queuedAt: 0, wanted: undefined as Entry["message"]["wanted"] };
  const entry = { message, told: 0 };
  for (let item = 0; item < items.bound; item++) {
    if (items.states[item] !== WAITING) continue;
    const row = items.messages[item]!;
    message.asksForDelay = resting.asksForDelay(row);
    message.queuedAt = resting.queuedAt(row);
    message.wanted = resting.extra(row)?.wanted;
    const domain = items.domain(item);
    let policy = policies.get(domain);
    if (policy === undefined) policies.set(domain, policy = policyOf(domain));
    entry.told = items.told[item]!;
    const dueAt = items.dueAt[item] = dueAfterStart(items.dueAt[item]!, message.queuedAt, now);
    items.times.enter(item, Math.min(dueAt, nextNews(entry, settings, policy, now)));
  }
  items.times.order();
}

/** Makes those that wait due now, of one domain or all; says how many. Those that a sender holds stay (RFC 4865). */
export function flushRows(resting: Resting, now: number, domain?: string): number {
  const { items } = resting;
  const ours = domain === undefined ? undefined : resting.itemsOf(domain);
  const bound = ours?.length ?? items.bound;
  let count = 0;
  for (let n = 0; n < bound; n++) {
    const item = ours?.[n] ?? n;
    if (items.states[item] !== WAITING) continue;
    if ((resting.extra(items.messages[item]!)?.wanted?.h ?? 0) > now) continue;
    items.dueAt[item] = now;
    if (ours === undefined) items.times.enter(item, now);
    else items.times.set(item, now);
    count++;
  }
  if (ours === undefined) items.times.order();
  return count;
}
