/**
 * What a sender wants beside transport, from the client's MAIL to the next hop's, over sockets: DSN, MT-PRIORITY, DELIVERBY, BINARYMIME, FUTURERELEASE,
 * REQUIRETLS. What each parameter may look like is proved in `tests/session` and `tests/wire`, what becomes of it in `tests/queue` and `tests/delivery`.
 */
import assert from "node:assert/strict";
import { relaySite } from "../kit/relay_site.ts";
import { type NextHop, startNextHop } from "../kit/next_hop.ts";
import { type RunningSite, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const CONTENT = "Subject: hello\r\nMessage-Id: <1@us.test>\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\nHello\r\n";

function kasiTo(hop: NextHop, extra: Readonly<Record<string, string>> = {}): Promise<RunningSite> {
  return startKasi({ files: relaySite(hop.port, extra) });
}

/** EHLO, then MAIL, RCPT and DATA, each answered well. */
async function send(kasi: RunningSite, mail: string, rcpt: string, content = CONTENT): Promise<string> {
  await using client = await SmtpClient.connect(kasi.port);
  const hello = await client.hello();
  assert.match(await client.say(`MAIL FROM:${mail}`), /^250 /);
  assert.match(await client.say(`RCPT TO:${rcpt}`), /^250 /);
  assert.match(await client.say("DATA"), /^354 /);
  await client.write(`${content}.\r\n`);
  assert.match((await client.reply())!, /^250 /);
  return hello;
}
const said = (hop: NextHop, verb: string) => hop.heard.filter((line) => line.startsWith(verb));

test("a next hop that knows DSN, priorities and deadlines hears what the sender wanted, and reports itself", async () => {
  await using hop = await startNextHop({ offers: ["DSN", "MT-PRIORITY", "DELIVERBY 5", "CHUNKING"] });
  await using kasi = await kasiTo(hop);
  const hello = await send(
    kasi,
    "<me@us.test> RET=HDRS ENVID=Q+2B17 MT-PRIORITY=3 BY=600;N",
    "<you@there.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;You@there.test",
  );
  for (const keyword of ["DSN", "MT-PRIORITY", "DELIVERBY", "CHUNKING"]) {
    assert.match(hello, new RegExp(`^250[ -]${keyword}`, "m"));
  }
  const [mail] = await hop.untilMails(1);
  assert.ok(mail!.content.endsWith("\r\n\r\nHello\r\n"));
  const [from] = said(hop, "MAIL");
  assert.match(from!, / RET=HDRS ENVID=Q\+2B17 MT-PRIORITY=3 BY=(59\d|600);N$/);
  assert.deepEqual(said(hop, "RCPT"), ["RCPT TO:<you@there.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;You@there.test"]);
  assert.equal(said(hop, "DATA").length, 0, "a small message goes by BDAT");
});

test("for a next hop that knows no DSN we report that it was handed on (RFC 3461 §5.2.2)", async () => {
  await using hop = await startNextHop();
  await using kasi = await kasiTo(hop);
  await send(kasi, "<me@us.test> RET=HDRS ENVID=Q17", "<you@there.test> NOTIFY=SUCCESS ORCPT=rfc822;You@there.test");
  const mails = await hop.untilMails(2);
  const report = mails.find(({ sender }) => sender === "")!;
  assert.deepEqual(report.recipients, ["me@us.test"]);
  assert.match(report.content, /^Original-Envelope-Id: Q17\r$/m);
  assert.match(report.content, /^Original-Recipient: rfc822; ?You@there\.test\r$/m);
  assert.match(report.content, /^Action: relayed\r$/m);
  assert.doesNotMatch(report.content, /\r\n\r\nHello\r\n/, "RET=HDRS: the body stays out");
  assert.equal(said(hop, "MAIL")[0]!.includes("RET"), false);

  await send(kasi, "<me@us.test>", "<you@there.test> NOTIFY=NEVER");
  await send(kasi, "<me@us.test>", "<you@there.test>");
  await hop.untilMails(4);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(hop.mails.length, 4, "nobody else asked for a report");
});

test("a refusal is reported to who wants it, and to nobody who said NEVER", async () => {
  await using hop = await startNextHop({
    answer: (stage, about) => stage === "rcpt" && about.startsWith("no") ? "550 5.1.1 nobody" : undefined,
  });
  await using kasi = await kasiTo(hop);
  await send(kasi, "<me@us.test>", "<no1@there.test> NOTIFY=NEVER");
  await send(kasi, "<me@us.test> ENVID=two", "<no2@there.test> NOTIFY=FAILURE");
  const [report] = await hop.untilMails(1);
  assert.match(report!.content, /^Original-Envelope-Id: two\r$/m);
  assert.match(report!.content, /^Action: failed\r$/m);
  assert.match(report!.content, /no2@there\.test/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(hop.mails.length, 1);
});

test("binary content arrives octet by octet where BINARYMIME is offered, and is sent back where it is not", async () => {
  const body =
    "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n.\n\r.\r\n.\r\nQUIT\r\n\xff";
  for (const offers of [["CHUNKING", "BINARYMIME"], ["CHUNKING"]]) {
    await using hop = await startNextHop({ offers });
    await using kasi = await kasiTo(hop);
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    assert.match(await client.say("MAIL FROM:<me@us.test> BODY=BINARYMIME"), /^250 /);
    assert.match(await client.say("RCPT TO:<you@there.test>"), /^250 /);
    assert.match(await client.say("DATA"), /^503 /, "RFC 3030 §3");
    await client.write(Uint8Array.from(`BDAT ${body.length} LAST\r\n${body}`, (char) => char.charCodeAt(0)));
    assert.match((await client.reply())!, /^250 /);
    const [mail] = await hop.untilMails(1);
    if (offers.includes("BINARYMIME")) {
      assert.ok(mail!.content.endsWith(body.slice(body.indexOf("\r\n\r\n"))), "every octet");
      assert.match(said(hop, "MAIL")[0]!, / BODY=BINARYMIME$/);
    } else {
      assert.equal(mail!.sender, "");
      assert.match(mail!.content, /^Status: 5\.6\.3\r$/m);
      assert.equal(mail!.content.includes("\0"), false);
    }
  }
});

test("a message that is to be held is held so long, and then sent (RFC 4865)", async () => {
  await using hop = await startNextHop();
  await using kasi = await kasiTo(hop, { "config/connection.ini": "[extensions]\nfuturerelease=3600\n" });
  const began = Date.now();
  await send(kasi, "<me@us.test> HOLDFOR=2", "<you@there.test>");
  await hop.untilMails(1);
  const waited = Date.now() - began;
  assert.ok(waited >= 1900 && waited < 15_000, `came after ${waited} ms`);
});

test("REQUIRETLS is for TLS alone, and a message that has it goes to no next hop without (RFC 8689)", async () => {
  await using hop = await startNextHop({ offers: ["REQUIRETLS"] });
  await using kasi = await kasiTo(hop, { "config/plugins": "tls\nto_next_hop\n" });
  await using client = await SmtpClient.connect(kasi.port);
  assert.doesNotMatch(await client.hello(), /REQUIRETLS/);
  assert.match(await client.say("MAIL FROM:<me@us.test> REQUIRETLS"), /^5\d\d /);
  await client.startTls();
  assert.match(await client.say("EHLO client.test"), /^250[ -]REQUIRETLS$/m);
  assert.match(await client.say("MAIL FROM:<me@us.test> REQUIRETLS RET=FULL"), /^250 /);
  assert.match(await client.say("RCPT TO:<you@there.test>"), /^250 /);
  assert.match(await client.say("DATA"), /^354 /);
  await client.write(`${CONTENT}.\r\n`);
  assert.match((await client.reply())!, /^250 /);
  const [report] = await hop.untilMails(1);
  assert.equal(report!.sender, "", "only the report travels");
  assert.match(report!.content, /^Status: 5\.7\.10\r$/m);
  assert.doesNotMatch(report!.content, /\r\n\r\nHello\r\n/, "RFC 8689 §5: headers only");
});
