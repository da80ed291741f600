import assert from "node:assert/strict";
import { BodyPlan } from "../../src/session/body_plan.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { message } from "../kit/fake_session.ts";
import { test } from "../kit/test.ts";

const arriving = { clock: new FakeClock(), signal: new AbortController().signal };

test("a plan that asks to see nothing has nobody look at the octets", () => {
  assert.equal(new BodyPlan().begin(arriving), undefined);
  const edits = new BodyPlan();
  edits.setBanner("x");
  edits.addFilter("text", () => undefined);
  assert.equal(edits.begin(arriving), undefined);
  const discards = new BodyPlan();
  discards.discardData = true;
  assert.equal(discards.begin(arriving)?.keeps, false);
});

test("the tree is there once the message is, made while it came or when it is asked for; before, and too late, one is told", async () => {
  const asked = new BodyPlan();
  asked.parse();
  const watch = asked.begin(arriving)!;
  await assert.rejects(asked.tree(), /has not come yet/);
  assert.throws(() => asked.onAttachment(() => {}), /wanted: onAttachment\(\) at data/);
  const mail = message("Subject: x\n\nhello");
  for (const octet of mail.bytes()!) void watch.add(Uint8Array.of(octet));
  await asked.arrived(mail);
  const late = new BodyPlan();
  await late.arrived(mail);
  for (const plan of [asked, late]) {
    assert.equal((await plan.tree()).text(), "hello");
    assert.equal(await plan.tree(), await plan.tree());
    assert.equal(await new Response((await plan.tree()).open()).text(), "hello");
  }
});

test("no banner and no filter is no edit", async () => {
  const mail = message("Subject: x\n\nhello");
  assert.equal(await new BodyPlan().edit(mail, new FakeClock()), false);
  const plan = new BodyPlan();
  plan.setBanner("bye");
  assert.equal(await plan.edit(mail, new FakeClock()), true);
  assert.match(await new Response(mail.open()).text(), /hello\r\n\r\nbye\r\n$/);
});
