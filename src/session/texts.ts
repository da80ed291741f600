/**
 * Every reply the session gives on its own account, in one place: bland, Haraka's wording where Haraka has one.
 *
 * What hooks refuse is worded in `hooks/rules.ts`. Reasons go to the log, under the id that `denyChars` or the text shows.
 */
import type { Reply } from "../wire/reply.ts";

const said = (code: number, enhanced: string, text: string): Reply => ({ code, enhanced, text });
/** RFC 2034 §4: no status in the greeting, in replies to HELO and EHLO, in 3xx, and before the peer has said EHLO. */
const plain = (code: number, text: string): Reply => ({ code, text });

/** `%s` stands for what {@linkcode about} puts there. */
export const TEXTS = {
  // The line itself
  tooLong: said(521, "5.5.2", "Command line too long"),
  bareLineEnd: said(500, "5.5.2", "Syntax error (lines end with CR LF)"),
  clientHello: plain(501, "SSL attempted over a non-SSL socket"),
  unknown: said(500, "5.5.1", "Unrecognized command"),
  badSequence: said(503, "5.5.1", "Bad sequence of commands"),
  proxyRefused: said(421, "4.7.0", "PROXY not allowed from %s"),
  proxyFormat: plain(421, "Invalid PROXY format"),
  proxyTimeout: plain(421, "PROXY timeout"),

  // Hello
  helloFirst: said(503, "5.5.1", "Use EHLO/HELO before MAIL"),

  // MAIL and RCPT
  parameters: said(555, "5.5.4", "Invalid command parameters"),
  authFirst: said(550, "5.7.1", "Authentication required"),
  tooBig: said(550, "5.3.4", "Message too big!"),
  badSize: said(501, "5.5.4", "Command parsing failed"),
  badValue: said(501, "5.5.4", "Invalid parameter value"),
  tooSoon: said(501, "5.5.4", "Less time than is listed for DELIVERBY"),
  holdRefused: said(550, "5.7.1", "Mail is held for authenticated clients only"),
  needsUtf8: said(553, "5.6.7", "Non-ASCII addresses need SMTPUTF8"),
  tooManyMails: said(452, "4.5.3", "Too many messages in this session"),
  bodyKind: said(555, "5.5.4", "BODY type not supported"),
  senderOk: said(250, "2.1.0", "sender %s OK"),
  mailFirst: said(503, "5.5.1", "Use MAIL before RCPT"),
  tooManyRecipients: said(452, "4.5.3", "Too many recipients"),
  tooManyRefused: said(452, "4.5.3", "Too many recipients"),
  tooManyDomains: said(452, "4.5.3", "Too many recipient domains in this session"),
  recipientOk: said(250, "2.1.5", "recipient %s OK"),
  cannotDeliver: said(550, "5.1.1", "I cannot deliver mail for %s"),

  // DATA and BDAT
  mailRequired: said(503, "5.5.1", "MAIL required first"),
  recipientRequired: said(503, "5.5.1", "RCPT required first"),
  noRecipients: said(554, "5.5.1", "No valid recipients"),
  binaryNeedsBdat: said(503, "5.5.1", "BODY=BINARYMIME needs BDAT"),
  goAhead: plain(354, "go ahead, make my day"),
  chunkOk: said(250, "2.0.0", "%s octets received"),
  chunksUnderWay: said(503, "5.5.1", "BDAT is under way: more BDAT, or RSET"),
  bareLf: said(451, "4.6.0", "Bare line feed detected; lines end with CR LF"),
  bareCr: said(451, "4.6.0", "Bare carriage return detected; lines end with CR LF"),
  smuggling: said(451, "4.6.0", "Bare line feed detected before the end of the message"),
  headerTooBig: said(552, "5.3.4", "Message header too big"),
  tooManyParts: said(554, "5.6.0", "Transaction contains too many MIME parts"),
  loop: said(550, "5.4.6", "Too many received headers - possible mail loop"),
  queued: said(250, "2.0.0", "Message Queued (%s)"),
  declined: said(451, "4.3.0", "Queuing declined or disabled, try later (%s)"),
  trouble: said(451, "4.3.0", "Local trouble, try again later (%s)"),
  full: said(452, "4.3.1", "Insufficient system storage, try again later (%s)"),

  // The small ones
  ok: said(250, "2.0.0", "OK"),
  help: said(250, "2.0.0", "Not implemented"),
  verify: said(252, "2.5.0", "Just try sending a mail and we'll see how it turns out..."),
  userOk: said(250, "2.1.5", "User OK"),

  // STARTTLS
  tlsGoAhead: said(220, "2.0.0", "Go ahead."),
  tlsTwice: said(503, "5.5.1", "TLS is already active"),
  injection: said(501, "5.5.1", "Nothing may follow STARTTLS before the handshake"),

  // AUTH
  authOk: said(235, "2.7.0", "Authentication successful"),
  authFailed: said(535, "5.7.8", "Authentication failed"),
  authTwice: said(503, "5.5.1", "Already authenticated"),
  authInMail: said(503, "5.5.1", "No authentication within a mail transaction"),
  authMechanism: said(504, "5.5.4", "Authentication mechanism not available"),
  authString: said(504, "5.5.4", "Invalid AUTH string"),
  authBase64: said(501, "5.5.2", "Invalid base64"),
  authProtocol: said(521, "5.5.1", "bad protocol"),
  authTrouble: said(454, "4.7.0", "Temporary authentication failure"),
  authLate: said(421, "4.7.0", "Authentication took too long"),
  authTooOften: said(421, "4.7.0", "Too many failed authentications"),

  // The end
  timeout: said(421, "4.4.2", "timeout"),
  shutdown: said(421, "4.3.2", "Server is going down, try again later"),
  tooManyErrors: said(421, "4.7.0", "Too many errors"),
  internal: said(421, "4.3.0", "Internal Server Error (%s)"),
} as const satisfies { readonly [name: string]: Reply };

/** The reply with its subject put in. */
export function about(reply: Reply, subject: string): Reply {
  const put = (text: string) => {
    const at = text.indexOf("%s");
    return at < 0 ? text : text.slice(0, at) + subject + text.slice(at + 2);
  };
  const { code, enhanced } = reply;
  const text = typeof reply.text === "string" ? put(reply.text) : reply.text.map(put);
  return enhanced === undefined ? { code, text } : { code, enhanced, text };
}

/** A reply's text in one line, for the log. */
export function textOf({ text }: Reply): string {
  return typeof text === "string" ? text : text.join(" ");
}

/** What keeping a message failed of: a full disk (RFC 5321 §4.2.3) or anything else. Whoever keeps messages says so by the error's `fault`. */
export function troubleOf(error: unknown): Reply {
  return (error as { readonly fault?: unknown } | null)?.fault === "disk-full" ? TEXTS.full : TEXTS.trouble;
}
