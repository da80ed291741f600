/** What plugins are given where there is no outbound queue: whatever they want to put into one is refused with the reason. */
import type { OutboundParts } from "../hooks/send.ts";

export function noQueue(reason: string): OutboundParts {
  return {
    enqueue: () => Promise.reject(new Error(reason)),
    spool() {
      throw new Error(reason);
    },
    stats: () => ({ inProgress: 0, queued: 0, tempFail: 0, held: 0 }),
  };
}
