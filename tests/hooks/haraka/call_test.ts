import assert from "node:assert/strict";
import { HookRunner } from "../../../src/hooks/hook_runner.ts";
import type { Item } from "../../../src/hooks/outbound.ts";
import { deny } from "../../../src/hooks/verdict.ts";
import { recipient } from "../../kit/fake_session.ts";
import { address, fakeSession } from "../../kit/fake_session.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";
import { harakaSite } from "./kit.ts";

async function runner(text: string) {
  using site = harakaSite({ "plugins/own.js": text });
  const started = await site.start("own");
  const log = memoryLog();
  const hooks = new HookRunner({ clock: started.machine.clock, log: log.log });
  hooks.add({ name: "own" }, started.hooks);
  const run = async (name: string, event: object) =>
    (await hooks.run(name as "noop", event as never, { log: log.log })).verdict as unknown;
  return { run, log, hooks, started };
}

const item = (): Item => ({
  id: "ID.1.1",
  domain: "b.test",
  envelope: {
    id: "ID.1",
    sender: address("a@a.test"),
    recipients: [],
    notes: { queue: { next_hop: "x" } },
    smtpUtf8: false,
  },
  recipients: [recipient("b@b.test")],
  attempts: 2,
  queuedAt: 1000,
  size: 99,
  log: memoryLog().log,
});

test("outbound hooks get an hmail and their parameters, and answer as they always did [row 217] [row 219]", async () => {
  const { run, started } = await runner(`
    exports.hook_send_email = (next, hmail) => next(DELAY, hmail.num_failures * 10);
    exports.hook_get_mx = (next, hmail, domain) =>
      next(OK, { exchange: domain + '.' + hmail.todo.rcpt_to[0].address(), port: 2525, from: hmail.todo.mail_from.host, hop: hmail.notes.queue.next_hop });
    exports.hook_deferred = (next, hmail, params) => {
      const [a] = params.fail_recips;
      const said = [a.reason, a.dsn_action, a.dsn_status, a.dsn_smtp_code, a.dsn_smtp_extc, a.dsn_smtp_response, a.dsn_remote_mta];
      server.notes.deferred = [[String(a), ...said], params.mx.exchange, params.err];
      next(DENYSOFT, params.delay + 1);
    };
    exports.hook_bounce = (next, hmail, error) => {
      server.notes.bounce = [error.bounced_rcpt.length, error.deferred_rcpt.map(String).join(), error.mx];
      next(error.bounced_rcpt.length === 1 && error.message === 'gone' ? STOP : CONT);
    };
    exports.hook_delivered = (next, hmail, params) => {
      server.notes.delivered = params.slice(0, 6).concat(params[6].map(String), params.slice(7));
      next();
    };`);
  const one = item();
  assert.deepEqual(await run("send_email", { item: one }), { kind: "answer", value: 20 });
  assert.deepEqual(await run("get_mx", { item: one, domain: "b.test" }), {
    kind: "answer",
    value: { exchange: "b.test.b@b.test", port: 2525, from: "a.test", hop: "x" },
  });
  const reply = { code: 451, enhanced: "4.2.1", text: ["not", "now"] };
  const reason = { text: "451 not now", status: "4.2.1", remote: "mx.b.test", reply };
  const late = { outcomes: [{ kind: "deferred", recipient: one.recipients[0], reason }] };
  assert.deepEqual(await run("deferred", { item: one, delay: 64, error: "later", attempt: late }), {
    kind: "answer",
    value: 65,
  });
  assert.deepEqual(started.host.server.notes.get("deferred"), [
    ["<b@b.test>", "451 not now", "delayed", "4.2.1", 451, "4.2.1", "not now", "mx.b.test"],
    "mx.b.test",
    "later",
  ]);
  assert.deepEqual(await run("bounce", { item: one, outcomes: [], error: "x", attempt: late }), undefined);
  assert.deepEqual(started.host.server.notes.get("bounce"), [0, "<b@b.test>", null]);
  const outcomes = [{ kind: "failed", recipient: one.recipients[0], reason: { text: "gone", status: "5.0.0" } }];
  assert.deepEqual(await run("bounce", { item: one, outcomes, error: "gone", attempt: { outcomes } }), { kind: "ok" });
  const via = { host: "mx.b.test", ip: "192.0.2.1", port: 25, mode: "SMTP", tls: true, authenticated: false };
  const delivered = [{ kind: "delivered", recipient: one.recipients[0], reply: { code: 250, text: "OK" } }];
  await run("delivered", { item: one, outcomes: delivered, via, delay: 1.5, response: "250 OK" });
  assert.deepEqual(started.host.server.notes.get("delivered"), [
    ...["mx.b.test", "192.0.2.1", "250 OK", 1.5, 25, "SMTP", "<b@b.test>", true, false],
  ]);
});

test("force_tls of an hmail or its todo is the note that delivery heeds", async () => {
  for (const [on, other] of [["hmail", "hmail.todo"], ["hmail.todo", "hmail"]]) {
    const { run, started } = await runner(`
      exports.hook_send_email = (next, hmail) => {
        server.notes.before = ${on}.force_tls;
        ${on}.force_tls = true;
        server.notes.after = ${other}.force_tls;
        next();
      };`);
    const one = item();
    assert.equal(await run("send_email", { item: one }), undefined);
    assert.equal(one.envelope.notes.force_tls, true);
    const { notes } = started.host.server;
    assert.deepEqual([notes.get("before"), notes.get("after")], [false, true]);
  }
});

test("the deny hook hears code, text, plugin, function, parameters and hook, of our plugins' refusals too [row 81]", async () => {
  const { run, hooks } = await runner(`
    exports.register = function () { this.register_hook('mail', 'judge'); };
    exports.judge = (next, c, params) => params[0].user === 'theirs' ? next(DENYSOFT, 'wait') : next();
    exports.hook_deny = (next, c, params) => {
      c.notes.heard = params;
      next(params[0] === DENY ? OK : CONT);
    };`);
  hooks.add({ name: "native" }, { mail: ({ sender }) => sender.user === "ours" ? deny("never") : undefined });
  const session = fakeSession({ from: "x@c.test" });
  const mail = (from: string) =>
    run("mail", {
      session,
      transaction: session.transaction,
      sender: address(from),
      parameters: new Map([["SIZE", "9"]]),
    });
  const heard = () => session.notes.get("heard") as unknown[];
  assert.equal(await mail("ours@c.test"), undefined);
  assert.deepEqual(heard(), [902, "never", "native", "mail", undefined, "mail"]);
  assert.deepEqual(await mail("theirs@c.test"), { kind: "defer", reply: { text: "wait" } });
  const [code, text, plugin, method, params, hook] = heard();
  assert.deepEqual([code, text, plugin, method, hook], [903, "wait", "own", "judge", "mail"]);
  assert.deepEqual((params as unknown[])[1], { SIZE: "9" });
});

test("connection: what a plugin reads and sets of it", async () => {
  const { run } = await runner(`
    exports.hook_connect = function (next, c) {
      c.set('remote.host', 'better.test');
      c.set('remote', 'info', 'said so');
      c.relaying = true;
      c.auth_results('iprev=pass');
      this.logwarn('of the plugin');
      c.logerror(this, 'of the connection', { a: 1 });
      c.results.add(this, { pass: 'here', n: 1 });
      c.results.incr(this, { n: 2 });
      c.notes.all = [c.uuid, c.remote.ip, c.get('remote.is_private'), c.get_remote('host'), c.hello.host, c.tls.enabled, c.local.port,
        c.transaction === null, c.results.get('own').n, c.results.has('own', 'pass', /he/), c.proxy.type, c.notes.authentication_results.length];
      next();
    };
    exports.hook_noop = (next, c) => { c.respond(250, 'not heard'); c.disconnect(); next(); };`);
  const session = fakeSession();
  (session as { hello: unknown }).hello = undefined;
  await run("connect", { session });
  assert.deepEqual(session.notes.get("all"), [
    ...[session.id, "192.0.2.9", false, "better.test [192.0.2.9]", null, false, 25, true, 3, true, null, 1],
  ]);
  assert.deepEqual([session.remote.host, session.remote.info, session.relaying], ["better.test", "said so", true]);
  assert.deepEqual(await run("noop", { session }), { kind: "hangUp" });
});
