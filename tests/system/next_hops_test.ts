/** Mail that Kasi took goes out to real next hops: whole, over few connections, over TLS where it can be had; and waits or comes back where not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { latin1Encode } from "../../src/base/bytes.ts";
import { freePort, run, runKasi, startPostfix, startSink, without } from "../kit/mail_programs.ts";
import { type NextHopOptions, startNextHop } from "../kit/next_hop.ts";
import { eventually, readMaildir, type RunningSite, type SiteOptions, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const HEAD = "Message-Id: <1@kasi.test>\r\nDate: Mon, 23 Nov 2026 04:00:00 +0000\r\nFrom: me@kasi.test\r\n";

/** A Kasi that relays for this machine. `routes`: domain → next hop. Mail for kasi.test, reports too, comes back to itself. */
async function startRelay(routes: Record<string, string>, options: SiteOptions = {}): Promise<RunningSite> {
  const port = await freePort();
  const all: Record<string, string> = { ...routes, "kasi.test": `127.0.0.1:${port}` };
  const lines = Object.entries(all).map(([domain, nexthop]) => `${domain}=${JSON.stringify({ nexthop })}`);
  return await startKasi({
    listen: `127.0.0.1:${port}`,
    ...options,
    files: {
      "config/plugins": "relay\ntls\nrcpt_to.in_host_list\nqueue/maildir\n",
      "config/host_list": "kasi.test\n",
      "config/relay_acl_allow": "127.0.0.1/32\n",
      "config/relay_dest_domains.ini": `[domains]\n${lines.join("\n")}\n`,
      "config/outbound.ini": "temp_fail_intervals=1h*5\n",
      ...options.files,
    },
  });
}

/** One mail in; it must be taken. */
async function send(
  kasi: RunningSite,
  recipients: readonly string[],
  content: string,
  sender = "me@kasi.test",
): Promise<void> {
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  for (const line of [`MAIL FROM:<${sender}>`, ...recipients.map((each) => `RCPT TO:<${each}>`)]) {
    assert.match(await client.say(line), /^250 /);
  }
  // BDAT says how many octets there are, whatever they are.
  const octets = latin1Encode(content);
  await client.write(`BDAT ${octets.length} LAST\r\n`);
  await client.write(octets);
  assert.match(await client.reply() ?? "", /^250 /);
  assert.match(await client.say("QUIT"), /^221 /);
}

/** What stands behind the fields that relaying put on top. */
function received(content: string, lineEnd: string): string {
  const fields = content.split(new RegExp(`${lineEnd}(?![ \\t])`));
  const own = fields.findIndex((field) => !field.startsWith("Received: "));
  return fields.slice(own).join(lineEnd);
}

const site = (kasi: RunningSite) => ["-c", kasi.dir];

// ── Every octet ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** All that may stand in a line: every octet but CR and LF. */
const OCTETS = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).filter((char) => !/[\r\n]/.test(char))
  .join("");
const BODIES: readonly (readonly [what: string, body: string])[] = [
  ["every octet", `${OCTETS}\r\n${OCTETS.slice(30)}\r\n`],
  ["lines of dots", ".\r\n..\r\n...\r\n.x\r\n\r\n.\r\n"],
  ["nothing", ""],
  ["empty lines alone", "\r\n\r\n\r\n"],
  ["no final line end", "one line\r\nand another"],
  ["a dot without a line end", "."],
  ["200 000 octets", `${"x".repeat(70)}\r\n`.repeat(2778)],
];

test("a next hop gets every mail octet by octet, over one connection", async () => {
  await using hop = await startNextHop();
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${hop.port}` });
  for (const [i, [what, body]] of BODIES.entries()) {
    await send(kasi, ["you@far.test"], `${HEAD}Subject: ${what}\r\n\r\n${body}`);
    const mail = (await hop.untilMails(i + 1))[i]!;
    assert.deepEqual([mail.sender, mail.recipients], ["me@kasi.test", ["you@far.test"]]);
    // DATA cannot carry a last line without an end (RFC 5321 §4.1.1.4).
    const whole = body === "" || body.endsWith("\r\n") ? body : `${body}\r\n`;
    assert.equal(received(mail.content, "\r\n"), `${HEAD}Subject: ${what}\r\n\r\n${whole}`, what);
  }
  assert.equal(hop.sessions, 1);
  await kasi.untilLogged(
    /delivered file=\S+ domain=far\.test host=127\.0\.0\.1 ip=127\.0\.0\.1 port=\d+ mode=SMTP tls=N auth=N response="2\.0\.0 Taken|delivered .* response=/,
  );
});

test("smtp-sink gets every mail whole", { skip: without("smtp-sink") }, async () => {
  await using sink = await startSink();
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${sink.port}` });
  for (const [what, body] of BODIES) await send(kasi, ["you@far.test"], `${HEAD}Subject: ${what}\r\n\r\n${body}`);
  const mails = await sink.untilMails(BODIES.length);
  const came = mails.map(({ content }) => received(content, "\n")).sort();
  const sent = BODIES.map(([what, body]) => `${HEAD}Subject: ${what}\r\n\r\n${body}`.replaceAll("\r\n", "\n"))
    .map((mail) => mail.endsWith("\n") ? mail : `${mail}\n`);
  assert.deepEqual(came, sent.sort());
});

test("many messages share few connections to smtp-sink", { skip: without("smtp-sink", "smtp-source") }, async () => {
  await using sink = await startSink();
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${sink.port}` });
  const { code, output } = await run("smtp-source", [
    ...["-s", "10", "-m", "300", "-l", "5000", "-f", "me@kasi.test", "-t", "you@far.test", "-d"],
    `127.0.0.1:${kasi.port}`,
  ]);
  assert.deepEqual([code, output], [0, ""]);
  const mails = await sink.untilMails(300, 30_000);
  assert.equal(mails.length, 300);
  await eventually(() => kasi.output().match(/ delivered file=/g)?.length === 300, 10_000, "300 lines of delivery");
  assert.match((await runKasi(["queue", "ls", ...site(kasi)])).stdout, /^The queue is empty/);
  await kasi.stop();
  await eventually(() => sink.counters().sessions > 1, 5000, "the sink's count");
  const { sessions } = sink.counters();
  assert.ok(sessions <= 31, `${sessions} sessions for 300 messages`); // one of them ours, to see whether it listens
});

test("a private Postfix takes the mail and relays it on, whole", {
  skip: without("postfix", "smtp-sink") ?? (await isRoot() ? undefined : "Postfix wants root"),
  timeoutMs: 90_000,
}, async () => {
  await using sink = await startSink();
  await using postfix = await startPostfix(sink.port);
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${postfix.port}` });
  const mail = `${HEAD}Subject: two hops\r\n\r\n.\r\n..\r\nr\xe9sum\xe9\r\n`;
  await send(kasi, ["you@far.test", "and@far.test"], mail);
  const [came] = await sink.untilMails(1, 30_000);
  assert.deepEqual([...came!.recipients].sort(), ["and@far.test", "you@far.test"]);
  assert.equal(received(came!.content, "\n"), mail.replaceAll("\r\n", "\n"));
  assert.match(came!.content, /^Received: from kasi\.test \(.*\n\tby relay\.localhost \(Postfix\)/m);
  await kasi.untilLogged(/delivered .* domain=far\.test .* response="?[^"]*queued as .* rcpts=2\/0\/0/);
});

async function isRoot(): Promise<boolean> {
  return (await run("id", ["-u"])).stdout.trim() === "0";
}

// ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const FAR: SiteOptions = {
  files: {
    "config/plugins": "tls\nrcpt_to.in_host_list\nqueue/maildir\n",
    "config/host_list": "far.test\n",
    "config/me": "far.test\n",
  },
};

test("a next hop with STARTTLS and a self-signed certificate gets the mail over TLS", async () => {
  await using far = await startKasi(FAR);
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${far.port}` });
  await send(kasi, ["you@far.test"], `${HEAD}\r\nsecret\r\n`);
  await kasi.untilLogged(/delivered .* tls=Y /);
  assert.match(far.output(), /secured cipher=\S+ version=TLSv1\.3/);
  const [mail] = readMaildir(join(far.dir, "mail/far.test/you/new"));
  assert.match(mail!, /\n\nsecret\n$/);
});

test("where TLS is required, a self-signed certificate defers the mail, and log and queue say why", async () => {
  await using far = await startKasi(FAR);
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${far.port}` }, {
    files: { "config/tls.ini": "[outbound]\nforce_tls_hosts=far.test\n" },
  });
  await send(kasi, ["you@far.test"], `${HEAD}\r\nsecret\r\n`);
  const why = /TLS verification required/;
  await kasi.untilLogged(new RegExp(`deferred .* domain=far\\.test .*${why.source}`));
  assert.ok(!far.output().includes("sender <"), "the envelope was told to an unverified server");
  const ls = await runKasi(["queue", "ls", ...site(kasi)]);
  const id =
    /^(\S+) <me@kasi\.test> → <you@far\.test> \(far\.test\), \d+ octets, 1 failed, next attempt in (?:1 h|59 min \d+ s): Tried all MXs: .*$/m
      .exec(new TextDecoder().decode(latin1Encode(ls.stdout)))?.[1];
  assert.ok(id, ls.output);
  const show = await runKasi(["queue", "show", id, ...site(kasi)]);
  assert.match(show.stdout, why);
  assert.match((await runKasi(["queue", "cat", id, ...site(kasi)])).stdout, /\r?\n\r?\nsecret\r?\n$/);
});

test("where TLS is required and not offered, the mail waits and nothing of it is told", async () => {
  await using hop = await startNextHop();
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${hop.port}` }, {
    files: { "config/tls.ini": "[outbound]\nforce_tls_hosts=far.test\n" },
  });
  await send(kasi, ["you@far.test"], `${HEAD}\r\nsecret\r\n`);
  await kasi.untilLogged(/deferred .* domain=far\.test .*No TLS available/);
  assert.ok(!hop.heard.some((line) => /^(MAIL|RCPT|DATA)/i.test(line)), hop.heard.join("\n"));
});

// ── LMTP ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("an LMTP next hop answers for each recipient: delivered, deferred and bounced apart", async () => {
  const replies: Record<string, string> = {
    "later@far.test": "452 4.2.2 Mailbox full",
    "never@far.test": "550 5.1.1 No such box",
  };
  const hop = await startNextHop({
    lmtp: true,
    answer: (stage, about) => stage === "content" ? replies[about] : undefined,
  });
  await using _hop = hop;
  await using kasi = await startRelay({ "far.test": `lmtp://127.0.0.1:${hop.port}` });
  await send(kasi, ["you@far.test", "later@far.test", "never@far.test"], `${HEAD}Subject: three\r\n\r\nx\r\n`);
  await kasi.untilLogged(/delivered .* mode=LMTP .* rcpts=1\/1\/1/);
  await kasi.untilLogged(/deferred .* domain=far\.test .*temp failed: <later@far\.test>/);
  await kasi.untilLogged(/bounced .* domain=far\.test .*failed: <never@far\.test>/);
  assert.equal(hop.heard[0]?.slice(0, 5), "LHLO ");
  const ls = new TextDecoder().decode(latin1Encode((await runKasi(["queue", "ls", "far.test", ...site(kasi)])).stdout));
  const id = /^(\S+) .* → <later@far\.test> \(far\.test\)/m.exec(ls)?.[1];
  assert.ok(id, ls);
  assert.match((await runKasi(["queue", "show", id, ...site(kasi)])).stdout, /452 4\.2\.2 Mailbox full/);
  // Only the one that failed for now is tried again.
  delete replies["later@far.test"];
  kasi.signal("SIGHUP");
  await hop.untilMails(2);
  assert.deepEqual(hop.mails.map(({ recipients }) => recipients), [
    ["you@far.test", "later@far.test", "never@far.test"],
    ["later@far.test"],
  ]);
});

// ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Refuses at one stage as long as `refusing` holds. */
function refusal(stage: string, reply: string): { options: NextHopOptions; stop(): void } {
  let refusing = true;
  return {
    options: { answer: (at) => refusing && at === stage ? reply : undefined },
    stop: () => void (refusing = false),
  };
}

for (const stage of ["greeting", "hello", "mail", "rcpt", "data", "content"]) {
  test(`[row 28] a 4xx at ${stage} defers; SIGHUP tries again at once and delivers`, async () => {
    const { options, stop } = refusal(stage, "451 4.7.1 Come back later");
    await using hop = await startNextHop(options);
    await using kasi = await startRelay({ "far.test": `127.0.0.1:${hop.port}` });
    await send(kasi, ["you@far.test"], `${HEAD}\r\npatience\r\n`);
    // What is wrong with the connection alone only says that no host could be used.
    await kasi.untilLogged(
      /deferred file=\S+ domain=far\.test delay=3600 fails=1 .*(?:Come back later|Tried all MXs|temp failed)/,
    );
    stop();
    kasi.signal("SIGHUP");
    await kasi.untilLogged(/delivered .* domain=far\.test .* fails=1 /);
    assert.equal(hop.mails.at(-1)!.content.endsWith("\r\n\r\npatience\r\n"), true);
    assert.match((await runKasi(["queue", "ls", ...site(kasi)])).stdout, /^The queue is empty/);
  });
}

const READ_REPORT = `
import email, email.policy, json, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
text, status, original = m.iter_parts()
fields = [dict((k.lower(), str(v)) for k, v in block.items()) for block in status.get_payload()]
print(json.dumps({
  "type": m.get_content_type(), "kind": m.get_param("report-type"), "parts": [p.get_content_type() for p in m.iter_parts()],
  "text": text.get_content(), "to": str(m["To"]), "auto": str(m["Auto-Submitted"]), "status": fields,
  "defects": [str(d) for p in m.walk() for d in p.defects], "original": original.get_payload(0).as_string() if original.is_multipart() else original.get_payload(),
}))`;

test("[row 213] a 5xx bounces: the sender's Maildir gets a report whose three parts Python reads", {
  skip: without("python3"),
}, async () => {
  await using hop = await startNextHop({
    answer: (stage, about) =>
      stage === "rcpt" && about === "never@far.test" ? "550 5.1.1 No such user here" : undefined,
  });
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${hop.port}` });
  await send(kasi, ["never@far.test", "you@far.test"], `${HEAD}Subject: mine\r\n\r\nbody\r\n`);
  await kasi.untilLogged(
    /bounced file=\S+ domain=far\.test .*No such user here|bounced file=\S+ domain=far\.test .*failed/,
  );
  const [report] = await eventually(
    () => {
      const mails = readMaildir(join(kasi.dir, "mail/kasi.test/me/new"));
      return mails.length > 0 && mails;
    },
    15_000,
    "a report",
  );
  assert.match(report!, /^Return-Path: <>\n/);
  const { code, output, stdout } = await run("python3", ["-c", READ_REPORT], { input: latin1Encode(report!) });
  assert.equal(code, 0, output);
  const read = JSON.parse(stdout);
  assert.deepEqual([read.type, read.kind, read.defects], ["multipart/report", "delivery-status", []]);
  assert.deepEqual(read.parts.slice(0, 2), ["text/plain", "message/delivery-status"]);
  assert.match(read.parts[2], /^(?:text\/rfc822-headers|message\/rfc822)$/);
  assert.match(read.text, /never@far\.test/);
  assert.equal(read.to.replace(/[<>]/g, ""), "me@kasi.test");
  assert.match(read.auto, /^auto-replied|^auto-generated/);
  const [message, recipient, ...more] = read.status;
  assert.equal(more.length, 0, "a recipient who was served is in the report");
  assert.equal(message["reporting-mta"], "dns; kasi.test");
  assert.match(message["arrival-date"], /\d{4} \d\d:\d\d:\d\d/);
  assert.equal(recipient["final-recipient"], "rfc822; never@far.test");
  assert.equal(recipient["action"], "failed");
  assert.equal(recipient["status"], "5.1.1");
  assert.match(recipient["remote-mta"], /127\.0\.0\.1/);
  assert.match(recipient["diagnostic-code"], /^smtp; 550 5\.1\.1 No such user here/);
  assert.match(read.original, /^Subject: mine$/m);
  assert.equal(hop.mails.length, 1);
  assert.deepEqual(hop.mails[0]!.recipients, ["you@far.test"]);
});

test("a next hop that is down defers; when it is up, SIGHUP delivers", { skip: without("smtp-sink") }, async () => {
  const port = await freePort();
  await using kasi = await startRelay({ "far.test": `127.0.0.1:${port}` });
  await send(kasi, ["you@far.test"], `${HEAD}\r\nhello?\r\n`);
  await kasi.untilLogged(/deferred file=\S+ domain=far\.test delay=3600 fails=1/);
  await using sink = await startSink({ port });
  const flush = await runKasi(["queue", "flush", ...site(kasi)]);
  assert.deepEqual([flush.code, flush.stdout], [
    0,
    "The server tries 1 waiting item now\n",
  ]);
  const [mail] = await sink.untilMails(1);
  assert.match(mail!.content, /\n\nhello\?\n$/);
  await kasi.untilLogged(/delivered .* domain=far\.test .* fails=1 /);
});
