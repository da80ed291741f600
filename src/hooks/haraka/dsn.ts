/** `require('haraka-dsn')`: replies by name, with their enhanced status codes (spec 01 §7.6; texts after RFC 3463, 4954, 7372 and 7505). */

export interface Dsn {
  readonly code: number;
  readonly msg: string | readonly string[];
  readonly cls: number;
  readonly sub: number;
  readonly det: number;
  readonly default_msg: string;
  readonly reply: string | readonly string[];
}

/** name → default code, X.Y of the status, text. */
const ROWS: { readonly [name: string]: readonly [code: number, sub: number, det: number, text: string] } = {
  unspecified: [450, 0, 0, "Other undefined status"],
  addr_unspecified: [450, 1, 0, "Other address status"],
  addr_bad_dest_mbox: [550, 1, 1, "Bad destination mailbox address"],
  no_such_user: [550, 1, 1, "No such user"],
  addr_bad_dest_system: [550, 1, 2, "Bad destination system address"],
  addr_bad_dest_syntax: [550, 1, 3, "Bad destination mailbox address syntax"],
  addr_dest_ambigous: [450, 1, 4, "Destination mailbox address ambiguous"],
  addr_rcpt_ok: [250, 1, 5, "Destination address valid"],
  addr_mbox_moved: [550, 1, 6, "Destination mailbox has moved, no forwarding address"],
  addr_bad_from_syntax: [550, 1, 7, "Bad sender's mailbox address syntax"],
  addr_bad_from_system: [550, 1, 8, "Bad sender's system address"],
  addr_null_mx: [556, 1, 10, "Recipient address has null MX"],
  mbox_unspecified: [450, 2, 0, "Other or undefined mailbox status"],
  mbox_disabled: [550, 2, 1, "Mailbox disabled, not accepting messages"],
  mbox_full: [450, 2, 2, "Mailbox full"],
  mbox_msg_too_long: [550, 2, 3, "Message length exceeds administrative limit"],
  mbox_list_expansion_problem: [450, 2, 4, "Mailing list expansion problem"],
  sys_unspecified: [450, 3, 0, "Other or undefined mail system status"],
  sys_disk_full: [450, 3, 1, "Mail system full"],
  sys_not_accepting_mail: [450, 3, 2, "System not accepting network messages"],
  sys_not_supported: [450, 3, 3, "System not capable of selected features"],
  sys_msg_too_big: [550, 3, 4, "Message too big for system"],
  sys_incorrectly_configured: [450, 3, 5, "System incorrectly configured"],
  net_unspecified: [450, 4, 0, "Other or undefined network or routing status"],
  net_no_answer: [450, 4, 1, "No answer from host"],
  net_bad_connection: [450, 4, 2, "Bad connection"],
  net_directory_server_failed: [450, 4, 3, "Directory server failure"],
  temp_resolver_failed: [450, 4, 3, "Temporary address resolution failure"],
  net_unable_to_route: [550, 4, 4, "Unable to route"],
  net_system_congested: [450, 4, 5, "Mail system congestion"],
  net_routing_loop: [550, 4, 6, "Routing loop detected"],
  too_many_hops: [550, 4, 6, "Too many hops"],
  net_delivery_time_expired: [550, 4, 7, "Delivery time expired"],
  proto_unspecified: [450, 5, 0, "Other or undefined protocol status"],
  proto_invalid_command: [550, 5, 1, "Invalid command"],
  proto_syntax_error: [550, 5, 2, "Syntax error"],
  proto_too_many_rcpts: [450, 5, 3, "Too many recipients"],
  proto_invalid_cmd_args: [550, 5, 4, "Invalid command arguments"],
  proto_wrong_version: [450, 5, 5, "Wrong protocol version"],
  media_unspecified: [450, 6, 0, "Other or undefined media error"],
  media_unsupported: [550, 6, 1, "Media not supported"],
  media_conv_prohibited: [550, 6, 2, "Conversion required and prohibited"],
  media_conv_unsupported: [450, 6, 3, "Conversion required but not supported"],
  media_conv_lossy: [450, 6, 4, "Conversion with loss performed"],
  media_conv_failed: [450, 6, 5, "Conversion failed"],
  sec_unspecified: [450, 7, 0, "Other or undefined security status"],
  sec_unauthorized: [550, 7, 1, "Delivery not authorized, message refused"],
  bad_sender_ip: [550, 7, 1, "Bad sender's IP address"],
  relaying_denied: [550, 7, 1, "Relaying denied"],
  sec_list_expn_prohibited: [550, 7, 2, "Mailing list expansion prohibited"],
  sec_conv_failed: [550, 7, 3, "Security conversion required but not possible"],
  sec_feature_unsupported: [550, 7, 4, "Security features not supported"],
  sec_crypto_failure: [550, 7, 5, "Cryptographic failure"],
  sec_crypto_algo_unsupported: [450, 7, 6, "Cryptographic algorithm not supported"],
  sec_msg_integrity_failure: [550, 7, 7, "Message integrity failure"],
  auth_succeeded: [235, 7, 0, "Authentication succeeded"],
  auth_pass_transition_needed: [432, 7, 12, "A password transition is needed"],
  auth_temp_fail: [454, 7, 0, "Temporary authentication failure"],
  auth_too_weak: [534, 7, 9, "Authentication mechanism is too weak"],
  auth_invalid: [535, 7, 8, "Authentication credentials invalid"],
  auth_exch_too_long: [500, 5, 6, "Authentication exchange line is too long"],
  auth_required: [530, 7, 0, "Authentication required"],
  auth_crypt_required: [538, 7, 11, "Encryption required for requested authentication mechanism"],
  sec_dkim_no_pass: [550, 7, 20, "No passing DKIM signature found"],
  sec_dkim_not_acceptable: [550, 7, 21, "No acceptable DKIM signature found"],
  sec_dkim_no_author_match: [550, 7, 22, "No valid author-matched DKIM signature found"],
  sec_spf_fail: [550, 7, 23, "SPF validation failed"],
  sec_spf_error: [451, 7, 24, "SPF validation error"],
  sec_rdns_fail: [550, 7, 25, "Reverse DNS validation failed"],
  sec_multi_auth_fail: [550, 7, 26, "Multiple authentication checks failed"],
  sec_null_mx_sender: [550, 7, 27, "Sender address has null MX"],
};

/** A code that is no 2xx, 4xx or 5xx gives way to `fallback`. */
function make(
  code: unknown,
  msg: unknown,
  [fallback, sub, det, text]: readonly [number, number, number, string],
): Dsn {
  const good = /^[245]\d\d$/.test(String(code)) ? Number(code) : fallback;
  const said = Array.isArray(msg) ? msg.map(String) : msg ? String(msg) : text;
  const cls = Math.trunc(good / 100);
  const mark = (line: string) => `${cls}.${sub}.${det} ${line}`;
  const reply = typeof said === "string" ? mark(said) : said.map(mark);
  return { code: good, msg: said, cls, sub, det, default_msg: text, reply };
}

/** What is handed to `next` as a DSN: made here or by the package of that name. */
export function isDsn(value: unknown): value is Dsn {
  if (typeof value !== "object" || value === null) return false;
  const { code, cls, sub, det } = value as Dsn;
  return [code, cls, sub, det].every((part) => typeof part === "number");
}

export const DSN: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(
    Object.entries(ROWS).map(([name, row]) => [name, (msg?: unknown, code?: unknown) => make(code, msg, row)]),
  ),
  create: (code: unknown, msg: unknown, sub = 0, det = 0) => make(code, msg, [450, sub, det, ROWS.unspecified![3]]),
};
