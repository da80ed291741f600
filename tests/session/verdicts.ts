/**
 * Every hook of a session × every verdict, and what the client must see (spec 01 §7.4).
 *
 * `reply` is what the client reads where the verdict falls; `then` what a NOOP (or, for `queue`, nothing more) tells of the session
 * afterwards: `goes on`, `refused` (the same reply again), `closed`. Texts are the rule's own.
 * Where we leave the ancestor's table: `hangUp` (its DISCONNECT) closes at every hook that may refuse, not at some; and a fault defers.
 */
import type { HookTable } from "../../src/hooks/plugin.ts";
import type { HookName } from "../../src/hooks/points.ts";
import { defer, deny, hangUp, ok } from "../../src/hooks/verdict.ts";

export type VerdictName = "nothing" | "ok" | "deny" | "defer" | "denyAndClose" | "deferAndClose" | "hangUp" | "throws";
export interface Expected {
  readonly reply: string;
  readonly then: "goes on" | "refused" | "closed";
}
/** Every cell. `undefined`: the plugin has answered itself, see row 87. */
type Row = { readonly [V in VerdictName]: Expected | undefined };

const on = (reply: string): Expected => ({ reply, then: "goes on" });
const closed = (reply: string): Expected => ({ reply, then: "closed" });
const refused = (reply: string): Expected => ({ reply, then: "refused" });

const TROUBLE = "451 4.3.0 Local trouble, try again later (*)";
const refusing = (deny: string, defer: string, fault = TROUBLE): Omit<Row, "nothing" | "ok"> => ({
  deny: on(deny),
  defer: on(defer),
  denyAndClose: closed(deny),
  deferAndClose: closed(defer),
  hangUp: closed(deny),
  throws: on(fault),
});

/** A hook whose verdicts count for nothing. */
const always = (expected: Expected): Row => ({
  nothing: expected,
  ok: expected,
  deny: expected,
  defer: expected,
  denyAndClose: expected,
  deferAndClose: expected,
  hangUp: expected,
  throws: expected,
});

export const VERDICTS: { readonly [N in HookName]?: Row } = {
  connect_init: always(on("220 *")),
  lookup_rdns: {
    nothing: on("220 *"),
    ok: on("220 *"),
    deny: refused("554 rDNS Lookup Failed"),
    defer: refused("421 rDNS Temporary Failure"),
    denyAndClose: closed("554 rDNS Lookup Failed"),
    deferAndClose: closed("421 rDNS Temporary Failure"),
    hangUp: closed("554 rDNS Lookup Failed"),
    throws: refused("421 Local trouble, try again later (*)"),
  },
  connect: {
    nothing: on("220 *"),
    ok: on("220 *"),
    deny: refused("554 Your mail is not welcome here"),
    defer: refused("421 Come back later"),
    denyAndClose: closed("554 Your mail is not welcome here"),
    deferAndClose: closed("421 Come back later"),
    hangUp: closed("554 Your mail is not welcome here"),
    throws: refused("421 Local trouble, try again later (*)"),
  },
  helo: {
    nothing: on("250 *"),
    ok: on("250 *"),
    ...refusing("550 HELO denied", "450 HELO denied", "451 Local trouble, try again later (*)"),
  },
  ehlo: {
    nothing: on("250 *"),
    ok: on("250 *"),
    ...refusing("550 EHLO denied", "450 EHLO denied", "451 Local trouble, try again later (*)"),
  },
  capabilities: always(on("250 CHUNKING")),
  unrecognized_command: {
    nothing: on("500 5.5.1 Unrecognized command"),
    ok: undefined,
    deny: on("500 5.5.1 Unrecognized command"),
    defer: on("500 5.5.1 Unrecognized command"),
    denyAndClose: closed("521 5.5.1 Unrecognized command"),
    deferAndClose: closed("421 4.5.1 Unrecognized command"),
    hangUp: closed("521 5.5.1 Unrecognized command"),
    throws: on(TROUBLE),
  },
  mail: {
    nothing: on("250 2.1.0 sender <a@b.test> OK"),
    ok: on("250 2.1.0 sender <a@b.test> OK"),
    ...refusing("550 5.7.1 sender <a@b.test> denied", "450 4.7.1 sender <a@b.test> denied"),
  },
  rcpt: {
    nothing: on("550 5.1.1 I cannot deliver mail for <c@d.test>"),
    ok: on("250 2.1.5 recipient <c@d.test> OK"),
    ...refusing("550 5.7.1 recipient <c@d.test> denied", "450 4.7.1 recipient <c@d.test> denied"),
  },
  rcpt_ok: {
    nothing: on("250 2.1.5 recipient <c@d.test> OK"),
    ok: on("250 2.1.5 recipient <c@d.test> OK"),
    ...refusing("550 5.7.1 recipient <c@d.test> denied", "450 4.7.1 recipient <c@d.test> denied"),
  },
  data: {
    nothing: on("354 *"),
    ok: on("354 *"),
    ...refusing("554 5.7.1 Message denied", "451 4.7.1 Message denied"),
  },
  max_data_exceeded: {
    nothing: on("550 5.3.4 Message too big!"),
    ok: on("550 5.3.4 Message too big!"),
    ...refusing("550 5.3.4 Message too big!", "450 4.3.4 Message too big!"),
  },
  data_post: {
    nothing: on("250 2.0.0 Message Queued (*.1)"),
    ok: on("250 2.0.0 Message Queued (*.1)"),
    ...refusing("550 5.7.1 Message denied", "450 4.7.1 Message denied temporarily"),
  },
  queue: {
    nothing: on("451 4.3.0 Queuing declined or disabled, try later (*.1)"),
    ok: on("250 2.0.0 Message Queued (*.1)"),
    ...refusing("550 5.7.1 Message denied (*.1)", "450 4.7.1 Message denied temporarily (*.1)"),
  },
  queue_outbound: {
    nothing: on("250 2.0.0 Message Queued (*.1)"),
    ok: on("250 2.0.0 Message Queued (*.1)"),
    ...refusing("550 5.7.1 Message denied (*.1)", "450 4.7.1 Message denied temporarily (*.1)"),
  },
  queue_ok: always(on("250 2.0.0 Message Queued (*.1)")),
  reset_transaction: always(on("250 2.0.0 OK")),
  vrfy: {
    nothing: on("252 2.5.0 *"),
    ok: on("250 2.1.5 User OK"),
    ...refusing("550 5.7.1 Access Denied", "450 4.3.0 Lookup Failed"),
  },
  noop: {
    nothing: on("250 2.0.0 OK"),
    ok: on("250 2.0.0 OK"),
    deny: on("500 5.7.1 Stop wasting my time"),
    defer: on("250 2.0.0 OK"),
    denyAndClose: closed("500 5.7.1 Stop wasting my time"),
    deferAndClose: on("250 2.0.0 OK"),
    hangUp: closed("500 5.7.1 Stop wasting my time"),
    throws: on("250 2.0.0 OK"),
  },
  rset: always(on("250 2.0.0 OK")),
  quit: { ...always(closed("221 2.0.0 mx.test closing *")), throws: closed("221 2.0.0 *") },
};

/** Hooks of a session that are tried elsewhere, and where. */
export const ELSEWHERE: { readonly [N in HookName]?: string } = {
  auth: "tests/session/auth_test.ts",
  deny: "tests/session/verdicts_test.ts",
  disconnect: "tests/session/session_test.ts",
  log: "tests/log",
};

export const SAY: { readonly [V in VerdictName]: (text?: string) => unknown } = {
  nothing: () => undefined,
  ok: (text) => ok(text),
  deny: (text) => deny(text),
  defer: (text) => defer(text),
  denyAndClose: (text) => deny(text, { hangUp: true }),
  deferAndClose: (text) => defer(text, { hangUp: true }),
  hangUp: () => hangUp(),
  throws: () => {
    throw new Error("a plugin's own mistake");
  },
};

const HELLO = ["EHLO me"];
const MAIL = [...HELLO, "MAIL FROM:<a@b.test>"];
const RCPT = [...MAIL, "RCPT TO:<c@d.test>"];
const MESSAGE = [...RCPT, "DATA", "x\r\n."];
/** What is said up to the reply that the hook decides. */
export const LEADS: { readonly [hook: string]: readonly string[] } = {
  connect_init: [],
  lookup_rdns: [],
  connect: [],
  helo: ["HELO me"],
  ehlo: HELLO,
  capabilities: HELLO,
  unrecognized_command: [...HELLO, "FOO bar"],
  mail: MAIL,
  rcpt: RCPT,
  rcpt_ok: RCPT,
  data: [...RCPT, "DATA"],
  max_data_exceeded: [...RCPT, "DATA", "0123456789012345678901234567890\r\n."],
  data_post: MESSAGE,
  queue: MESSAGE,
  queue_outbound: MESSAGE,
  queue_ok: MESSAGE,
  reset_transaction: [...MAIL, "RSET"],
  vrfy: [...HELLO, "VRFY tim"],
  noop: [...HELLO, "NOOP"],
  rset: [...HELLO, "RSET"],
  quit: [...HELLO, "QUIT"],
};

/** What the rest of the chain does, so that the hook under test alone decides. */
export function othersHooks(hook: string): HookTable {
  return {
    connect: ({ session }) => void (session.relaying = hook === "queue_outbound"),
    rcpt: { priority: 1, run: () => hook === "rcpt" ? undefined : ok() },
    queue: { priority: 1, run: () => hook === "queue" ? undefined : ok() },
  };
}
