import assert from "node:assert/strict";
import plugin from "../../plugins/record_envelope_addresses.ts";
import { fakeSession, message, recipient } from "../kit/fake_session.ts";
import { hook } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const headerAfter = async (from: string, to: readonly string[], text = "Subject: x\n\nHello\n") => {
  const mail = message(text);
  const { verdict } = await hook(plugin, "data_post", { from, to, event: { message: mail } });
  assert.equal(verdict, undefined);
  return mail.header;
};

test("the message as it is stored names its envelope sender and each recipient [row 243]", async () => {
  const header = await headerAfter("a@client.test", ["b@one.test", "c@two.test"]);
  assert.equal(header.get("X-Envelope-From"), "a@client.test");
  assert.deepEqual(header.getAll("X-Envelope-To"), ["b@one.test", "c@two.test"]);
});

test("a bounce has an empty envelope sender", async () => {
  assert.equal((await headerAfter("", ["b@one.test"])).get("X-Envelope-From"), "");
});

test("fields that the sender wrote itself do not pass for the envelope", async () => {
  const header = await headerAfter("a@client.test", ["b@one.test"], "X-Envelope-To: forged@x.test\nSubject: x\n\nHi\n");
  assert.deepEqual(header.getAll("X-Envelope-To"), ["b@one.test"]);
});

test("a recipient that became several is named once, as the client gave it", async () => {
  const session = fakeSession({ from: "a@client.test", to: ["one@our.test", "two@our.test", "x@our.test"] });
  for (const one of session.transaction!.recipients.slice(0, 2)) one.given = recipient("team@our.test").address;
  const mail = message("Subject: x\n\nHello\n");
  await hook(plugin, "data_post", { session, event: { message: mail } });
  assert.deepEqual(mail.header.getAll("X-Envelope-To"), ["team@our.test", "x@our.test"]);
});
