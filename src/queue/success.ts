/** Whether a sender is told that a recipient was served, and in what words (RFC 3461 §5.2, RFC 2852 §4.1.4). */
import type { MailOptions, Outcome, Via } from "../hooks/outbound.ts";
import { isToldOf, type ReportLine } from "./bounce.ts";

type Delivered = Extract<Outcome, { kind: "delivered" }>;

/** The line of a report; undefined when there is none to be made. The sender is not null. */
export function successLine(
  { recipient, reply, onward, deadline }: Delivered,
  wanted: MailOptions | undefined,
  via: Pick<Via, "host" | "mode"> | undefined,
): ReportLine | undefined {
  const remote = via?.host;
  // Who set a deadline hears when it goes no further, or on each hop when it wants a trace.
  const traced = deadline === "dropped" || (wanted?.deliverBy?.trace === true && via?.mode === "SMTP");
  if (traced && !recipient.notify?.includes("NEVER")) {
    const reason = deadline === "dropped" ? "handed on to a server that keeps no deadlines" : "handed on in time";
    return { recipient, action: "relayed", status: "2.0.0", reason, remote, reply };
  }
  if (!isToldOf("SUCCESS", recipient, false) || onward === "dsn-passed") return undefined;
  if (onward === "no-dsn") {
    // RFC 5248: X.1.9
    const reason = "handed on to a server that does not tell of deliveries";
    return { recipient, action: "relayed", status: "2.1.9", reason, remote, reply };
  }
  return { recipient, action: "delivered", status: "2.0.0", reason: "delivered", remote, reply };
}
