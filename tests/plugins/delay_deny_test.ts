import assert from "node:assert/strict";
import access from "../../plugins/access.ts";
import plugin from "../../plugins/delay_deny.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import type { HookTable } from "../../src/hooks/plugin.ts";
import type { HookName } from "../../src/hooks/points.ts";
import { defer, deny } from "../../src/hooks/verdict.ts";
import { type FakeSession, fakeSession, message, recipient } from "../kit/fake_session.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

/** The plugin with others in front of it. */
async function chain(others: { readonly [name: string]: HookTable }, ini = "") {
  const fake = pluginHost("delay_deny", { files: { "delay_deny.ini": ini } });
  const { machine, host, log: { log } } = fake;
  const runner = new HookRunner({ clock: machine.clock, log });
  for (const [name, table] of Object.entries(others)) runner.add({ name }, table);
  runner.add(plugin, await plugin.setup(host));
  return async (hook: HookName, session: FakeSession, more: object = {}) => {
    const { transaction } = session;
    const event = { session, ...(transaction && { transaction }), ...more };
    const { verdict, by } = await runner.run(hook, event as never, { log });
    return verdict === undefined ? undefined : [verdict, by];
  };
}
const session = (relaying = false) => fakeSession({ from: "a@b.test", relaying });
const to = (address: string) => ({ recipient: recipient(address) });

test("what access refuses early is said at RCPT, and not at all to clients that may relay [row 234]", async () => {
  const lists = pluginHost("access", {
    files: { "connect.rdns_access.blacklist": "192.0.2.66\n", "mail_from.access.blacklist": "bad@b.test\n" },
  });
  const run = await chain({ access: await access.setup(lists.host) });

  const listed = fakeSession({ ip: "192.0.2.66", from: "a@b.test" });
  assert.equal(await run("connect", listed), undefined);
  const refused = { kind: "deny", reply: { text: "client.test [192.0.2.66] is not welcome here" }, hangUp: true };
  for (const address of ["x@our.test", "y@our.test"]) {
    assert.deepEqual(await run("rcpt_ok", listed, to(address)), [refused, "delay_deny"]);
  }
  // It has authenticated since.
  listed.relaying = true;
  assert.equal(await run("rcpt_ok", listed, to("x@our.test")), undefined);

  const sender = fakeSession({ from: "bad@b.test" });
  assert.equal(await run("mail", sender, { sender: sender.transaction!.sender }), undefined);
  const [verdict] = (await run("rcpt_ok", sender, to("x@our.test")))!;
  assert.deepEqual(verdict, { kind: "deny", reply: { enhanced: "5.7.1", text: "bad@b.test is not welcome here" } });
  // The next mail is another matter.
  const next = fakeSession({ from: "good@b.test" });
  assert.equal(await run("rcpt_ok", next, to("x@our.test")), undefined);
});

test("each hook up to rcpt_ok is put off, later ones are not, and a recipient's refusal hits that recipient only", async () => {
  for (const hook of ["lookup_rdns", "connect", "helo", "ehlo", "mail"] as const) {
    const run = await chain({ strict: { [hook]: () => defer(`no ${hook}`) } });
    const client = session();
    assert.equal(await run(hook, client), undefined);
    assert.deepEqual(await run("rcpt_ok", client, to("x@our.test")), [
      { kind: "defer", reply: { text: `no ${hook}` } },
      "delay_deny",
    ]);
  }
  for (const hook of ["rcpt", "rcpt_ok"] as const) {
    const run = await chain({
      strict: {
        [hook]: ({ recipient }: { recipient: { address: { user: string } } }) =>
          recipient.address.user === "x" ? deny("not x") : undefined,
      },
    });
    const client = session();
    const x = to("x@our.test");
    if (hook === "rcpt") assert.equal(await run("rcpt", client, x), undefined);
    assert.deepEqual(await run("rcpt_ok", client, x), [{ kind: "deny", reply: { text: "not x" } }, "delay_deny"]);
    assert.equal(await run("rcpt_ok", client, to("y@our.test")), undefined);
  }
  for (const hook of ["data", "data_post", "queue"] as const) {
    const run = await chain({ strict: { [hook]: () => deny("no") } });
    assert.deepEqual(await run(hook, session(), { message: message("x\n") }), [
      { kind: "deny", reply: { text: "no" } },
      "strict",
    ]);
  }
});

test("plugins, hooks and functions are included or excluded by name [row 235]", async () => {
  const others = {
    karma: { connect: () => deny("karma connect"), ehlo: () => deny("karma ehlo") },
    spf: { mail: () => deny("spf mail") },
  };
  /** Which of the three refusals are put off. */
  const putOff = async (ini: string) => {
    const run = await chain(others, ini);
    const client = session();
    const off: string[] = [];
    for (const hook of ["connect", "ehlo", "mail"] as const) if (await run(hook, client) === undefined) off.push(hook);
    return off.join(" ");
  };
  assert.equal(await putOff(""), "connect ehlo mail");
  assert.equal(await putOff("excluded_plugins=karma\n"), "mail");
  assert.equal(await putOff("excluded_plugins=karma:connect; spf\n"), "ehlo");
  assert.equal(await putOff("excluded_plugins=karma:ehlo:karma_onEhlo\n"), "connect mail");
  assert.equal(await putOff("included_plugins=spf\n"), "mail");
  assert.equal(await putOff("included_plugins=karma:connect:onConnect,spf:mail other\n"), "connect mail");
  assert.equal(await putOff("included_plugins=karma:mail\nexcluded_plugins=spf\n"), "");
});

test("a message that comes in spite of refusals names the plugins that refused", async () => {
  const run = await chain({ karma: { connect: () => deny("no") }, spf: { mail: () => deny("no") } });
  const client = session(true);
  await run("connect", client);
  await run("mail", client);
  const mail = message("Subject: x\n\nHello\n");
  await run("data_post", client, { message: mail });
  assert.equal(mail.header.get("X-Haraka-Fail-Pre"), "karma spf");
  const clean = message("Subject: x\n\nHello\n");
  await run("data_post", session(), { message: clean });
  assert.equal(clean.header.has("X-Haraka-Fail-Pre"), false);
});

test("the client that XCLIENT makes of a session is not refused for the one before", async () => {
  const run = await chain({
    strict: { connect: ({ session }) => session.remote.ip === "192.0.2.9" ? deny("no") : undefined },
  });
  const client = session();
  await run("connect", client);
  assert.notEqual(await run("rcpt_ok", client, to("x@our.test")), undefined);
  client.remote.ip = "192.0.2.10";
  await run("connect", client);
  assert.equal(await run("rcpt_ok", client, to("x@our.test")), undefined);
});
