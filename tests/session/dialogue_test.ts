import assert from "node:assert/strict";
import { deny } from "../../src/hooks/verdict.ts";
import { settled } from "../kit/fake_clock.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

test("[row 96] a reply of several lines has a dash in all but the last", async () => {
  const kit = sessionKit({ hooks: { mail: () => deny(["one", "two", "three"]) } });
  await kit.client.reply();
  await kit.client.say("HELO me");
  assert.equal(await kit.client.say("MAIL FROM:<a@b.test>"), "550-one\n550-two\n550 three");
  await kit.client.say("QUIT");
  await kit.over;
});

test("enhanced status codes are for those who said EHLO", async () => {
  const kit = sessionKit();
  await kit.client.reply();
  assert.equal(await kit.client.say("FOO"), "500 Unrecognized command");
  await kit.client.say("EHLO me");
  assert.equal(await kit.client.say("FOO"), "500 5.5.1 Unrecognized command");
  await kit.client.say("HELO me");
  assert.equal(await kit.client.say("FOO"), "500 Unrecognized command");
  await kit.client.say("QUIT");
  await kit.over;
});

test("a text of a plugin's cannot break out of its line", async () => {
  const kit = sessionKit({ hooks: { mail: () => deny("no\r\n250 yes") } });
  await kit.client.reply();
  await kit.client.say("HELO me");
  assert.equal(await kit.client.say("MAIL FROM:<a@b.test>"), "550-no\n550 250 yes");
  await kit.client.say("QUIT");
  await kit.over;
});

test("answers do not wait for a slow hook of the command that ends their group", async () => {
  let go = (_: undefined) => {};
  const kit = sessionKit({ keep: true, hooks: { data: () => new Promise<undefined>((resolve) => go = resolve) } });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.write("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n");
  assert.match((await kit.client.reply())!, /^250 2\.1\.0/);
  assert.match((await kit.client.reply())!, /^250 2\.1\.5/);
  await settled();
  go(undefined);
  assert.match((await kit.client.reply())!, /^354/);
  await kit.client.end();
  await kit.over;
});

test("commands that wait in the reader do not hide behind a hook: each is done in its turn", async () => {
  const order: string[] = [];
  const kit = sessionKit({
    hooks: {
      rcpt: async ({ recipient }) => {
        order.push(`in ${recipient.address.user}`);
        await settled();
        order.push(`out ${recipient.address.user}`);
      },
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.write("MAIL FROM:<a@b.test>\r\nRCPT TO:<one@d.test>\r\nRCPT TO:<two@d.test>\r\nQUIT\r\n");
  assert.deepEqual((await kit.client.rest()).map((reply) => reply.slice(0, 3)), ["250", "550", "550", "221"]);
  assert.deepEqual(order, ["in one", "out one", "in two", "out two"]);
  await kit.over;
});
