/** What an attempt tells of its site: whether a host was reached at all, and what the peer said that was no yes. */
import type { Attempt, Reason } from "../../hooks/outbound.ts";
import type { Reply } from "../../wire/reply.ts";

export type Heard =
  /** `replies`: refusals, each as one line. */
  | { readonly kind: "reached"; readonly replies: readonly string[] }
  | { readonly kind: "unreachable"; readonly reason: string }
  /** It failed for reasons of our own, or of the mail: nothing is known of the site. */
  | { readonly kind: "nothing" };

/** RFC 3463 §3.5: no answer, bad connection, no directory server, unable to route. */
const AWAY = /^4\.4\.[1-4]$/;

export function heardOf({ outcomes }: Attempt): Heard {
  const replies: string[] = [];
  let reached = false;
  let away: Reason | undefined;
  for (const outcome of outcomes) {
    if (outcome.kind === "delivered") reached = true;
    else if (outcome.reason.reply !== undefined) {
      const line = lineOf(outcome.reason.reply);
      if (!replies.includes(line)) replies.push(line);
    } else if (outcome.kind === "deferred" && AWAY.test(outcome.reason.status)) away ??= outcome.reason;
  }
  if (reached || replies.length > 0) return replies.length === 0 ? REACHED : { kind: "reached", replies };
  return away === undefined ? NOTHING : { kind: "unreachable", reason: away.text };
}

const REACHED: Heard = { kind: "reached", replies: [] };
const NOTHING: Heard = { kind: "nothing" };

function lineOf({ code, enhanced, text }: Reply): string {
  const words = typeof text === "string" ? text : text.join(" ");
  return enhanced === undefined ? `${code} ${words}` : `${code} ${enhanced} ${words}`;
}
