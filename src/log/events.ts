/**
 * Every named event of the house: what it is told, at which level it is logged and how it reads.
 *
 * A room that has something to report to operators adds its event here, so that logs, metrics and tests speak of one list.
 */
import type { Fields, LevelName } from "./types.ts";

/** Haraka's summary lines (spec 01 §6) and our own. Names and fields are stable: operators grep for them. */
export interface Events {
  connect: { ip: string; port: number; local_ip: string; local_port: number };
  sender: { address: string; code: number; msg: string };
  recipient: { address: string; code: number; msg: string; sender: string };
  message: { mid: string; size: number; rcpts: string; delay: number; code: number; msg: string };
  queue: { code: number; msg: string };
  disconnect: {
    ip: string;
    rdns: string;
    helo: string;
    relay: "Y" | "N";
    early: "Y" | "N";
    esmtp: "Y" | "N";
    tls: "Y" | "N";
    pipe: "Y" | "N";
    errors: number;
    txns: number;
    rcpts: string;
    msgs: string;
    bytes: number;
    lr: string;
    time: number;
  };
  secured: { cipher: string; version: string; verified: boolean };
  /** A hook function that threw or was late. */
  plugin_fault: { plugin: string; hook: string; reason: string };
  /** A hook function's verdict, other than saying nothing. `ms`: how long it took to give it. */
  verdict: { hook: string; plugin: string; verdict: string; msg: string; ms: number };
  /** A hook function that said nothing. */
  hook: { hook: string; plugin: string; ms: number };
  /** A plugin asked the DNS, while one of its hook functions ran. `answer`: the records, or why there are none. */
  lookup: { name: string; type: string; answer: string; ms: number };
  /** A plugin opened a connection, while one of its hook functions ran. `answer`: `connected`, or why not. */
  dial: { to: string; answer: string; ms: number };
  /** A reply of 4xx or 5xx, whoever it came from; `to` is the command. */
  refusal: { to: string; code: number; msg: string };
  delivered: {
    file: string;
    domain: string;
    host: string;
    ip: string;
    port: number;
    mode: "SMTP" | "LMTP" | "LOCAL";
    tls: "Y" | "N";
    auth: "Y" | "N";
    response: string;
    delay: number;
    fails: number;
    rcpts: string;
  };
  deferred: { file: string; domain: string; delay: number; fails: number; rcpts: string; err: string };
  bounced: { file: string; domain: string; rcpts: string; err: string };
  double_bounce: { file: string; sender: string; err: string };
  /** Nothing is sent to a destination for a while. `by`: it could not be reached, or said so. */
  site_rests: { site: string; by: "breaker" | "backoff"; seconds: number; err: string };
  /** A destination gets half of what it did; `level`: how often it was halved. `rule`: which back-off. */
  site_slow: { site: string; level: number; seconds: number; rule: string; err: string };
  /** It was reached again after a rest. */
  site_recovered: { site: string };
  /** By the operator; -1: until it is resumed. */
  site_suspended: { site: string; seconds: number; reason: string };
  site_resumed: { site: string };
  /** A damaged piece of a queue segment was set aside. */
  queue_corrupt: { segment: string; offset: number; length: number; reason: string; kept: string };
  queue_recovered: { shard: string; messages: number; recipients: number; segments: number; torn: number; ms: number };
  config_reloaded: { file: string };
  config_fault: { file: string; reason: string };
  /** A name that nothing reads, or an entry that can be done without. */
  config_passed_over: { file: string; reason: string };
}
export type EventName = keyof Events;
export type EventOf<N extends EventName> = Events[N];
export interface EventRow<N extends EventName> {
  readonly level: LevelName;
  readonly line: (event: Events[N]) => { readonly message: string; readonly fields: Fields };
}

/** Fields as they are told, behind a fixed message. */
function plain<N extends EventName>(level: LevelName, message: string): EventRow<N> {
  return { level, line: (event) => ({ message, fields: event as Fields }) };
}

/** One row for every event: an event without one does not compile. */
export const EVENTS: { readonly [N in EventName]: EventRow<N> } = {
  connect: plain("NOTICE", "connect"),
  sender: {
    level: "NOTICE",
    line: ({ address, ...fields }) => ({ message: `sender ${inBrackets(address)}`, fields }),
  },
  recipient: {
    level: "NOTICE",
    line: ({ address, ...fields }) => ({ message: `recipient ${inBrackets(address)}`, fields }),
  },
  message: plain("NOTICE", "message"),
  queue: plain("NOTICE", "queue"),
  disconnect: plain("NOTICE", "disconnect"),
  secured: plain("NOTICE", "secured"),
  plugin_fault: {
    level: "CRIT",
    line: ({ plugin, hook, reason }) => ({ message: `Plugin ${plugin} failed in hook ${hook}: ${reason}`, fields: {} }),
  },
  verdict: plain("INFO", "verdict"),
  hook: plain("DEBUG", "hook"),
  lookup: plain("DEBUG", "lookup"),
  dial: plain("DEBUG", "dial"),
  refusal: plain("INFO", "refusal"),
  delivered: plain("NOTICE", "delivered"),
  deferred: plain("NOTICE", "deferred"),
  bounced: plain("NOTICE", "bounced"),
  double_bounce: plain("NOTICE", "double bounce"),
  site_rests: plain("NOTICE", "outbound: a destination rests"),
  site_slow: plain("NOTICE", "outbound: a destination is slowed down"),
  site_recovered: plain("NOTICE", "outbound: a destination was reached again"),
  site_suspended: plain("NOTICE", "outbound: a destination is suspended"),
  site_resumed: plain("NOTICE", "outbound: a destination is resumed"),
  queue_corrupt: plain("ERROR", "queue: a damaged piece was set aside"),
  queue_recovered: plain("NOTICE", "queue: recovered"),
  config_reloaded: plain("NOTICE", "config: reloaded"),
  config_fault: plain("ERROR", "config: cannot use this file; the last good values stay"),
  config_passed_over: plain("ERROR", "config: not understood, and passed over"),
};

function inBrackets(address: string): string {
  return address.startsWith("<") ? address : `<${address}>`;
}
