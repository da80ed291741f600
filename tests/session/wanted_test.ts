import assert from "node:assert/strict";
import type { Envelope } from "../../src/hooks/outbound.ts";
import { ok } from "../../src/hooks/verdict.ts";
import { FAKE_START } from "../kit/fake_clock.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { FAKE_TLS, type KitOptions, sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const relays = ({ session }: { session: { relaying: boolean } }) => void (session.relaying = true);

/** What the outbound queue is given for a mail of these commands by a client that may relay. */
async function queued(
  mail: string,
  rcpt: string,
  options: KitOptions = {},
): Promise<Envelope & { readonly now: number }> {
  const taken: Envelope[] = [];
  const kit = sessionKit({
    hooks: { connect: relays, ...options.hooks },
    tls: FAKE_TLS,
    extensions: { futureRelease: 3600 },
    enqueue: (envelope) => {
      taken.push(envelope);
      return Promise.resolve();
    },
    ...options,
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  assert.match(await kit.client.say(`MAIL FROM:<a@b.test>${mail}`) ?? "", /^250/);
  assert.match(await kit.client.say(`RCPT TO:<c@d.test>${rcpt}`) ?? "", /^250/);
  assert.match(await kit.client.say("DATA") ?? "", /^354/);
  assert.match(await kit.client.say("Subject: x\r\n\r\nx\r\n.") ?? "", /^250 2\.0\.0/);
  const now = kit.clock.now();
  await kit.client.say("QUIT");
  await kit.over;
  assert.equal(taken.length, 1);
  return { ...taken[0]!, now };
}

test("what MAIL and RCPT wanted goes with the envelope into the queue, decoded", async () => {
  const mail = " RET=HDRS ENVID=QQ+2B1 BODY=8BITMIME REQUIRETLS MT-PRIORITY=4 BY=120;RT HOLDFOR=60 SIZE=20";
  const { wanted, recipients, now } = await queued(mail, " NOTIFY=DELAY,success ORCPT=rfc822;c+2Bx@d.test");
  assert.deepEqual(wanted, {
    ret: "HDRS",
    envid: "QQ+1",
    body: "8BITMIME",
    requireTls: true,
    priority: 4,
    deliverBy: { at: now + 120_000, mode: "R", trace: true },
    holdUntil: now + 60_000,
  });
  const [{ notify, originalRecipient, parameters }] = recipients as [Envelope["recipients"][number]];
  assert.deepEqual(notify, ["DELAY", "SUCCESS"]);
  assert.deepEqual(originalRecipient, { type: "rfc822", address: "c+x@d.test" });
  assert.deepEqual([...parameters.keys()], ["NOTIFY", "ORCPT"]);
});

test("who wants nothing leaves nothing behind", async () => {
  const { wanted, recipients } = await queued(" SIZE=20 MT-PRIORITY=0", "");
  assert.equal(wanted, undefined);
  assert.deepEqual(Object.keys(recipients[0]!), ["address", "parameters"]);
});

test("mail that is to be held passes by plugins that would deliver it at once", async () => {
  let asked = 0;
  const hooks = {
    connect: relays,
    queue_outbound: () => {
      asked++;
      return ok();
    },
  };
  const { wanted } = await queued(` HOLDUNTIL=${new Date(FAKE_START + 1_800_000).toISOString()}`, "", { hooks });
  assert.equal(asked, 0);
  assert.equal(wanted!.holdUntil, FAKE_START + 1_800_000);
});

test("a submission port tells of FUTURERELEASE; who has not authenticated gets no further than MAIL", async () => {
  const kit = sessionKit({
    local: { transport: "tcp", hostname: "198.51.100.1", port: 587 },
    extensions: { futureRelease: 3600 },
  });
  await kit.client.reply();
  assert.match(await kit.client.say("EHLO me") ?? "", /\n250-FUTURERELEASE 3600 \d{4}-/);
  assert.match(await kit.client.say("MAIL FROM:<a@b.test> HOLDFOR=60") ?? "", /^550 5\.7\.1 Auth/);
  await kit.client.say("QUIT");
  await kit.over;
});

test("a plugin that relays for one transaction has mail of the next one neither held nor raised", async () => {
  const kit = sessionKit({
    hooks: { mail: relays, capabilities: ({ capabilities }) => void capabilities.lines.push("FUTURERELEASE") },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  assert.match(await kit.client.say("MAIL FROM:<a@b.test>") ?? "", /^250/);
  assert.match(await kit.client.say("MAIL FROM:<a@b.test> HOLDFOR=60") ?? "", /^501/, "nothing may be held at all");
  await kit.client.say("QUIT");
  await kit.over;
  const held = sessionKit({
    hooks: { mail: relays, capabilities: ({ capabilities }) => void capabilities.lines.push("FUTURERELEASE") },
    extensions: { futureRelease: 3600 },
  });
  await held.client.reply();
  await held.client.say("EHLO me");
  assert.match(await held.client.say("MAIL FROM:<a@b.test>") ?? "", /^250/);
  assert.match(await held.client.say("MAIL FROM:<a@b.test> HOLDFOR=60") ?? "", /^550 5\.7\.1/);
  await held.client.say("QUIT");
  await held.over;
});

test("the queue hears of what a plugin took, when the sender may want to hear of it", async () => {
  for (
    const [mail, rcpt, count, alias] of [
      ["", " NOTIFY=SUCCESS", 1],
      [" BY=60;NT", "", 1],
      ["", " NOTIFY=DELAY", 0],
      ["", "", 0],
      ["", "", 1, "list@d.test"],
    ] as const
  ) {
    const heard: Envelope[] = [];
    const kit = sessionKit({
      hooks: {
        rcpt({ recipient }) {
          if (alias !== undefined) recipient.expandedFrom = parseAddress(alias)!;
          return ok();
        },
        queue: () => ok(),
      },
      delivered: (envelope) => {
        heard.push(envelope);
        return Promise.resolve();
      },
    });
    await kit.client.reply();
    await kit.client.say("EHLO me");
    await kit.client.say(`MAIL FROM:<a@b.test>${mail}`);
    await kit.client.say(`RCPT TO:<c@d.test>${rcpt}`);
    await kit.client.say("DATA");
    assert.match(await kit.client.say("x\r\n.") ?? "", /^250/);
    await kit.client.say("QUIT");
    await kit.over;
    assert.equal(heard.length, count, `${mail}${rcpt}`);
    if (count > 0) assert.deepEqual(heard[0]!.recipients.map(({ address }) => address.address), ["c@d.test"]);
  }
});
