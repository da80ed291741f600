/**
 * The envelope as commands: MAIL and RCPT with the parameters this peer understands.
 *
 * UTF-8 goes out only where it is needed and SMTPUTF8 is offered; else domains are A-labels, and an address that cannot do without
 * is a fact of its own (RFC 6531 §3.2).
 */
import type { Envelope } from "../hooks/outbound.ts";
import type { Recipient } from "../hooks/session.ts";
import type { Address } from "../mail/address.ts";
import type { PeerCapabilities } from "../wire/capabilities.ts";
import { mailParameters, rcptParameters, takesBinary, unmet } from "./extensions.ts";
import type { Fact } from "./finding.ts";

export interface Commands {
  readonly mail: string;
  /** One for each recipient, in order; a fact where there is nothing to send. */
  readonly rcpt: readonly (string | Fact)[];
}

const NEEDS_UTF8 = { kind: "needs-utf8" } as const;
const UNWRITABLE = { kind: "unwritable" } as const;

export interface Content {
  /** Octets; undefined when nobody knows yet. */
  readonly size: number | undefined;
  /** An octet above 127 is in it. */
  readonly eightBit: boolean;
  /** It came under SMTPUTF8 and its header needs it. */
  readonly utf8Header?: boolean;
}

/** A fact when the sender itself cannot be named to this peer, or the peer must not have the message. `now` is epoch milliseconds. */
export function commandsFor(
  envelope: Envelope,
  recipients: readonly Recipient[],
  { size, eightBit, utf8Header }: Content,
  offered: PeerCapabilities,
  now: number,
): Commands | Fact {
  const { keywords } = offered;
  const { sender, wanted } = envelope;
  if (offered.size !== undefined && size !== undefined && size > offered.size) {
    return { stage: "mail", finding: { kind: "too-big", limit: offered.size } };
  }
  // RFC 8689 §5: a report is never given up for this.
  const missing = wanted === undefined || sender.isNull() ? undefined : unmet(wanted, keywords, now);
  if (missing !== undefined) return { stage: "mail", finding: { kind: "unmet", what: missing } };
  const binary = wanted?.body === "BINARYMIME";
  if (binary && !takesBinary(keywords)) return { stage: "mail", finding: { kind: "unmet", what: "binary" } };

  const canUtf8 = keywords.has("SMTPUTF8");
  const wantsUtf8 = envelope.smtpUtf8 || sender.isUtf8 || recipients.some(({ address }) => address.isUtf8);
  const utf8 = canUtf8 && wantsUtf8;
  // RFC 6531 §3.2: not to a host that does not offer it.
  if (utf8Header && !canUtf8) return { stage: "mail", finding: { kind: "unmet", what: "utf8-header" } };
  if (sender.isUtf8 && !utf8) return { stage: "mail", finding: NEEDS_UTF8 };
  const from = pathOf(sender, utf8);
  if (from === undefined) return { stage: "mail", finding: UNWRITABLE };
  const rcpt: (string | Fact)[] = [];
  for (const recipient of recipients) {
    const { address } = recipient;
    const path = pathOf(address, utf8);
    if (address.isUtf8 && !utf8) rcpt.push({ stage: "rcpt", finding: NEEDS_UTF8 });
    else if (path === undefined || address.isNull()) rcpt.push({ stage: "rcpt", finding: UNWRITABLE });
    else rcpt.push(`RCPT TO:${path}${rcptParameters(recipient, wanted, keywords)}\r\n`);
  }
  const mail = `MAIL FROM:${from}` +
    (size !== undefined && keywords.has("SIZE") ? ` SIZE=${size}` : "") + // RFC 1870 §4
    (binary ? " BODY=BINARYMIME" : eightBit && keywords.has("8BITMIME") ? " BODY=8BITMIME" : "") + // RFC 3030 §3, RFC 6152 §2
    (utf8 ? " SMTPUTF8" : "") +
    (wanted === undefined ? "" : mailParameters(wanted, keywords, now));
  return { mail: `${mail}\r\n`, rcpt };
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/** `<user@host>`, with what was typed instead where UTF-8 may go out. */
function pathOf(address: Address, utf8: boolean): string | undefined {
  const path = utf8 && address.original !== "" ? `<${address.original}>` : address.toString();
  return CONTROL.test(path) ? undefined : path;
}
