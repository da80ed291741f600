/**
 * Every hook of a session × every verdict, and what the client must see (spec 01 §7.4).
 *
 * `reply` is what the client reads where the verdict falls; `then` what a NOOP (or, for `queue`, nothing more) tells of the session
 * afterwards: `goes on`, `refused` (the same reply again), `closed`. Texts are the rule's own; a second run gives a text of the plugin's.
 */
import type { HookName } from "../../src/hooks/points.ts";

export type VerdictName = "nothing" | "ok" | "deny" | "defer" | "denyAndClose" | "deferAndClose" | "hangUp" | "throws";
export interface Expected {
  readonly reply: string;
  readonly then: "goes on" | "refused" | "closed";
}
type Row = { readonly [V in VerdictName]?: Expected };

const on = (reply: string): Expected => ({ reply, then: "goes on" });
const closed = (reply: string): Expected => ({ reply, then: "closed" });
const refused = (reply: string): Expected => ({ reply, then: "refused" });

const TROUBLE = "451 4.3.0 Local trouble, try again later (*)";
const refusing = (deny: string, defer: string, fault = TROUBLE): Row => ({
  deny: on(deny),
  defer: on(defer),
  denyAndClose: closed(deny),
  deferAndClose: closed(defer),
  hangUp: closed(deny),
  throws: on(fault),
});

export const VERDICTS: { readonly [N in HookName]?: Row } = {
  connect_init: { nothing: on("220 *"), throws: on("220 *") },
  lookup_rdns: {
    nothing: on("220 *"),
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
    ...refusing("550 HELO denied", "450 HELO denied", "451 Local trouble, try again later (*)"),
  },
  ehlo: {
    nothing: on("250 *"),
    ...refusing("550 EHLO denied", "450 EHLO denied", "451 Local trouble, try again later (*)"),
  },
  capabilities: { nothing: on("250 CHUNKING"), throws: on("250 CHUNKING") },
  unrecognized_command: {
    nothing: on("500 5.5.1 Unrecognized command"),
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
    ...refusing("550 5.7.1 recipient <c@d.test> denied", "450 4.7.1 recipient <c@d.test> denied"),
  },
  data: {
    nothing: on("354 *"),
    ...refusing("554 5.7.1 Message denied", "451 4.7.1 Message denied"),
  },
  max_data_exceeded: {
    nothing: on("550 5.3.4 Message too big!"),
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
  queue_ok: { nothing: on("250 2.0.0 Message Queued (*.1)"), throws: on("250 2.0.0 Message Queued (*.1)") },
  reset_transaction: { nothing: on("250 2.0.0 OK"), throws: on("250 2.0.0 OK") },
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
    throws: on("250 2.0.0 OK"),
  },
  rset: { nothing: on("250 2.0.0 OK"), throws: on("250 2.0.0 OK") },
  quit: {
    nothing: closed("221 2.0.0 mx.test closing *"),
    ok: closed("221 2.0.0 mx.test closing *"),
    throws: closed("221 2.0.0 *"),
  },
};

/** Hooks of a session that are tried elsewhere, and where. */
export const ELSEWHERE: { readonly [N in HookName]?: string } = {
  auth: "tests/session/auth_test.ts",
  deny: "tests/session/verdicts_test.ts",
  disconnect: "tests/session/session_test.ts",
  log: "tests/log",
};
