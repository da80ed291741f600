/**
 * What was found on the way to a next hop, before anyone says what it means: a reply, silence, a broken connection, a DNS answer.
 *
 * {@linkcode PeerFault} carries a finding out of a pending read or write; it is caught in `conversation.ts` and goes no further.
 */
import type { Reply } from "../wire/reply.ts";
import type { Unmet } from "./extensions.ts";
import type { Stage } from "./stages.ts";
import type { TlsResult } from "./tls_result.ts";

export type Finding =
  | { readonly kind: "reply"; readonly reply: Reply }
  /** What the peer said is no reply. */
  | { readonly kind: "garbage"; readonly text: string }
  /** Nothing came within the stage's time. */
  | { readonly kind: "silence" }
  /** The connection broke or was closed. */
  | { readonly kind: "lost"; readonly detail: string }
  /** No connection could be had. `slow`: it took the whole of the time allowed; `ours`: our own address could not be used. */
  | { readonly kind: "unreachable"; readonly detail: string; readonly slow: boolean; readonly ours?: true }
  | { readonly kind: "tls-missing" }
  | { readonly kind: "tls-broken" | "tls-unverified"; readonly result: TlsResult; readonly detail: string }
  /** Larger than the SIZE the peer announced (RFC 1870). */
  | { readonly kind: "too-big"; readonly limit: number }
  /** The address needs SMTPUTF8 and the peer does not offer it (RFC 6531 §3.2). */
  | { readonly kind: "needs-utf8" }
  /** The sender wants what this host does not promise. */
  | { readonly kind: "unmet"; readonly what: Unmet }
  /** RFC 8689 §4.2.1: a message that requires TLS, and no way to this host that is sure. */
  | { readonly kind: "unprotected"; readonly detail: string }
  /** The address cannot be written into a command. */
  | { readonly kind: "unwritable" }
  /** Our own copy of the message could not be read. */
  | { readonly kind: "unreadable"; readonly detail: string };

/** What was found, and where. */
export interface Fact {
  readonly stage: Stage;
  readonly finding: Finding;
}

export type RouteFinding =
  | { readonly kind: "dns"; readonly detail: string }
  | { readonly kind: "no-domain" }
  | { readonly kind: "nowhere" }
  | { readonly kind: "null-mx" }
  | { readonly kind: "mx-denied" }
  | { readonly kind: "mx-deferred" }
  /** The only hosts there were are this machine itself. */
  | { readonly kind: "only-ourselves" };

export class PeerFault extends Error {
  override readonly name = "PeerFault";
  readonly finding: Finding;
  constructor(finding: Finding) {
    super(finding.kind);
    this.finding = finding;
  }
}
