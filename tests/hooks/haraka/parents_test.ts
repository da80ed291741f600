import assert from "node:assert/strict";
import { HookRunner } from "../../../src/hooks/hook_runner.ts";
import { address, fakeCapabilities, fakeSession, recipient } from "../../kit/fake_session.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";
import { harakaSite } from "./kit.ts";

async function start(text: string, files: Record<string, string> = {}) {
  using site = harakaSite({ "plugins/own.js": text });
  const started = await site.start("own", { files });
  const { log } = memoryLog();
  const hooks = new HookRunner({ clock: started.machine.clock, log });
  hooks.add({ name: "own" }, started.hooks);
  return async (name: string, event: object) =>
    (await hooks.run(name as "noop", event as never, { log })).verdict as unknown;
}

test("rcpt_to.host_list_base is there to inherit from where the site has no file of that name [row 75]", async () => {
  const run = await start(
    `exports.register = function () { this.inherits('rcpt_to.host_list_base'); this.load_host_list(); this.load_host_list_regex(); };
     exports.hook_rcpt = function (next, c, p) { next(this.in_host_list(p[0].host) || this.in_host_regex(p[0].host) ? OK : CONT); };`,
    { "host_list": "One.test\n", "host_list_regex": "two\\d\\.test\n", "host_list.anti_spoof": "1\n" },
  );
  const session = fakeSession({ from: "x@c.test" });
  const { transaction } = session;
  const rcpt = (to: string) => run("rcpt", { session, transaction, recipient: recipient(to) });
  assert.deepEqual(await rcpt("a@one.test"), { kind: "ok" });
  assert.deepEqual(await rcpt("a@two2.test"), { kind: "ok" });
  assert.equal(await rcpt("a@three.test"), undefined);
  const mail = (from: string) => run("mail", { session, transaction, sender: address(from), parameters: new Map() });
  assert.match(JSON.stringify(await mail("me@one.test")), /not allowed from your host/);
  assert.equal(await mail("me@elsewhere.test"), undefined);
  session.relaying = true;
  assert.equal(await mail("me@one.test"), undefined);
  assert.equal(transaction!.notes.get("local_sender"), true);
});

test("auth/auth_base: a child's get_plain_passwd or check_plain_passwd judges the credentials of the engine's AUTH", async () => {
  const attempt = (password: string, truth = password) => ({
    mechanism: "PLAIN",
    user: "joe",
    password,
    matches: (known: string) => known === truth,
  });
  const bodies = [
    "exports.get_plain_passwd = (user, connection, cb) => setTimeout(cb, 1, user === 'joe' && connection.uuid ? 'secret' : undefined);",
    "exports.get_plain_passwd = (user, cb) => cb(user === 'joe' ? 'secret' : null);",
    "exports.check_plain_passwd = function (connection, user, passwd, cb) { cb(user === 'joe' && passwd === 'secret'); };",
  ];
  for (const body of bodies) {
    const run = await start(`exports.register = function () { this.inherits('auth/auth_base') };\n${body}`);
    const session = fakeSession();
    assert.deepEqual(await run("auth", { session, attempt: attempt("secret") }), { kind: "ok" });
    assert.equal(await run("auth", { session, attempt: attempt("wrong") }), undefined);
    const open = fakeCapabilities();
    await run("capabilities", { session, capabilities: open });
    assert.deepEqual([...open.auth], []);
    const secure = fakeCapabilities();
    await run("capabilities", { session: fakeSession({ tls: true }), capabilities: secure });
    assert.deepEqual([...secure.auth], ["PLAIN", "LOGIN", "CRAM-MD5"]);
  }
});

test("constrain_sender holds who authenticated to their own organization's addresses", async () => {
  const run = await start(`
    exports.register = function () { this.inherits('auth/auth_base'); this.register_hook('mail', 'constrain_sender'); };`);
  const mail = (user: string | undefined, from: string) => {
    const session = fakeSession({ from: "x@c.test", ...(user === undefined ? {} : { user }) });
    const { transaction } = session;
    return run("mail", { session, transaction, sender: address(from), parameters: new Map() });
  };
  assert.match(JSON.stringify(await mail("joe@one.test", "joe@two.test")), /doesn't match AUTH domain/);
  assert.equal(await mail("joe@one.test", "joe@sub.one.test"), undefined);
  assert.equal(await mail("joe", "joe@two.test"), undefined);
  assert.equal(await mail(undefined, "joe@two.test"), undefined);
});
