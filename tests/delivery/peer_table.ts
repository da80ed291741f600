/**
 * What each answer of a peer at each stage must come to: the whole of it as data, and none of it from the code.
 *
 * Written from RFC 5321 (replies §4.2, 421 and broken connections §3.8, order of hosts §5.1, nothing twice behind the dot §4.5.3.2.6 and
 * RFC 1047), RFC 3463 (status), RFC 2033 (LMTP), RFC 2034 (a status of another class is none), RFC 3030, RFC 3207, RFC 3464 (reports)
 * and the specification's 02 §4.5. Where Haraka and Kasi part ways, `docs/haraka-differences.md` has a row. A cell that is missing does
 * not compile.
 */
import type { Act, Answer, PeerStage } from "../kit/scripted_peer.ts";

type Status<C extends 4 | 5> = `${C}.${number}.${number}`;
/** Of one recipient, in one attempt. */
export type Fate = "sent" | `wait ${Status<4>}` | `bounce ${Status<5>}`;
/** Both recipients, or the first one (the answer was about that one alone) and the second. `next MX`: another host is asked meanwhile. */
export type Cell = `${Fate | `${Fate} · ${Fate}`}${"" | ", next MX"}`;

/** What follows from a fate. `again`: when the recipient is tried anew. */
export interface Consequence {
  readonly again: "never" | "after the first interval";
  /** Of a recipient that waits it comes when the schedule is used up, with the same status made permanent. */
  readonly report: "none" | "at once" | "when the schedule is used up";
}
export const CONSEQUENCES = {
  sent: { again: "never", report: "none" },
  wait: { again: "after the first interval", report: "when the schedule is used up" },
  bounce: { again: "never", report: "at once" },
} as const satisfies { readonly [F in "sent" | "wait" | "bounce"]: Consequence };

/** Of each recipient in a report (RFC 3464 §2.3). `quoted`: only where a reply decided. */
export const REPORT_FIELDS = {
  "Final-Recipient": "always",
  "Action": "always",
  "Status": "always",
  "Remote-MTA": "always",
  "Diagnostic-Code": "quoted",
} as const;

// ── Answers that may come at every stage where something is said ────────────────────────────────────────────────────────────────

const ALERT = "\x15\x03\x03\x00\x02\x02\x28";
const lines = (count: number) => Array.from({ length: count }, () => "250-more").join("\n");

export const ANSWERS = {
  "250": "250 fine",
  "299": "299 a success that nobody knows",
  "250 lines": "250-fine\n250 and fine",
  "354": "354 go on",
  "399": "399 go on, in a way",
  "450": "450 later",
  "450 4.7.1": "450 4.7.1 later",
  "450 lines": "450-4.7.1 later\n450 4.7.1 much later",
  "451": "451 trouble here",
  "452": "452 disk full",
  "452 4.3.1": "452 4.3.1 disk full",
  "499": "499 what nobody knows",
  "550": "550 no",
  "550 5.7.1": "550 5.7.1 no",
  "550 4.7.1": "550 4.7.1 a status of the wrong class",
  "550 lines": "550-5.7.1 no\n550 5.7.1 and no",
  "552": "552 too much",
  "552 5.2.2": "552 5.2.2 mailbox full",
  "554": "554 no",
  "599": "599 what nobody knows",
  "421": "421 closing",
  "421 close": { say: "421 4.3.2 closing", then: "close" },
  "550 close": { say: "550 5.7.1 go away", then: "close" },
  "199": "199 what",
  "999": "999 what",
  garbage: "hello there",
  binary: "\x00\xff\x80\x1b[2J",
  "codes differ": "250-one\n550 two",
  endless: lines(300),
  "half a reply": { raw: "250-fi", then: "close" },
  silence: { then: "silence" },
  "half a reply, silence": { raw: "250 o", then: "silence" },
  reset: { then: "reset" },
  close: { then: "close" },
  "half-close": { then: "half-close" },
  alert: { raw: ALERT, then: "close" },
} as const satisfies { readonly [name: string]: Answer };
export type AnswerName = keyof typeof ANSWERS;
type Row = { readonly [A in AnswerName]: Cell };

// ── Rows that several stages share ──────────────────────────────────────────────────────────────────────────────────────────────

/** No reply came, or none that fits: this host is of no use now, and nothing was handed over. */
const NO_REPLY = {
  "199": "wait 4.5.0, next MX",
  "999": "wait 4.5.0, next MX",
  garbage: "wait 4.5.0, next MX",
  binary: "wait 4.5.0, next MX",
  "codes differ": "wait 4.5.0, next MX",
  endless: "wait 4.5.0, next MX",
  "half a reply": "wait 4.4.2, next MX",
  silence: "wait 4.4.2, next MX",
  "half a reply, silence": "wait 4.4.2, next MX",
  reset: "wait 4.4.2, next MX",
  close: "wait 4.4.2, next MX",
  "half-close": "wait 4.4.2, next MX",
  alert: "wait 4.4.2, next MX",
} as const;

/** The same when the message may have been taken all the same (RFC 1047): no second host, or two copies would come. */
const NO_REPLY_TOO_LATE = {
  "199": "wait 4.5.0",
  "999": "wait 4.5.0",
  garbage: "wait 4.5.0",
  binary: "wait 4.5.0",
  "codes differ": "wait 4.5.0",
  endless: "wait 4.5.0",
  "half a reply": "wait 4.4.2",
  silence: "wait 4.4.2",
  "half a reply, silence": "wait 4.4.2",
  reset: "wait 4.4.2",
  close: "wait 4.4.2",
  "half-close": "wait 4.4.2",
  alert: "wait 4.4.2",
} as const;

const LEAVES = { "421": "wait 4.3.2, next MX", "421 close": "wait 4.3.2, next MX" } as const;
const GOOD = { "250": "sent", "299": "sent", "250 lines": "sent" } as const;
/** An intermediate reply where none is expected: we and the peer no longer speak of the same command. */
const ASTRAY = { "354": "wait 4.5.0, next MX", "399": "wait 4.5.0, next MX" } as const;

/** Before a mail was named, a refusal is the host's: it does not take mail from the network (RFC 3463 X.3.2, RFC 7504 §4). */
const OF_THE_HOST = {
  ...GOOD,
  ...ASTRAY,
  "450": "wait 4.3.2, next MX",
  "450 4.7.1": "wait 4.7.1, next MX",
  "450 lines": "wait 4.7.1, next MX",
  "451": "wait 4.3.0, next MX",
  "452": "wait 4.3.1, next MX",
  "452 4.3.1": "wait 4.3.1, next MX",
  "499": "wait 4.3.2, next MX",
  "550": "bounce 5.3.2, next MX",
  "550 5.7.1": "bounce 5.7.1, next MX",
  "550 4.7.1": "bounce 5.3.2, next MX",
  "550 lines": "bounce 5.7.1, next MX",
  "552": "bounce 5.3.2, next MX",
  "552 5.2.2": "bounce 5.2.2, next MX",
  "554": "bounce 5.3.2, next MX",
  "599": "bounce 5.3.2, next MX",
  "550 close": "bounce 5.7.1, next MX",
  ...LEAVES,
  ...NO_REPLY,
} as const satisfies Row;

/** TLS or credentials that a host will not have are never a word on the mail: it waits, whatever the reply. */
const OF_THE_ROAD = {
  ...OF_THE_HOST,
  "450": "wait 4.7.0, next MX",
  "499": "wait 4.7.0, next MX",
  "550": "wait 4.7.0, next MX",
  "550 5.7.1": "wait 4.7.1, next MX",
  "550 4.7.1": "wait 4.7.0, next MX",
  "550 lines": "wait 4.7.1, next MX",
  "552": "wait 4.7.0, next MX",
  "552 5.2.2": "wait 4.2.2, next MX",
  "554": "wait 4.7.0, next MX",
  "599": "wait 4.7.0, next MX",
  "550 close": "wait 4.7.1, next MX",
} as const satisfies Row;

/** A word on the message: the other hosts of the domain would say the same. But trouble of that system alone (X.3.z) is not. */
const OF_THE_MESSAGE = {
  "450": "wait 4.2.0",
  "450 4.7.1": "wait 4.7.1",
  "450 lines": "wait 4.7.1",
  "451": "wait 4.3.0",
  "452": "wait 4.3.1, next MX",
  "452 4.3.1": "wait 4.3.1, next MX",
  "499": "wait 4.0.0",
  "550": "bounce 5.0.0",
  "550 5.7.1": "bounce 5.7.1",
  "550 4.7.1": "bounce 5.0.0",
  "550 lines": "bounce 5.7.1",
  "552": "bounce 5.2.2",
  "552 5.2.2": "bounce 5.2.2",
  "554": "bounce 5.0.0",
  "599": "bounce 5.0.0",
  "550 close": "bounce 5.7.1",
  ...LEAVES,
} as const;

/** The answer is to the first of two recipients. */
const OF_ONE = {
  ...GOOD,
  "450": "wait 4.2.1 · sent",
  "450 4.7.1": "wait 4.7.1 · sent",
  "450 lines": "wait 4.7.1 · sent",
  "451": "wait 4.3.0 · sent",
  "452": "wait 4.5.3 · sent", // RFC 5321 §4.5.3.1.10
  "452 4.3.1": "wait 4.3.1 · sent",
  "499": "wait 4.0.0 · sent",
  "550": "bounce 5.1.1 · sent",
  "550 5.7.1": "bounce 5.7.1 · sent",
  "550 4.7.1": "bounce 5.1.1 · sent",
  "550 lines": "bounce 5.7.1 · sent",
  "552": "wait 4.5.3 · sent", // the same section: what should be 452
  "552 5.2.2": "bounce 5.2.2 · sent",
  "554": "bounce 5.0.0 · sent",
  "599": "bounce 5.0.0 · sent",
  "550 close": "bounce 5.7.1 · wait 4.4.2, next MX",
  ...LEAVES,
} as const;

const NO_MATTER: Row = {
  ...OF_THE_HOST,
  ...Object.fromEntries(Object.keys(ANSWERS).map((name) => [name, "sent"])) as { [A in AnswerName]: "sent" },
};

const TO_MAIL = {
  ...GOOD,
  ...ASTRAY,
  ...OF_THE_MESSAGE,
  "552": "bounce 5.3.4", // RFC 1870 §6.1: larger than is taken
  ...NO_REPLY,
} as const satisfies Row;

// ── The table ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How commands and content travel. */
export type Way = "in step" | "pipelined" | "chunked" | "chunked, in step";
export interface Play {
  readonly at: PeerStage | "idle";
  readonly protocols: readonly ("smtp" | "lmtp")[];
  readonly ways: readonly Way[];
  /** STARTTLS is offered, and taken where it can be, or wanted for sure. */
  readonly tls?: "opportunistic" | "required";
  readonly auth?: true;
  /** Content too large for one write, so that the answer comes in the middle of it. */
  readonly large?: true;
}
const BOTH = ["smtp", "lmtp"] as const;
const TWO_WAYS = ["in step", "pipelined"] as const;

export const STAGES = {
  greeting: { at: "greeting", protocols: BOTH, ways: ["in step"] },
  EHLO: { at: "ehlo", protocols: ["smtp"], ways: ["in step"] },
  LHLO: { at: "ehlo", protocols: ["lmtp"], ways: ["in step"] },
  HELO: { at: "helo", protocols: ["smtp"], ways: ["in step"] },
  "STARTTLS": { at: "starttls", protocols: BOTH, ways: ["in step"], tls: "opportunistic" },
  "STARTTLS, required": { at: "starttls", protocols: BOTH, ways: ["in step"], tls: "required" },
  "EHLO over TLS": { at: "ehloSecure", protocols: ["smtp"], ways: ["in step"], tls: "opportunistic" },
  "LHLO over TLS": { at: "ehloSecure", protocols: ["lmtp"], ways: ["in step"], tls: "opportunistic" },
  AUTH: { at: "auth", protocols: BOTH, ways: ["in step"], auth: true },
  MAIL: { at: "mail", protocols: BOTH, ways: TWO_WAYS },
  "MAIL over TLS": { at: "mail", protocols: BOTH, ways: ["pipelined"], tls: "required" },
  "MAIL, content along": { at: "mail", protocols: ["smtp"], ways: ["chunked"] },
  RCPT: { at: "rcpt", protocols: BOTH, ways: [...TWO_WAYS, "chunked, in step"] },
  "RCPT, content along": { at: "rcpt", protocols: ["smtp"], ways: ["chunked"] },
  DATA: { at: "data", protocols: BOTH, ways: TWO_WAYS },
  "middle of the content": { at: "body", protocols: BOTH, ways: TWO_WAYS, large: true },
  dot: { at: "dot", protocols: ["smtp"], ways: TWO_WAYS },
  BDAT: { at: "dot", protocols: ["smtp"], ways: ["chunked", "chunked, in step"] },
  "dot of the first recipient": { at: "dot", protocols: ["lmtp"], ways: TWO_WAYS },
  QUIT: { at: "quit", protocols: BOTH, ways: ["pipelined"] },
  idle: { at: "idle", protocols: BOTH, ways: ["pipelined"] },
} as const satisfies { readonly [stage: string]: Play };
export type StageName = keyof typeof STAGES;

const AT_DOT = {
  ...GOOD,
  "354": "wait 4.5.0",
  "399": "wait 4.5.0",
  ...OF_THE_MESSAGE,
  ...NO_REPLY_TOO_LATE,
} as const satisfies Row;

export const TABLE: { readonly [S in StageName]: Row } = {
  greeting: OF_THE_HOST,
  // RFC 5321 §3.2: whoever does not know EHLO is greeted by HELO, whatever the reason it gives.
  EHLO: {
    ...OF_THE_HOST,
    "550": "sent",
    "550 5.7.1": "sent",
    "550 4.7.1": "sent",
    "550 lines": "sent",
    "552": "sent",
    "552 5.2.2": "sent",
    "554": "sent",
    "599": "sent",
    "550 close": "wait 4.4.2, next MX",
  },
  LHLO: OF_THE_HOST,
  HELO: OF_THE_HOST,
  // RFC 3207 §4: the mail goes on without, be STARTTLS refused or broken.
  STARTTLS: NO_MATTER,
  // A success that is followed by no handshake.
  "STARTTLS, required": {
    ...OF_THE_ROAD,
    "250": "wait 4.7.5, next MX",
    "299": "wait 4.7.5, next MX",
    "250 lines": "wait 4.7.5, next MX",
  },
  "EHLO over TLS": {
    ...OF_THE_HOST,
    "550": "sent",
    "550 5.7.1": "sent",
    "550 4.7.1": "sent",
    "550 lines": "sent",
    "552": "sent",
    "552 5.2.2": "sent",
    "554": "sent",
    "599": "sent",
    "550 close": "wait 4.4.2, next MX",
  },
  "LHLO over TLS": OF_THE_HOST,
  AUTH: OF_THE_ROAD,
  MAIL: TO_MAIL,
  "MAIL over TLS": TO_MAIL,
  // What is no refusal says nothing of the content that is on its way.
  "MAIL, content along": { ...TO_MAIL, "354": "wait 4.5.0", "399": "wait 4.5.0", ...NO_REPLY_TOO_LATE },
  RCPT: { ...OF_ONE, ...ASTRAY, ...NO_REPLY },
  "RCPT, content along": {
    ...OF_ONE,
    "354": "wait 4.5.0",
    "399": "wait 4.5.0",
    "550 close": "bounce 5.7.1 · wait 4.4.2",
    ...NO_REPLY_TOO_LATE,
  },
  DATA: {
    ...OF_THE_MESSAGE,
    "354": "sent",
    "399": "sent",
    "250": "wait 4.5.0, next MX",
    "299": "wait 4.5.0, next MX",
    "250 lines": "wait 4.5.0, next MX",
    ...NO_REPLY,
  },
  // Nothing is taken of a message that has not ended (RFC 5321 §4.1.1.4): a success is a mistake, and another host may have it.
  "middle of the content": {
    ...OF_THE_MESSAGE,
    ...ASTRAY,
    "250": "wait 4.5.0, next MX",
    "299": "wait 4.5.0, next MX",
    "250 lines": "wait 4.5.0, next MX",
    ...NO_REPLY,
  },
  dot: AT_DOT,
  BDAT: AT_DOT,
  // RFC 2033 §4.2: each recipient has a reply of its own. When one is no reply, nothing is known of those behind it.
  "dot of the first recipient": {
    ...GOOD,
    "354": "wait 4.5.0 · sent",
    "399": "wait 4.5.0 · sent",
    "450": "wait 4.2.0 · sent",
    "450 4.7.1": "wait 4.7.1 · sent",
    "450 lines": "wait 4.7.1 · sent",
    "451": "wait 4.3.0 · sent",
    "452": "wait 4.3.1 · sent",
    "452 4.3.1": "wait 4.3.1 · sent",
    "499": "wait 4.0.0 · sent",
    "550": "bounce 5.0.0 · sent",
    "550 5.7.1": "bounce 5.7.1 · sent",
    "550 4.7.1": "bounce 5.0.0 · sent",
    "550 lines": "bounce 5.7.1 · sent",
    "552": "bounce 5.2.2 · sent",
    "552 5.2.2": "bounce 5.2.2 · sent",
    "554": "bounce 5.0.0 · sent",
    "599": "bounce 5.0.0 · sent",
    "421": "wait 4.3.2 · sent",
    "421 close": "wait 4.3.2 · wait 4.4.2",
    "550 close": "bounce 5.7.1 · wait 4.4.2",
    ...NO_REPLY_TOO_LATE,
  },
  // The mail is where it should be.
  QUIT: NO_MATTER,
  // A second mail finds a connection that lives, or gets another.
  idle: NO_MATTER,
};

// ── Stages where nothing is said ────────────────────────────────────────────────────────────────────────────────────────────────

export const DIALS = {
  refused: "ECONNREFUSED",
  "no network": "ENETUNREACH",
  "no such family": "EAFNOSUPPORT",
  silence: "",
} as const;
export const CONNECT: { readonly [D in keyof typeof DIALS]: Cell } = {
  refused: "wait 4.4.1, next MX",
  "no network": "wait 4.4.1, next MX",
  "no such family": "wait 4.4.1, next MX",
  silence: "wait 4.4.1, next MX",
};

export const HANDSHAKES = {
  alert: { raw: ALERT, then: "close" },
  garbage: { raw: "250 hello there\r\n", then: "silence" },
  silence: { then: "silence" },
  reset: { then: "reset" },
  close: { then: "close" },
  "half-close": { then: "half-close" },
  /** A handshake that succeeds, with a certificate … */
  untrusted: "trusted=false",
  "of another name": "other name",
} as const satisfies { readonly [name: string]: Act | string };
export type HandshakeName = keyof typeof HANDSHAKES;

export const HANDSHAKE: { readonly [P in "opportunistic" | "required"]: { readonly [H in HandshakeName]: Cell } } = {
  opportunistic: {
    alert: "sent",
    garbage: "sent",
    silence: "sent",
    reset: "sent",
    close: "sent",
    "half-close": "sent",
    untrusted: "sent",
    "of another name": "sent",
  },
  required: {
    alert: "wait 4.7.5, next MX",
    garbage: "wait 4.7.5, next MX",
    silence: "wait 4.7.5, next MX",
    reset: "wait 4.7.5, next MX",
    close: "wait 4.7.5, next MX",
    "half-close": "wait 4.7.5, next MX",
    untrusted: "wait 4.7.5, next MX",
    "of another name": "wait 4.7.5, next MX",
  },
};
