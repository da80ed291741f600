/**
 * The trace field we put on top of every message we take in (RFC 5321 §4.4), in the form Haraka's users grep for.
 *
 * Whatever the client or its DNS says is one word there: no line breaks, no blanks, no brackets that could tell of another hop.
 */
import type { Address } from "./address.ts";
import { formatDate } from "./date.ts";

export interface ReceivedOptions {
  /** What the client said behind HELO or EHLO. */
  readonly hello: string;
  readonly esmtp: boolean;
  /** Reverse name or better (`remote.info`); `NXDOMAIN`, `DNSERROR` and "" are left out. */
  readonly info: string;
  readonly ip: string;
  /** Our name. */
  readonly me: string;
  /** What we are, e.g. `Kasi/0.1.0`. */
  readonly localInfo: string;
  /** Transaction id. */
  readonly id: string;
  readonly sender: Address;
  /** The standard name of the cipher suite; undefined without TLS. */
  readonly cipher?: string | undefined;
  readonly authenticated: boolean;
  /** MAIL said SMTPUTF8. */
  readonly smtpUtf8?: boolean | undefined;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** The value behind `Received: `, folded. */
export function receivedValue(o: ReceivedOptions): string {
  const tls = o.cipher === undefined ? "" : `tls ${clean(o.cipher)}`;
  const auth = o.authenticated ? " (authenticated bits=0)" : "";
  return `from ${clean(o.hello)} (${peer(o.info, o.ip)})\r\n` +
    `\tby ${o.me} (${o.localInfo}) with ${receivedProtocol(o)} id ${o.id}\r\n` +
    `\tenvelope-from ${o.sender.toString()}${tls === "" ? "" : `\r\n\t${tls}`}${auth};\r\n` +
    `\t${formatDate(o.time)}`;
}

/** The `with` word: RFC 3848, and RFC 6531 §4.3 for SMTPUTF8. */
export function receivedProtocol(
  o: Pick<ReceivedOptions, "esmtp" | "cipher" | "authenticated" | "smtpUtf8">,
): string {
  if (!o.esmtp) return `SMTP${o.cipher === undefined ? "" : "S"}${o.authenticated ? "A" : ""}`;
  return `${o.smtpUtf8 ? "UTF8SMTP" : "ESMTP"}${o.cipher === undefined ? "" : "S"}${o.authenticated ? "A" : ""}`;
}

function peer(info: string, ip: string): string {
  return info === "" || info === "NXDOMAIN" || info === "DNSERROR" ? `[${ip}]` : `${clean(info)} [${ip}]`;
}

/** All but printable ASCII, and what RFC 5322 §3.2.3 reads as more than part of a word. */
const NO_WORD = /[^!-~]|[()<>@;\\"[\],]/;
const NO_WORDS = new RegExp(`(?:${NO_WORD.source})+`, "g");
const LITERAL = /^\[[\w.:-]+\]$/;

/** One word: `localhost([127.0.0.1])` must not look like a hop of its own. */
function clean(text: string): string {
  return NO_WORD.test(text) && !LITERAL.test(text) ? text.replace(NO_WORDS, "?") : text;
}
