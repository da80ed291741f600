/** Reports of a running server: into the mailbox of a sender of its own, in the site's words, read by Python as what they are. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { latin1Encode } from "../../src/base/bytes.ts";
import { run, runKasi, without } from "../kit/mail_programs.ts";
import { startNextHop } from "../kit/next_hop.ts";
import { eventually, readMaildir, type RunningSite, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

/** Its own domain is nowhere in the DNS, nor in a route: only its plugins know it. */
function startSite(hop: number, files: Record<string, string> = {}): Promise<RunningSite> {
  return startKasi({
    files: {
      "config/plugins": "relay\nrcpt_to.in_host_list\nqueue/maildir\n",
      "config/host_list": "kasi.test\n",
      "config/relay_acl_allow": "127.0.0.1/32\n",
      "config/relay_dest_domains.ini": `[domains]\nfar.test=${JSON.stringify({ nexthop: `127.0.0.1:${hop}` })}\n`,
      "config/outbound.ini": "temp_fail_intervals=1h*5\n",
      ...files,
    },
  });
}

async function send(kasi: RunningSite, sender: string, subject: string): Promise<void> {
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  for (
    const line of [
      `MAIL FROM:<${sender}> SMTPUTF8 RET=FULL ENVID=QQ314`,
      "RCPT TO:<never@far.test> ORCPT=rfc822;first+2Bx@far.test",
    ]
  ) {
    await client.write(latin1Encode(`${line}\r\n`));
    assert.match(await client.reply() ?? "", /^250 /);
  }
  await client.say("DATA");
  await client.write(latin1Encode(`Subject: ${subject}\r\nFrom: me@kasi.test\r\n\r\nbody\r\n.\r\n`));
  assert.match(await client.reply() ?? "", /^250 /);
}

const READ = `
import email, email.policy, json, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
words, status, original = m.iter_parts()
tree = lambda p: [p.get_content_type()] + [tree(q) for q in p.iter_parts()] if p.get_content_maintype() == "multipart" else p.get_content_type()
blocks = status.get_payload()
# It knows the global form as a message alone: fields, and the rest as its text.
if len(blocks) == 1: blocks += [email.message_from_string(b) for b in blocks[0].get_payload().strip().split("\\n\\n")]
html = words.get_body(("html",))
print(json.dumps({
  "kind": m.get_param("report-type"), "tree": [tree(p) for p in m.iter_parts()], "words": words.get_body(("plain",)).get_content(),
  "html": html and html.get_content(), "status": [{k.lower(): str(v) for k, v in b.items()} for b in blocks],
  "defects": [str(d) for p in m.walk() for d in p.defects], "original": bytes(original.get_payload(0)).decode("utf-8") if original.is_multipart() else None,
}))`;

const reject = {
  answer: (stage: string) => stage === "rcpt" ? "550 5.1.1 No such user here" : undefined,
  offers: ["SMTPUTF8"],
};

async function reportIn(kasi: RunningSite, box: string): Promise<string> {
  const [report] = await eventually(
    () => {
      const mails = readMaildir(join(kasi.dir, `mail/kasi.test/${box}/new`));
      return mails.length > 0 && mails;
    },
    15_000,
    `a report for ${box}`,
  );
  return report!;
}

async function readBy(report: string) {
  const { code, output, stdout } = await run("python3", ["-c", READ], { input: latin1Encode(report) });
  assert.equal(code, 0, output);
  return JSON.parse(stdout);
}

test("a sender of ours finds the report in the mailbox, by the site's own plugins and not by MX", async () => {
  await using hop = await startNextHop(reject);
  await using kasi = await startSite(hop.port);
  await send(kasi, "me@kasi.test", "mine");
  const report = await reportIn(kasi, "me");
  assert.match(report, /^Return-Path: <>\nDelivered-To: me@kasi\.test\n/);
  await kasi.untilLogged(/delivered .* domain=kasi\.test host=kasi\.test .* mode=LOCAL .* rcpts=1\/0\/0/);
  assert.doesNotMatch(kasi.output(), /domain=kasi\.test .*deferred|deferred .*domain=kasi\.test/);
});

test(
  "Python reads a report in the site's own HTML with its image [row 214]",
  { skip: without("python3") },
  async () => {
    await using hop = await startNextHop(reject);
    await using kasi = await startSite(hop.port, {
      "config/outbound.bounce_message": "Subject: Sorry\n\nNot delivered: {subject}\n",
      "config/outbound.bounce_message_html": '<p>Not delivered: {subject}</p>\n<img src="cid:icon.png">\n',
      "config/outbound.bounce_message_image":
        "Content-Type: image/gif\nContent-Transfer-Encoding: base64\nContent-ID: <icon.png>\n\nR0lGODlhAQABAAAAACw=\n",
    });
    await send(kasi, "me@kasi.test", "<mine>");
    const report = await reportIn(kasi, "me");
    assert.match(report, /^Subject: Sorry$/m);
    const read = await readBy(report);
    assert.deepEqual([read.kind, read.defects], ["delivery-status", []]);
    assert.deepEqual(read.tree, [
      ["multipart/related", ["multipart/alternative", "text/plain", "text/html"], "image/gif"],
      "message/delivery-status",
      "message/rfc822",
    ]);
    assert.match(read.words, /^Not delivered: <mine>$/m);
    assert.match(read.html, /<p>Not delivered: &#60;mine&#62;<\/p>/);
    assert.match(read.original, /\nSubject: <mine>\n[^]*\n\nbody\n$/);
    const [message, recipient] = read.status;
    assert.equal(message["original-envelope-id"], "QQ314");
    assert.equal(recipient["original-recipient"], "rfc822; first+x@far.test");
    assert.equal(recipient["final-recipient"], "rfc822; never@far.test");
    assert.deepEqual([recipient.action, recipient.status], ["failed", "5.1.1"]);
  },
);

test(
  "Python reads an international report, which a sender outside ASCII gets",
  { skip: without("python3") },
  async () => {
    await using hop = await startNextHop(reject);
    await using kasi = await startSite(hop.port);
    // UTF-8, octet by octet.
    await send(kasi, "gr\xc3\xbc\xc3\x9fe@kasi.test", "gr\xc3\xbc\xc3\x9fe");
    const read = await readBy(await reportIn(kasi, "gr%C3%BC%C3%9Fe"));
    assert.deepEqual([read.kind, read.defects], ["global-delivery-status", []]);
    assert.deepEqual(read.tree, ["text/plain", "message/global-delivery-status", "message/global"]);
    const [, recipient] = read.status;
    assert.equal(recipient["final-recipient"], "rfc822; never@far.test");
  },
);

test("where mailboxes lie behind LMTP, a report of ours gets there, once and by the shortest way", async () => {
  await using hop = await startNextHop(reject);
  await using store = await startNextHop({ lmtp: true });
  await using kasi = await startSite(hop.port, {
    "config/plugins": "relay\nrcpt_to.in_host_list\nqueue/lmtp\n",
    "config/lmtp.ini": `host=127.0.0.1\nport=${store.port}\n`,
  });
  await send(kasi, "me@kasi.test", "mine");
  const [report] = await store.untilMails(1);
  assert.deepEqual([report!.sender, report!.recipients], ["", ["me@kasi.test"]]);
  const [header] = report!.content.split("\r\n\r\n");
  assert.ok(header!.match(/^Received:/gm)!.length <= 2, header!);
  await kasi.untilLogged(/delivered .* domain=kasi\.test .* mode=LMTP /);
  assert.match((await runKasi(["queue", "ls", "-c", kasi.dir])).stdout, /^The queue is empty/);
  assert.equal(store.mails.length, 1);
});
