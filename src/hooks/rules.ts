/**
 * What each hook's verdicts come to: one row per hook, where Haraka has a dozen switch statements (spec 01 §7.4).
 *
 * The runner reads `runs` and `onFault`; the session reads the replies and `then`; `docs/hooks/` is printed from the same rows.
 * A hook without a row does not compile, nor does a row without replies for a hook that may refuse.
 */
import type { EngineHooks, HookName } from "./points.ts";
import type { Refusal, Refuse } from "./verdict.ts";

/** A reply to a refusal that names no parts of its own. `%s` in the text stands for the hook's subject (address, id, domain). */
export interface RefusalReply {
  readonly code: number;
  /** RFC 3463; absent where RFC 2034 §4 wants none (the greeting, HELO, EHLO). */
  readonly enhanced?: string;
  readonly text: string;
  /** Close the connection behind it. */
  readonly close: boolean;
}

/** What the session does once a refusal is sent. */
export type Aftermath =
  /** Say the same to every command until QUIT. */
  | "refuse-session"
  | "forget-hello"
  /** The transaction is over. */
  | "reset"
  | "drop-recipient"
  /** The server does not start. */
  | "fail-start"
  | "nothing";

export interface HookRule {
  /** `first`: the first verdict ends the chain. `all`: everyone runs, whatever is said. */
  readonly runs: "first" | "all";
  /** What a fault (a throw, a missed deadline) counts as. */
  readonly onFault: "defer" | "carry-on";
  /** Whether `ok()` and `answer()` mean something here. */
  readonly ok: boolean;
  readonly answer: boolean;
  /** Absent for hooks that cannot refuse. */
  readonly replies?: Replies;
  readonly then: Aftermath;
}
/** By what was said: `deny()`, `defer()`, either with `hangUp: true`. `hangUp()` alone is answered as `denyAndClose`. */
export interface Replies {
  readonly deny: RefusalReply;
  readonly defer: RefusalReply;
  readonly denyAndClose: RefusalReply;
  readonly deferAndClose: RefusalReply;
  /** Sent when a function of the hook broke: the world's trouble, not the client's. */
  readonly fault: RefusalReply;
}
export interface RefusingRule extends HookRule {
  readonly replies: Replies;
}
type Has<N extends keyof EngineHooks, Kind> = Kind extends EngineHooks[N]["may"] ? true : false;
type RuleOf<N extends keyof EngineHooks> =
  & ([Extract<EngineHooks[N]["may"], Refuse>] extends [never] ? HookRule : RefusingRule)
  & { readonly ok: Has<N, "ok">; readonly answer: Has<N, "answer"> };

const FAULT_TEXT = "Local trouble, try again later";
const SILENT = { ok: false, answer: false } as const;
const OK = { ok: true, answer: false } as const;
const ANSWER = { ok: false, answer: true } as const;
const QUIET = { runs: "first", onFault: "carry-on", then: "nothing" } as const;
const EVERYONE = { ...QUIET, ...SILENT, runs: "all" } as const;
/** Hooks that plugins add for one another. */
export const PLUGIN_RULE: HookRule = { ...QUIET, ok: true, answer: true };

const greeting = (deny: string, defer: string) =>
  refusing({ deny: [554, "", deny], defer: [421, "", defer], fault: [421, ""], then: "refuse-session" });
const hello = (text: string) =>
  refusing({ deny: [550, "", text], defer: [450, "", text], fault: [451, ""], then: "forget-hello" });
const queueing = refusing({
  deny: [550, "5.7.1", "Message denied (%s)"],
  defer: [450, "4.7.1", "Message denied temporarily (%s)"],
  then: "reset",
});
const start = refusing({ deny: [550, "", "%s says no"], defer: [450, "", "%s says not now"], then: "fail-start" });

export const HOOK_RULES: { readonly [N in keyof EngineHooks]: RuleOf<N> } = {
  init_master: { ...start, ...OK },
  init_child: { ...start, ...OK },
  init_http: EVERYONE,
  init_wss: EVERYONE,

  connect_init: EVERYONE,
  lookup_rdns: { ...greeting("rDNS Lookup Failed", "rDNS Temporary Failure"), ...ANSWER },
  connect: { ...greeting("Your mail is not welcome here", "Come back later"), ...OK },
  helo: { ...hello("HELO denied"), ...OK },
  ehlo: { ...hello("EHLO denied"), ...OK },
  capabilities: EVERYONE,
  unrecognized_command: {
    ...refusing({
      deny: [500, "5.5.1", "Unrecognized command"],
      defer: [500, "5.5.1", "Unrecognized command"],
      denyAndClose: [521, "5.5.1", "Unrecognized command"],
      deferAndClose: [421, "4.5.1", "Unrecognized command"],
      then: "nothing",
    }),
    ...ANSWER,
  },
  // RFC 4954 §6
  auth: {
    ...refusing({
      deny: [535, "5.7.8", "Authentication failed"],
      defer: [454, "4.7.0", "Temporary authentication failure"],
      deferAndClose: [421, "4.7.0", "Temporary authentication failure"],
      fault: [454, "4.7.0"],
      then: "nothing",
    }),
    ...OK,
  },

  mail: {
    ...refusing({
      deny: [550, "5.7.1", "sender %s denied"],
      defer: [450, "4.7.1", "sender %s denied"],
      then: "reset",
    }),
    ...OK,
  },
  rcpt: {
    ...refusing({
      deny: [550, "5.7.1", "recipient %s denied"],
      defer: [450, "4.7.1", "recipient %s denied"],
      then: "drop-recipient",
    }),
    ...OK,
  },
  rcpt_ok: {
    ...refusing({
      deny: [550, "5.7.1", "recipient %s denied"],
      defer: [450, "4.7.1", "recipient %s denied"],
      then: "drop-recipient",
    }),
    ...SILENT,
  },
  data: {
    ...refusing({ deny: [554, "5.7.1", "Message denied"], defer: [451, "4.7.1", "Message denied"], then: "reset" }),
    ...SILENT,
  },
  max_data_exceeded: {
    ...refusing({
      deny: [550, "5.3.4", "Message too big!"],
      defer: [450, "4.3.4", "Message too big!"],
      then: "reset",
    }),
    ...SILENT,
  },
  data_post: {
    ...refusing({
      deny: [550, "5.7.1", "Message denied"],
      defer: [450, "4.7.1", "Message denied temporarily"],
      then: "reset",
    }),
    ...OK,
  },
  queue: { ...queueing, ...OK },
  queue_outbound: { ...queueing, ...OK },
  queue_ok: EVERYONE,
  reset_transaction: EVERYONE,

  vrfy: {
    ...refusing({ deny: [550, "5.7.1", "Access Denied"], defer: [450, "4.3.0", "Lookup Failed"], then: "nothing" }),
    ...OK,
  },
  // A NOOP put off is a NOOP done.
  noop: {
    ...QUIET,
    ...OK,
    replies: {
      deny: reply([500, "5.7.1", "Stop wasting my time"], false),
      denyAndClose: reply([500, "5.7.1", "Stop wasting my time"], true),
      defer: reply([250, "2.0.0", "OK"], false),
      deferAndClose: reply([250, "2.0.0", "OK"], false),
      fault: reply([250, "2.0.0", "OK"], false),
    },
  },
  rset: EVERYONE,
  quit: { ...QUIET, ...OK },
  disconnect: EVERYONE,

  deny: { ...QUIET, ...OK },
  log: { ...QUIET, ...OK },

  pre_send_trans_email: EVERYONE,
  send_email: { ...QUIET, ...ANSWER },
  /** Not replies: what the recipients' bounce or deferral says. */
  get_mx: {
    ...refusing({
      deny: [550, "5.1.2", "No MX for %s"],
      defer: [450, "4.1.2", "Temporary MX lookup error for %s"],
      then: "nothing",
    }),
    ...ANSWER,
  },
  delivered: EVERYONE,
  deferred: { ...QUIET, ok: true, answer: true },
  bounce: { ...QUIET, ...OK },
};

export function ruleOf(name: HookName): HookRule {
  return Object.hasOwn(HOOK_RULES, name) ? HOOK_RULES[name as keyof EngineHooks] : PLUGIN_RULE;
}

/** The row's reply to a refusal, before the verdict's own parts are laid over it. */
export function refusalReply(rule: RefusingRule, refusal: Refusal): RefusalReply {
  if (refusal.kind === "hangUp") return rule.replies.denyAndClose;
  if (refusal.hangUp) return refusal.kind === "deny" ? rule.replies.denyAndClose : rule.replies.deferAndClose;
  return rule.replies[refusal.kind];
}

type Line = readonly [code: number, enhanced: string, text: string];
interface Row {
  readonly deny: Line;
  readonly defer: Line;
  /** Default: as without `hangUp`. */
  readonly denyAndClose?: Line;
  readonly deferAndClose?: Line;
  /** Default 451 4.3.0 (architecture §7). */
  readonly fault?: readonly [code: number, enhanced: string];
  readonly then: Aftermath;
}

function refusing(row: Row): Omit<RefusingRule, "ok" | "answer"> {
  // RFC 5321 §3.8: 421 is the code of a server that closes; Haraka keeps the hook's own, but for where the row says otherwise.
  const [code, enhanced] = row.fault ?? [451, "4.3.0"];
  return {
    runs: "first",
    onFault: "defer",
    then: row.then,
    replies: {
      deny: reply(row.deny, false),
      defer: reply(row.defer, false),
      denyAndClose: reply(row.denyAndClose ?? row.deny, true),
      deferAndClose: reply(row.deferAndClose ?? row.defer, true),
      fault: reply([code, enhanced, FAULT_TEXT], false),
    },
  };
}

function reply([code, enhanced, text]: Line, close: boolean): RefusalReply {
  return enhanced === "" ? { code, text, close } : { code, enhanced, text, close };
}
