/**
 * Whose mail it is, as a number that lanes take turns by: senders, however many addresses one uses for its bounces.
 *
 * What stands behind the first `+`, `-`, `=` or digit of a local part does not count: news-4711=user@list.example is news@list.example. Two senders
 * may meet in one number; they share a turn then.
 */
import type { Address } from "../../mail/address.ts";

/** Not known: read back from the disk. */
export const UNKNOWN_FLOW = 0;
/** Reports. */
export const NULL_FLOW = 1;

const TAG = /[+\-=0-9]/;

export function flowOf(sender: Address): number {
  if (sender.isNull()) return NULL_FLOW;
  const { user, host } = sender;
  const cut = user.search(TAG);
  let hash = 0x811c9dc5;
  for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), 0x01000193);
  const end = cut < 0 ? user.length : cut;
  for (let i = 0; i < end; i++) hash = Math.imul(hash ^ user.charCodeAt(i), 0x01000193);
  return Math.max(hash >>> 0, 2);
}
