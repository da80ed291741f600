/**
 * What each answer at each stage comes to, as data: `kind status next`. `next` says that a second host is asked.
 *
 * Every row is played with one host (kind and status are those of both recipients) and with two.
 */
import type { Answer, PeerStage } from "../kit/scripted_peer.ts";

export const ANSWERS = {
  "250": "250 fine",
  "354": "354 go on",
  "450": "450 later",
  "450 4.7.1": "450 4.7.1 later",
  "452": "452 disk full",
  "452 4.3.1": "452 4.3.1 disk full",
  "550": "550 no",
  "550 5.7.1": "550 5.7.1 no",
  "550 4.7.1": "550 4.7.1 a status of the wrong class",
  "550 lines": "550-5.7.1 no\n550 5.7.1 and no",
  "552": "552 too many recipients",
  "552 5.2.2": "552 5.2.2 mailbox full",
  "421": "421 closing",
  "421 close": { say: "421 4.3.2 closing", then: "close" },
  "999": "999 what",
  garbage: "hello there",
  "codes differ": "250-one\n550 two",
  silence: { then: "silence" },
  reset: { then: "reset" },
  close: { then: "close" },
} as const satisfies { readonly [name: string]: Answer };

export type AnswerName = keyof typeof ANSWERS;
export type Expected = "delivered" | `${"deferred" | "failed"} ${string}`;
export interface StageTable {
  readonly stage: PeerStage;
  readonly protocol: "smtp" | "lmtp";
  readonly rows: { readonly [A in AnswerName]?: Expected };
}

/** Faults mean the same wherever they come before the dot. */
const FAULTS = {
  "421": "deferred 4.3.2 next",
  "421 close": "deferred 4.3.2 next",
  "999": "deferred 4.5.0 next",
  garbage: "deferred 4.5.0 next",
  "codes differ": "deferred 4.5.0 next",
  silence: "deferred 4.4.2 next",
  reset: "deferred 4.4.2 next",
  close: "deferred 4.4.2 next",
} as const;
/** Behind the dot the message may have been taken: no second host. */
const AFTER_DOT = {
  "999": "deferred 4.5.0",
  garbage: "deferred 4.5.0",
  "codes differ": "deferred 4.5.0",
  silence: "deferred 4.4.2",
  reset: "deferred 4.4.2",
  close: "deferred 4.4.2",
} as const;
const OF_THE_HOST = {
  "354": "deferred 4.5.0 next",
  "450": "deferred 4.2.0 next",
  "450 4.7.1": "deferred 4.7.1 next",
  "550": "failed 5.0.0 next",
  "550 5.7.1": "failed 5.7.1 next",
  "550 4.7.1": "failed 5.0.0 next",
  "550 lines": "failed 5.7.1 next",
  ...FAULTS,
} as const;
const OF_THE_MESSAGE = {
  "450": "deferred 4.2.0",
  "450 4.7.1": "deferred 4.7.1",
  "452": "deferred 4.3.1 next",
  "452 4.3.1": "deferred 4.3.1 next",
  "550": "failed 5.0.0",
  "550 5.7.1": "failed 5.7.1",
  "550 lines": "failed 5.7.1",
  "552": "failed 5.2.2",
} as const;
const RCPT = {
  "250": "delivered",
  "354": "deferred 4.5.0 next",
  "450": "deferred 4.2.1",
  "450 4.7.1": "deferred 4.7.1",
  "452": "deferred 4.5.3",
  "550": "failed 5.1.1",
  "550 5.7.1": "failed 5.7.1",
  "550 lines": "failed 5.7.1",
  "552": "deferred 4.5.3",
  "552 5.2.2": "failed 5.2.2",
  ...FAULTS,
} as const;

export const TABLES: readonly StageTable[] = [
  { stage: "greeting", protocol: "smtp", rows: { "250": "delivered", ...OF_THE_HOST } },
  { stage: "greeting", protocol: "lmtp", rows: { "250": "delivered", ...OF_THE_HOST } },
  {
    stage: "ehlo",
    protocol: "smtp",
    // A 5xx leads to HELO, which is welcome.
    rows: {
      "250": "delivered",
      "354": "deferred 4.5.0 next",
      "450": "deferred 4.2.0 next",
      "550": "delivered",
      "550 5.7.1": "delivered",
      "550 lines": "delivered",
      ...FAULTS,
    },
  },
  { stage: "ehlo", protocol: "lmtp", rows: { "250": "delivered", ...OF_THE_HOST } },
  { stage: "helo", protocol: "smtp", rows: { "250": "delivered", ...OF_THE_HOST } },
  {
    stage: "mail",
    protocol: "smtp",
    rows: { "250": "delivered", "354": "deferred 4.5.0 next", ...OF_THE_MESSAGE, ...FAULTS },
  },
  {
    stage: "mail",
    protocol: "lmtp",
    rows: { "250": "delivered", "354": "deferred 4.5.0 next", ...OF_THE_MESSAGE, ...FAULTS },
  },
  { stage: "rcpt", protocol: "smtp", rows: RCPT },
  { stage: "rcpt", protocol: "lmtp", rows: RCPT },
  {
    stage: "data",
    protocol: "smtp",
    rows: { "250": "deferred 4.5.0 next", "354": "delivered", ...OF_THE_MESSAGE, ...FAULTS },
  },
  {
    stage: "data",
    protocol: "lmtp",
    rows: { "250": "deferred 4.5.0 next", "354": "delivered", ...OF_THE_MESSAGE, ...FAULTS },
  },
  {
    stage: "dot",
    protocol: "smtp",
    rows: {
      "250": "delivered",
      "354": "deferred 4.5.0",
      ...OF_THE_MESSAGE,
      "421": "deferred 4.3.2 next",
      "421 close": "deferred 4.3.2 next",
      ...AFTER_DOT,
    },
  },
  {
    stage: "dot",
    protocol: "lmtp",
    // Each recipient has a reply of its own.
    rows: {
      "250": "delivered",
      "354": "deferred 4.5.0",
      "450": "deferred 4.2.0",
      "450 4.7.1": "deferred 4.7.1",
      "452": "deferred 4.3.1",
      "550": "failed 5.0.0",
      "550 5.7.1": "failed 5.7.1",
      "550 lines": "failed 5.7.1",
      "552 5.2.2": "failed 5.2.2",
      "421": "deferred 4.3.2",
      ...AFTER_DOT,
    },
  },
];
