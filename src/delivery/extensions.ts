/**
 * What a sender wants beside transport (DSN, REQUIRETLS, priority, deadline, binary content), as parameters for this peer; or why this peer must
 * not have the message.
 *
 * Nothing is promised on a peer's behalf: a wish it does not know is left out where its RFC lets us, and is a fact of its own where not.
 */
import { unreachable } from "../base/exhaustive.ts";
import type { MailOptions, Notify, Outcome, Via } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import type { PeerCapabilities } from "../wire/capabilities.ts";
import { encodeUtf8Address, encodeXtext } from "../wire/xtext.ts";

/** Why a host must not have a message that wants more than transport. */
export type Unmet = "requiretls" | "deliverby" | "overdue" | "binary" | "utf8-header";

type Keywords = PeerCapabilities["keywords"];

/** `wanted` of a message whose sender is not null; `now` is epoch milliseconds. Undefined: this peer may have it. */
export function unmet(wanted: MailOptions, keywords: Keywords, now: number): Unmet | undefined {
  // RFC 8689 §4.2.1, step 5. That the connection is verified TLS, the policy has seen to.
  if (wanted.requireTls && !keywords.has("REQUIRETLS")) return "requiretls";
  if (wanted.deliverBy?.mode === "R") {
    const left = secondsLeft(wanted.deliverBy.at, now);
    if (left <= 0) return "overdue";
    // RFC 2852 §4.1.4.1: only to a server that keeps deadlines, and none that wants more time than is left.
    const least = keywords.get("DELIVERBY")?.[0];
    if (!keywords.has("DELIVERBY") || left < Number(least ?? 0)) return "deliverby";
  }
  return undefined;
}

/** RFC 3030 §3: binary content goes as it is, by BDAT, or not at all. */
export function takesBinary(keywords: Keywords): boolean {
  return keywords.has("BINARYMIME") && keywords.has("CHUNKING");
}

/** Behind MAIL's path, each with a blank in front: RET, ENVID, REQUIRETLS, MT-PRIORITY, BY. */
export function mailParameters(wanted: MailOptions, keywords: Keywords, now: number): string {
  const { ret, envid, requireTls, priority, deliverBy } = wanted;
  let text = "";
  if (keywords.has("DSN")) { // RFC 3461 §5.2.1: what came, and nothing else
    // RFC 8689 §5: the content of such a message is not for reports.
    if (ret !== undefined) text += ` RET=${requireTls ? "HDRS" : ret}`;
    if (envid !== undefined) text += ` ENVID=${encodeXtext(envid)}`;
  }
  if (requireTls && keywords.has("REQUIRETLS")) text += " REQUIRETLS";
  if (priority !== undefined && keywords.has("MT-PRIORITY")) text += ` MT-PRIORITY=${priority}`; // RFC 6710 §4.2
  if (deliverBy !== undefined && keywords.has("DELIVERBY")) {
    // RFC 2852 §4: nine digits at most; for mode N the time may be over, and then counts backwards.
    const left = Math.max(-999_999_999, Math.min(999_999_999, secondsLeft(deliverBy.at, now)));
    text += ` BY=${left};${deliverBy.mode}${deliverBy.trace ? "T" : ""}`;
  }
  return text;
}

/** Behind RCPT's path: NOTIFY, ORCPT. */
export function rcptParameters(recipient: Recipient, wanted: MailOptions | undefined, keywords: Keywords): string {
  if (!keywords.has("DSN")) return "";
  const { originalRecipient } = recipient;
  const notify = notifyFor(recipient, wanted, keywords);
  let text = notify === undefined ? "" : ` NOTIFY=${notify.join()}`;
  if (originalRecipient !== undefined) {
    const { type, address } = originalRecipient;
    // RFC 6533 §3: an address of type utf-8 has its own way of being ASCII.
    const written = type.toLowerCase() === "utf-8" ? encodeUtf8Address(address) : encodeXtext(address);
    text += ` ORCPT=${type};${written}`;
  }
  return text;
}

/** RFC 2852 §4.1.4.2: a server that keeps no deadlines is at least asked to tell of delays. */
function notifyFor(
  { notify }: Recipient,
  wanted: MailOptions | undefined,
  keywords: Keywords,
): readonly Notify[] | undefined {
  const lax = wanted?.deliverBy?.mode === "N" && !keywords.has("DELIVERBY");
  if (!lax) return notify;
  if (notify === undefined) return ["FAILURE", "DELAY"];
  return notify.includes("NEVER") || notify.includes("DELAY") ? notify : [...notify, "DELAY"];
}

/**
 * Who has to report from now on (RFC 3461 §5.2): nobody, where an LMTP server has it, for that is the recipient's own mailbox. And whether a deadline
 * goes no further (RFC 2852 §4.1.4.2).
 */
export function onward(
  mode: Via["mode"],
  keywords: Keywords,
  wanted: MailOptions | undefined,
): Pick<Delivered, "onward" | "deadline"> {
  const told = keywords.has("DSN") ? PASSED : mode === "LMTP" ? NOT_SAID : NOT_PASSED;
  const dropped = wanted?.deliverBy !== undefined && mode === "SMTP" && !keywords.has("DELIVERBY");
  return dropped ? { ...told, deadline: "dropped" } : told;
}
type Delivered = Extract<Outcome, { kind: "delivered" }>;
const PASSED = { onward: "dsn-passed" } as const;
const NOT_PASSED = { onward: "no-dsn" } as const;
const NOT_SAID = {};

/** What the sender is told of it: text and status (RFC 3463, RFC 8689 §4.2.1). */
export function unmetReason(what: Unmet, remote: string): { readonly text: string; readonly status: string } {
  switch (what) {
    case "requiretls":
      return { text: `REQUIRETLS support required: ${remote} does not offer it`, status: "5.7.30" };
    case "deliverby":
      return { text: `${remote} does not promise to deliver within the time that is left`, status: "5.4.7" };
    case "overdue":
      return { text: "The time for delivery is over", status: "5.4.7" };
    case "binary":
      return { text: `${remote} does not take binary content (BINARYMIME)`, status: "5.6.3" };
    case "utf8-header": // RFC 6531 §4.4
      return { text: `${remote} does not take internationalized messages (SMTPUTF8)`, status: "5.6.9" };
    default:
      return unreachable(what);
  }
}

function secondsLeft(at: number, now: number): number {
  return Math.floor((at - now) / 1000);
}
