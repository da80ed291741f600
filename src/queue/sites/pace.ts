/**
 * A rate as a pace: when the next message may go, so that in no stretch of `perMs` there are more than `count`, wherever it begins.
 *
 * A token bucket, kept as the one time at which it will be full again (GCRA). A twentieth of the number may go at once, the rest evenly: what may go
 * at once is taken off the rest, or twice the number would fit into one stretch.
 */
import type { SitePolicy } from "../../hooks/site.ts";

type Rate = NonNullable<SitePolicy["rate"]>;

/** What one message costs and what may go at once, both in milliseconds of the bucket. */
export interface Pace {
  readonly stepMs: number;
  readonly depthMs: number;
}

const AT_ONCE = 20;

/** `slow` halves the rate so many times. */
export function paceOf({ count, perMs }: Rate, slow = 0): Pace {
  const atOnce = slow > 0 ? 1 : 1 + Math.floor(count / AT_ONCE);
  const stepMs = perMs / (count - atOnce + 1) * 2 ** slow;
  return { stepMs, depthMs: stepMs * atOnce };
}

/** Nothing is known of what went before a start: the bucket is empty then. */
export function emptyAt(now: number, { depthMs }: Pace): number {
  return now + depthMs;
}

/** When the bucket will be full once this message went; or in how many milliseconds it may. */
export function step(
  fullAt: number,
  now: number,
  { stepMs, depthMs }: Pace,
): { readonly fullAt: number } | { readonly waitMs: number } {
  // A clock that went back: emptier than empty it can't be.
  const from = Math.min(Math.max(fullAt, now), now + depthMs);
  const then = from + stepMs;
  // Sums of fractions: what is due by less than a thousandth of a millisecond is due.
  return then - now <= depthMs + 1e-3 ? { fullAt: then } : { waitMs: Math.max(1, Math.ceil(then - now - depthMs)) };
}
