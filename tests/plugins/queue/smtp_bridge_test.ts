import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/smtp_bridge.ts";
import type { Destination } from "../../../src/hooks/outbound.ts";
import { passwordAttempt } from "../../kit/auth_attempt.ts";
import { startPlugin } from "../../kit/hook.ts";
import { test } from "../../kit/test.ts";

test("[row 257] mail goes to the server of smtp_bridge.ini under the client's own user and password", async () => {
  const sent: (readonly Destination[])[] = [];
  const started = await startPlugin(plugin, {
    files: { "smtp_bridge.ini": "host=Mail.test\nport=587\nauth_type=login\n" },
    forward(item, destinations) {
      sent.push(destinations);
      const reply = { code: 250, text: "taken as 12" };
      return { outcomes: item.recipients.map((recipient) => ({ kind: "delivered", recipient, reply })) };
    },
  });
  const { session } = await started.run("auth", {
    user: "tim",
    to: "a@one.test",
    event: { attempt: passwordAttempt("tim", "secret") },
  });
  const { verdict } = await started.run("queue_outbound", { session });
  assert.deepEqual(verdict, { kind: "ok", text: "taken as 12" });
  assert.deepEqual(sent, [[{
    host: "mail.test",
    port: 587,
    priority: 10,
    protocol: "smtp",
    auth: { user: "tim", pass: "secret", type: "login" },
  }]]);
  assert.equal(JSON.stringify(session.notes).includes("secret"), false, "nothing is left where others read");

  session.transaction!.notes.set("queue.wants", "outbound");
  assert.equal((await started.run("queue_outbound", { session })).verdict, undefined);
});

test("a client that has not authenticated, or as somebody else than it tried last, is not spoken for", async () => {
  const started = await startPlugin(plugin, { files: {}, forward: () => assert.fail("nothing is sent") });
  assert.equal((await started.run("queue", { to: "a@one.test" })).verdict, undefined);
  const tried = await started.run("auth", { to: "a@one.test", event: { attempt: passwordAttempt("tim", "wrong") } });
  assert.equal(tried.verdict, undefined);
  assert.equal((await started.run("queue", { session: tried.session })).verdict, undefined);
});
