import assert from "node:assert/strict";
import { deny, ok } from "../../src/hooks/verdict.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

test("recipients are counted for transaction and session, and noted in the results", async () => {
  let noted: unknown;
  let counts: unknown;
  const kit = sessionKit({
    hooks: {
      rcpt: ({ recipient }) => recipient.address.user === "yes" ? ok("fine") : deny("no"),
      rcpt_ok: ({ recipient }) => recipient.address.host === "late.test" ? deny("too late") : undefined,
      reset_transaction: ({ session, transaction }) => {
        noted = transaction.results.get("rcpt_to")?.recipient;
        counts = [{ ...transaction.rcptCount }, { ...session.rcptCount }, transaction.recipients.length];
      },
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.equal(await kit.client.say("RCPT TO:<yes@d.test>"), "250 2.1.5 fine");
  assert.equal(await kit.client.say("RCPT TO:<no@d.test>"), "550 5.7.1 no");
  assert.equal(await kit.client.say("RCPT TO:<yes@late.test>"), "550 5.7.1 too late");
  await kit.client.say("QUIT");
  await kit.over;
  const count = { accept: 1, tempfail: 0, reject: 2 };
  assert.deepEqual(counts, [count, count, 1]);
  assert.deepEqual(noted, [
    { address: "yes@d.test", action: "accept" },
    { address: "no@d.test", action: "reject", code: 550, msg: "no" },
    { address: "yes@late.test", action: "reject", code: 550, msg: "too late" },
  ]);
});

test("a relaying client's recipients need no plugin", async () => {
  const kit = sessionKit({ hooks: { connect: ({ session }) => void (session.relaying = true) } });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.match((await kit.client.say("RCPT TO:<c@d.test>"))!, /^250/);
  await kit.client.say("QUIT");
  await kit.over;
});

test("who guesses at recipients is asked to stop at the limit, and leaves no more behind than that", async () => {
  let noted: unknown;
  let asked = 0;
  const kit = sessionKit({
    limits: { recipients: 5, errors: 20 },
    hooks: {
      rcpt: () => {
        asked++;
        return deny("no such user");
      },
      reset_transaction: ({ transaction }) => void (noted = transaction.results.get("rcpt_to")?.recipient),
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.write("RCPT TO:<c@d.test>\r\n".repeat(1000));
  const codes = (await kit.client.rest()).map((reply) => reply.slice(0, 3));
  assert.deepEqual(codes, [...Array(5).fill("550"), ...Array(20).fill("452"), "421"]);
  await kit.client.end();
  await kit.clock.advance(3000);
  await kit.over;
  assert.equal(asked, 5);
  assert.equal((noted as unknown[]).length, 5);
});

test("a recipient whose address a plugin replaced is answered as the client gave it, taken or not", async () => {
  const reached: string[][] = [];
  const kit = sessionKit({
    hooks: {
      rcpt({ recipient }) {
        recipient.given = recipient.address;
        recipient.address = parseAddress(`<new-${recipient.address.user}@other.test>`)!;
        return recipient.given.user === "yes" ? ok() : undefined;
      },
      data({ transaction }) {
        reached.push(transaction.recipients.map(({ address }) => address.address));
        return deny();
      },
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.match(await kit.client.say("RCPT TO:<yes@d.test>") ?? "", /^250 .*<yes@d\.test>/);
  const refused = await kit.client.say("RCPT TO:<no@d.test>") ?? "";
  assert.match(refused, /^550 .*<no@d\.test>/);
  assert.doesNotMatch(refused, /new-no/);
  await kit.client.say("DATA");
  await kit.client.say("QUIT");
  await kit.over;
  assert.deepEqual(reached, [["new-yes@other.test"]]);
});
