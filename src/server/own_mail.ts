/**
 * A courier that looks at home first: a report of ours, for somebody the site takes mail for, does not leave it. What a plugin makes of it then is
 * mail like any other: nothing goes in circles.
 */
import type { Attempt, Item, Outcome, Via } from "../hooks/outbound.ts";
import type { Message } from "../mail/message.ts";
import type { Courier } from "../queue/courier.ts";

/** Outcomes of those that are ours; whoever has none is not. */
export type Home = (item: Item, message: Message, signal: AbortSignal) => Promise<readonly Outcome[]>;

export function ownMailFirst(courier: Courier, me: () => string, home: Home): Courier {
  return {
    deliver: (item, message, signal) =>
      item.envelope.report === true ? report(item, message, signal) : courier.deliver(item, message, signal),
  };

  async function report(item: Item, message: Message, signal: AbortSignal): Promise<Attempt> {
    const outcomes = await home(item, message, signal);
    const rest = item.recipients.filter((recipient) => !outcomes.some((outcome) => outcome.recipient === recipient));
    const here: Via = { host: me(), ip: "", port: 0, mode: "LOCAL", tls: false, authenticated: false };
    if (rest.length === 0) return { outcomes, via: here };
    const attempt = await courier.deliver(
      outcomes.length === 0 ? item : { ...item, recipients: rest },
      message,
      signal,
    );
    return { ...attempt, outcomes: [...outcomes, ...attempt.outcomes] };
  }
}
