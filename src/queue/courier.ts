/**
 * The contract between queue and delivery: all the queue asks of a deliverer.
 *
 * `deliver()` tries one item once and gives an outcome for every recipient of it. It never throws for what a peer or a network does:
 * those are outcomes. A rejection is a bug or an abort; the queue defers the whole item then and logs the reason.
 */
import type { Attempt, Item } from "../hooks/outbound.ts";
import type { Message } from "../mail/message.ts";

export interface Courier {
  deliver(item: Item, message: Message, signal: AbortSignal): Promise<Attempt>;
  /**
   * The hosts of the best preference that mail for a domain goes to, by name; [] when there are none, or none can be told. The queue asks only where
   * outbound.sites.ini goes by MX hosts, and keeps the answer for a while.
   */
  hostsOf?(domain: string, signal: AbortSignal): Promise<readonly string[]>;
}
