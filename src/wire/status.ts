/**
 * Enhanced status codes by name (RFC 3463, 4954, 7372, 7505; the names are Haraka's DSN objects), and the replies made of them.
 *
 * A status' class is its code's first digit; only subject and detail stand in the table. The texts are bland: they go to the peer.
 */
import type { Reply } from "./reply.ts";

export interface StatusRow {
  /** The reply code it goes with unless another is wanted. */
  readonly code: number;
  /** Subject and detail, e.g. "1.1". */
  readonly status: string;
  readonly text: string;
}

/** A reply made from a row: always with its enhanced status. */
export interface StatusReply extends Reply {
  readonly enhanced: string;
}

export const STATUS = {
  unspecified: row(450, "0.0", "Something went wrong"),
  addr_unspecified: row(450, "1.0", "Something is wrong with the address"),
  addr_dest_ambigous: row(450, "1.4", "The destination address is ambiguous"),
  mbox_unspecified: row(450, "2.0", "Something is wrong with the mailbox"),
  mbox_full: row(450, "2.2", "The mailbox is full"),
  mbox_list_expansion_problem: row(450, "2.4", "The mailing list could not be expanded"),
  sys_unspecified: row(450, "3.0", "Something is wrong with the mail system"),
  sys_disk_full: row(450, "3.1", "The mail system is full"),
  sys_not_accepting_mail: row(450, "3.2", "The system does not accept mail at the moment"),
  sys_not_supported: row(450, "3.3", "The system lacks a feature this needs"),
  sys_incorrectly_configured: row(450, "3.5", "The system is not configured correctly"),
  net_unspecified: row(450, "4.0", "Something is wrong with the network or routing"),
  net_no_answer: row(450, "4.1", "No answer from the host"),
  net_bad_connection: row(450, "4.2", "The connection failed"),
  net_directory_server_failed: row(450, "4.3", "The directory server failed"),
  temp_resolver_failed: row(450, "4.3", "The name could not be resolved for now"),
  net_system_congested: row(450, "4.5", "The mail system is congested"),
  proto_unspecified: row(450, "5.0", "Something is wrong with the protocol"),
  proto_too_many_rcpts: row(450, "5.3", "Too many recipients"),
  proto_wrong_version: row(450, "5.5", "Wrong protocol version"),
  media_unspecified: row(450, "6.0", "Something is wrong with the content"),
  media_conv_unsupported: row(450, "6.3", "The content must be converted and cannot be"),
  media_conv_lossy: row(450, "6.4", "The content was converted with loss"),
  media_conv_failed: row(450, "6.5", "The content could not be converted"),
  sec_unspecified: row(450, "7.0", "Something is wrong with security"),
  sec_crypto_algo_unsupported: row(450, "7.6", "The cryptographic algorithm is not supported"),
  addr_bad_dest_mbox: row(550, "1.1", "Bad destination mailbox"),
  no_such_user: row(550, "1.1", "No such user"),
  addr_bad_dest_system: row(550, "1.2", "Bad destination system"),
  addr_bad_dest_syntax: row(550, "1.3", "Bad syntax of the destination address"),
  addr_mbox_moved: row(550, "1.6", "The mailbox has moved and left no forwarding address"),
  addr_bad_from_syntax: row(550, "1.7", "Bad syntax of the sender's address"),
  addr_bad_from_system: row(550, "1.8", "Bad system in the sender's address"),
  mbox_disabled: row(550, "2.1", "The mailbox is disabled"),
  mbox_msg_too_long: row(550, "2.3", "The message is too long for the mailbox"),
  sys_msg_too_big: row(550, "3.4", "The message is too big for the system"),
  net_unable_to_route: row(550, "4.4", "No route to the destination"),
  net_routing_loop: row(550, "4.6", "Routing loop detected"),
  too_many_hops: row(550, "4.6", "Too many hops"),
  net_delivery_time_expired: row(550, "4.7", "Delivery time expired"),
  proto_invalid_command: row(550, "5.1", "Invalid command"),
  proto_syntax_error: row(550, "5.2", "Syntax error"),
  proto_invalid_cmd_args: row(550, "5.4", "Invalid command arguments"),
  media_unsupported: row(550, "6.1", "The media type is not supported"),
  media_conv_prohibited: row(550, "6.2", "The content must be converted and may not be"),
  sec_unauthorized: row(550, "7.1", "Not authorized; the message is refused"),
  bad_sender_ip: row(550, "7.1", "Bad sender address; the message is refused"),
  relaying_denied: row(550, "7.1", "Relaying denied"),
  sec_list_expn_prohibited: row(550, "7.2", "Not allowed to expand the mailing list"),
  sec_conv_failed: row(550, "7.3", "The security conversion is required and not possible"),
  sec_feature_unsupported: row(550, "7.4", "The security feature is not supported"),
  sec_crypto_failure: row(550, "7.5", "Cryptographic failure"),
  sec_msg_integrity_failure: row(550, "7.7", "The message's integrity is broken"),
  addr_rcpt_ok: row(250, "1.5", "The destination address is valid"),
  auth_succeeded: row(235, "7.0", "Authentication succeeded"),
  auth_pass_transition_needed: row(432, "7.12", "A password transition is needed"),
  auth_temp_fail: row(454, "7.0", "Temporary authentication failure"),
  auth_too_weak: row(534, "7.9", "The authentication mechanism is too weak"),
  auth_invalid: row(535, "7.8", "The authentication credentials are invalid"),
  auth_exch_too_long: row(500, "5.6", "The authentication exchange line is too long"),
  auth_required: row(530, "7.0", "Authentication required"),
  auth_crypt_required: row(538, "7.11", "Encryption is required for this authentication mechanism"),
  addr_null_mx: row(556, "1.10", "The recipient's domain has a null MX"),
  sec_null_mx_sender: row(550, "7.27", "The sender's domain has a null MX"),
  sec_dkim_no_pass: row(550, "7.20", "No passing DKIM signature found"),
  sec_dkim_not_acceptable: row(550, "7.21", "No acceptable DKIM signature found"),
  sec_dkim_no_author_match: row(550, "7.22", "No valid DKIM signature that matches the author found"),
  sec_spf_fail: row(550, "7.23", "SPF validation failed"),
  sec_spf_error: row(451, "7.24", "SPF validation error"),
  sec_rdns_fail: row(550, "7.25", "Reverse DNS validation failed"),
  sec_multi_auth_fail: row(550, "7.26", "Multiple authentication checks failed"),
} as const satisfies { readonly [name: string]: StatusRow };

export type StatusName = keyof typeof STATUS;

/** Makes the reply of a name. A `code` that is not 2xx, 4xx or 5xx gives way to the row's. */
export type MakeStatus = (text?: string | readonly string[], code?: number) => StatusReply;

/** `DSN.no_such_user()` → 550 5.1.1; a text and a code of one's own may be given. */
export const DSN: { readonly [N in StatusName]: MakeStatus } = Object.fromEntries(
  Object.entries(STATUS).map(([name, { code, status, text }]) => {
    const make: MakeStatus = (own = text, ownCode = code) => reply(takesStatus(ownCode) ? ownCode : code, status, own);
    return [name, make];
  }),
) as { readonly [N in StatusName]: MakeStatus };

/** A reply with a status of one's own: `createStatus(550, "No", 1, 1)`. Missing parts are 0; an impossible code becomes 450. */
export function createStatus(code: number, text: string | readonly string[], subject = 0, detail = 0): StatusReply {
  return reply(takesStatus(code) ? code : STATUS.unspecified.code, `${subject}.${detail}`, text);
}

function reply(code: number, status: string, text: string | readonly string[]): StatusReply {
  return { code, enhanced: `${Math.trunc(code / 100)}.${status}`, text };
}

function takesStatus(code: number): boolean {
  return Number.isInteger(code) && ((code >= 200 && code < 300) || (code >= 400 && code < 600));
}

function row(code: number, status: string, text: string): StatusRow {
  return { code, status, text };
}
