/**
 * What a finding means, and for whom: the only file that decides.
 *
 * A meaning settles one recipient, every undecided recipient of the message, or only says that this host is of no use (then the
 * next one is asked). What is not known here is temporary: mail is never lost for a fault we did not foresee.
 */
import { unreachable } from "../base/exhaustive.ts";
import type { Reason } from "../hooks/outbound.ts";
import type { Reply } from "../wire/reply.ts";
import { unmetReason } from "./extensions.ts";
import type { Fact, RouteFinding } from "./finding.ts";
import { safeText } from "./safe_text.ts";
import { type Stage, STAGES } from "./stages.ts";

export type Meaning =
  | { readonly verdict: "delivered"; readonly reply: Reply }
  | {
    readonly verdict: "deferred" | "failed";
    readonly whom: "recipient" | "message" | "host";
    readonly reason: Reason;
  };

type Whom = "recipient" | "message" | "host";
/** Whom a 4xx and a 5xx concern; `never`: a 5xx here is no word on the mail, and stays temporary. */
type ReplyRow = { readonly soft: Whom; readonly hard: Whom; readonly never?: true };

// deno-fmt-ignore
const REPLIES: { readonly [S in Stage]: ReplyRow } = {
  connect:  { soft: "host",      hard: "host" },
  greeting: { soft: "host",      hard: "host" },      // RFC 7504 §4: no mail here; another MX may take it
  ehlo:     { soft: "host",      hard: "host" },
  helo:     { soft: "host",      hard: "host" },
  starttls: { soft: "host",      hard: "host", never: true },
  tls:      { soft: "host",      hard: "host", never: true },
  xclient:  { soft: "host",      hard: "host", never: true },
  auth:     { soft: "host",      hard: "host", never: true }, // our credentials are at fault, not the mail
  mail:     { soft: "message",   hard: "message" },
  rcpt:     { soft: "recipient", hard: "recipient" },
  data:     { soft: "message",   hard: "message" },
  body:     { soft: "message",   hard: "message" },
  dot:      { soft: "message",   hard: "message" },
  rset:     { soft: "host",      hard: "host", never: true },
  quit:     { soft: "host",      hard: "host", never: true },
};

/** Subject and detail of RFC 3463 for peers that give none; the class comes from the reply. */
const DETAILS: { readonly [code: number]: string } = {
  421: "3.2",
  450: "2.0",
  451: "3.0",
  452: "3.1",
  454: "7.0",
  455: "5.4",
  500: "5.2",
  501: "5.4",
  502: "5.1",
  503: "5.1",
  504: "5.4",
  521: "3.2",
  530: "7.0",
  535: "7.8",
  538: "7.11",
  550: "0.0",
  551: "1.6",
  552: "2.2",
  553: "1.3",
  554: "0.0",
  555: "5.4",
  556: "1.10",
};
const AT_STAGE: { readonly [S in Stage]?: { readonly [code: number]: string } } = {
  mail: { 552: "3.4" }, // RFC 1870 §6.1
  rcpt: { 450: "2.1", 452: "5.3", 550: "1.1" },
};
/** Before a mail was named, codes that speak of mailboxes and messages cannot mean them: the host takes none, or will not have us. */
const BEFORE_MAIL: { readonly [S in Stage]?: string } = {
  greeting: "3.2",
  ehlo: "3.2",
  helo: "3.2",
  starttls: "7.0",
  auth: "7.0",
};
const OF_MAIL: ReadonlySet<number> = new Set([450, 550, 551, 552, 553, 554, 555]);

/** LMTP answers the dot once for each recipient (RFC 2033 §4.2): there a refusal is that recipient's. */
export function meaningOf({ stage, finding }: Fact, protocol: "smtp" | "lmtp", remote: string): Meaning {
  // Behind the dot the message may have been taken: another host would make two of it. So it waits for the next attempt.
  const faulty: Whom = stage === "dot" ? "message" : "host";
  const deferred = (whom: Whom, status: string, text: string): Meaning => ({
    verdict: "deferred",
    whom,
    reason: { text, status, remote },
  });
  switch (finding.kind) {
    case "reply":
      return replyMeaning(stage, finding.reply, protocol, remote);
    case "garbage":
      return deferred(faulty, "4.5.0", `Unrecognized response from upstream server: ${finding.text}`);
    case "silence":
      return deferred(faulty, "4.4.2", `socket timeout waiting on ${STAGES[stage].label}`);
    case "lost":
      return deferred(faulty, "4.4.2", `connection lost at ${STAGES[stage].label}: ${finding.detail}`);
    case "unreachable":
      return deferred("host", "4.4.1", `cannot connect: ${finding.detail}`);
    case "tls-missing":
      return deferred("host", "4.7.10", "No TLS available but required by configuration.");
    case "tls-broken":
      return deferred("host", "4.7.5", `TLS failed: ${finding.result}: ${finding.detail}`);
    case "tls-unverified":
      return deferred(
        "host",
        "4.7.5",
        `Host failed TLS verification required by configuration. ${finding.result}: ${finding.detail}`,
      );
    case "unreadable":
      return deferred("message", "4.3.0", `the message could not be read here: ${finding.detail}`);
    case "too-big":
      return {
        verdict: "failed",
        whom: "message",
        reason: { text: `Message is larger than the ${finding.limit} octets ${remote} takes`, status: "5.3.4", remote },
      };
    case "needs-utf8":
      return {
        verdict: "failed",
        whom: stage === "mail" ? "message" : "recipient",
        reason: { text: `${remote} does not take internationalized addresses (SMTPUTF8)`, status: "5.6.7", remote },
      };
    case "unmet": // another host may promise it
      return {
        verdict: "failed",
        whom: finding.what === "overdue" ? "message" : "host",
        reason: { ...unmetReason(finding.what, remote), remote },
      };
    case "unprotected":
      return {
        verdict: "failed",
        whom: "host",
        reason: { text: `Encryption needed: ${finding.detail}`, status: "5.7.10", remote },
      };
    case "unwritable":
      return {
        verdict: "failed",
        whom: stage === "mail" ? "message" : "recipient",
        reason: { text: "The address cannot be written into an SMTP command", status: "5.1.3", remote },
      };
    default:
      return unreachable(finding);
  }
}

function replyMeaning(stage: Stage, reply: Reply, protocol: "smtp" | "lmtp", remote: string): Meaning {
  const { code } = reply;
  const row = REPLIES[stage];
  const kind = Math.trunc(code / 100);
  if (kind === 2 && stage === "dot") return { verdict: "delivered", reply };
  if (kind !== 4 && kind !== 5) {
    // A good reply of the wrong kind: we and the peer no longer speak of the same command.
    const whom = stage === "dot" ? "message" : "host";
    return {
      verdict: "deferred",
      whom,
      reason: { text: `Upstream error: ${lineOf(reply)}`, status: "4.5.0", reply, remote },
    };
  }
  const perRecipient = stage === "rcpt" || (stage === "dot" && protocol === "lmtp");
  const hard = kind === 5 && row.never !== true && !isTooManyRecipients(stage, reply);
  const whom: Whom = perRecipient && !(code === 421 && stage === "rcpt")
    ? "recipient"
    : code === 421 || (kind === 4 && isAboutTheHost(stage, reply))
    ? "host"
    : hard
    ? row.hard
    : row.soft;
  const text = hard || perRecipient ? lineOf(reply) : `Upstream error: ${lineOf(reply)}`;
  return {
    verdict: hard ? "failed" : "deferred",
    whom,
    reason: { text, status: statusOf(stage, reply, hard ? 5 : 4), reply, remote },
  };
}

/** RFC 5321 §4.5.3.1.10: some say 552 for what should be 452; a full mailbox says 5.2.2. */
function isTooManyRecipients(stage: Stage, { code, enhanced }: Reply): boolean {
  return stage === "rcpt" && code === 552 && (enhanced === undefined || enhanced === "5.5.3");
}

/** Trouble of that system (disk full, shutting down), not with this mail: another host may take it. */
function isAboutTheHost(stage: Stage, { code, enhanced }: Reply): boolean {
  if (stage !== "mail" && stage !== "data" && stage !== "body" && stage !== "dot") return false;
  return enhanced === undefined ? code === 452 : enhanced.startsWith("4.3.");
}

function statusOf(stage: Stage, { code, enhanced }: Reply, kind: 4 | 5): string {
  if (kind === 4 && code === 552 && stage === "rcpt") return "4.5.3";
  return `${kind}.${enhanced === undefined ? detailOf(stage, code) : enhanced.slice(2)}`;
}

function detailOf(stage: Stage, code: number): string {
  const early = BEFORE_MAIL[stage];
  if (early !== undefined) return OF_MAIL.has(code) ? early : DETAILS[code] ?? early;
  return AT_STAGE[stage]?.[code] ?? DETAILS[code] ?? "0.0";
}

/** `CODE X.Y.Z text`, the lines of a long reply joined by blanks. */
export function lineOf({ code, enhanced, text }: Reply): string {
  const words = typeof text === "string" ? text : text.join(" ");
  return safeText(`${code}${enhanced === undefined ? "" : ` ${enhanced}`}${words === "" ? "" : ` ${words}`}`);
}

/** No host is left for the undecided: what the last ones said. Only when every one refused for good does the mail bounce. */
export function exhausted(seen: readonly Meaning[]): Extract<Meaning, { verdict: "deferred" | "failed" }> {
  let last: Extract<Meaning, { verdict: "deferred" | "failed" }> | undefined;
  for (const meaning of seen) {
    if (meaning.verdict === "delivered") continue;
    if (last === undefined || last.verdict === "failed" || meaning.verdict === "deferred") last = meaning;
  }
  if (last === undefined) {
    return { verdict: "deferred", whom: "message", reason: { text: "Tried all MXs", status: "4.4.1" } };
  }
  if (last.verdict === "failed") return { ...last, whom: "message" };
  return {
    verdict: "deferred",
    whom: "message",
    reason: { ...last.reason, text: `Tried all MXs: ${last.reason.text}` },
  };
}

/** What the road itself said, before any host was asked. */
export function routeMeaning(
  finding: RouteFinding,
  domain: string,
): { readonly verdict: "deferred" | "failed"; readonly reason: Reason } {
  switch (finding.kind) {
    case "dns":
      return { verdict: "deferred", reason: { text: `DNS lookup failure: ${finding.detail}`, status: "4.4.3" } };
    case "no-domain":
      return { verdict: "failed", reason: { text: `No Such Domain: ${domain}`, status: "5.1.2" } };
    case "nowhere":
      return {
        verdict: "failed",
        reason: { text: `Nowhere to deliver mail to for domain: ${domain}`, status: "5.1.2" },
      };
    case "null-mx": // RFC 7505 §4.2
      return {
        verdict: "failed",
        reason: { text: `Domain ${domain} sends and receives no email (NULL MX)`, status: "5.1.10" },
      };
    case "mx-denied":
      return {
        verdict: "failed",
        reason: { text: `No MX for ${domain}`, status: "5.1.2", reply: { code: 550, text: `No MX for ${domain}` } },
      };
    case "mx-deferred":
      return {
        verdict: "deferred",
        reason: {
          text: `Temporary MX lookup error for ${domain}`,
          status: "4.1.2",
          reply: { code: 450, text: `Temporary MX lookup error for ${domain}` },
        },
      };
    case "only-ourselves":
      return {
        verdict: "deferred",
        reason: { text: `Tried all MXs: those of ${domain} are this machine`, status: "4.4.6" },
      };
    default:
      return unreachable(finding);
  }
}
