import assert from "node:assert/strict";
import dkim from "../../plugins/dkim.ts";
import { newDkimKey } from "../../src/mailauth/dkim_key.ts";
import { arrived, LETTER, mail } from "../mailauth/kit.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const made = await newDkimKey("ed25519");
const OWN = { "dkim/example.com/private": made.privatePem, "dkim/example.com/selector": "nov2026\n" };
const ZONE = { "nov2026._domainkey.example.com": { TXT: [made.record] } };
const SIGN = "[sign]\nenabled=true\n";

function start(ini: string, files: Record<string, string> = OWN) {
  return startPlugin(dkim, { files: { "dkim.ini": ini, ...files }, zone: ZONE });
}
async function sign(plugin: Awaited<ReturnType<typeof start>>, letter = LETTER, from = "joe@example.com") {
  const message = mail(letter);
  const session = fakeSession({ from, relaying: true });
  const { results } = await plugin.run("queue_outbound", { session, event: { message } });
  return { message, session, results };
}

test("what leaves is signed with the key of From's domain, or of the one above it", async () => {
  const plugin = await start(SIGN);
  const { message, session, results } = await sign(plugin);
  assert.match(message.header.get("DKIM-Signature")!, /d=example\.com; s=nov2026;.*h=From:Subject:Date:Message-ID:To;/);
  assert.equal(session.transaction!.notes.get("dkim_signed"), true);
  assert.match(results!.pass[0]!, /^v=1; a=ed25519-sha256; c=relaxed\/simple; /);
  // And once only.
  await plugin.run("queue_outbound", { session, event: { message } });
  assert.equal(message.header.getAll("DKIM-Signature").length, 1);

  const found = await plugin.run("data_post", { from: "joe@example.com", event: { message: await arrived(message) } });
  assert.deepEqual(found.results!.pass, ["example.com"]);
});

test("the author decides, not the envelope: several authors leave it to Sender, none to the envelope", async () => {
  const plugin = await start(SIGN);
  const from = (header: string) => LETTER.replace(/^From:.*\n/, header);
  const signs = async (letter: string, envelope = "x@elsewhere.test") =>
    (await sign(plugin, letter, envelope)).message.header.has("DKIM-Signature");
  assert.ok(await signs(LETTER));
  assert.ok(!await signs(from("From: joe@elsewhere.test\n"), "joe@example.com"));
  assert.ok(await signs(from("From: a@elsewhere.test, b@other.test\nSender: joe@example.com\n")));
  assert.ok(await signs(from("From: Undisclosed\n"), "joe@example.com"));
  // Without From there is nothing to be signed.
  assert.ok(!await signs(from(""), "joe@example.com"));
});

test("unsigned: signing off, no key, no selector; each with a notice but the first", async () => {
  assert.ok(!(await sign(await start(""))).message.header.has("DKIM-Signature"));
  for (const files of [{}, { "dkim/example.com/private": made.privatePem }]) {
    const plugin = await start(SIGN, files);
    const { message } = await sign(plugin);
    assert.ok(!message.header.has("DKIM-Signature"));
    assert.ok(plugin.log.items.some(({ level, message }) => level === "NOTICE" && /no key/.test(message)));
  }
});

test("without a key of its own a domain is signed with the default key", async () => {
  const plugin = await start(`${SIGN}domain=example.com\nselector=nov2026\n`, { "dkim.private.key": made.privatePem });
  const { message, results } = await sign(plugin, LETTER.replaceAll("football.example.com", "elsewhere.test"));
  assert.match(message.header.get("DKIM-Signature")!, /d=example\.com; s=nov2026;/);
  assert.deepEqual(results!.msg, ["using default key"]);
});

test("a signature that cannot be made defers the message, which is signed when it comes again", async () => {
  const plugin = await start(SIGN);
  const session = fakeSession({ from: "joe@example.com", relaying: true });
  const message = mail(LETTER);
  const { subtle } = crypto;
  const sign = subtle.sign;
  subtle.sign = () => Promise.reject(new DOMException("The processor has burnt out", "OperationError"));
  const { verdict } = await plugin.run("queue_outbound", { session, event: { message } })
    .finally(() => subtle.sign = sign);
  assert.equal(verdict?.kind, "defer");
  assert.ok(!message.header.has("DKIM-Signature"));
  await plugin.run("queue_outbound", { session, event: { message } });
  assert.ok(message.header.has("DKIM-Signature"));
});

test("mail of our own making is signed when it enters the queue", async () => {
  const plugin = await start(SIGN);
  const message = mail(LETTER);
  const { transaction } = fakeSession({ from: "" });
  const envelope = { sender: transaction!.sender, notes: {} as Record<string, unknown> };
  await plugin.run("pre_send_trans_email", { event: { envelope, message } });
  assert.ok(message.header.has("DKIM-Signature"));
});

test("a key that cannot be read stops the start", async () => {
  const files = { ...OWN, "dkim/other.test/private": "nonsense", "dkim/other.test/selector": "s" };
  await assert.rejects(start(SIGN, files), /dkim\/other\.test\/private.*no PEM block/);
});

test("what comes in is verified: notes, results and Authentication-Results", async () => {
  const { message } = await sign(await start(SIGN));
  const text = (await new Response(message.open()).text()).replaceAll("\r\n", "\n");
  const cases: [letter: string, result: string, shown: string][] = [
    [text, "pass", "dkim=pass header.i=@example.com header.d=example.com header.s=nov2026"],
    [
      text.replace("hungry", "angry"),
      "fail",
      "dkim=fail (body hash did not verify) header.i=@example.com header.d=example.com header.s=nov2026",
    ],
    [
      text.replace("s=nov2026", "s=gone"),
      "invalid",
      "dkim=neutral (no key) header.i=@example.com header.d=example.com header.s=gone",
    ],
  ];
  for (const [letter, result, shown] of cases) {
    const plugin = await start("");
    const session = fakeSession({ from: "joe@example.com" });
    const { verdict, results } = await plugin.run("data_post", { session, event: { message: mail(letter) } });
    assert.equal(verdict, undefined);
    const { notes } = session.transaction!;
    assert.deepEqual(notes.get("authentication_results"), [shown]);
    const [noted] = notes.get("dkim_results") as { result: string; domain: string }[];
    assert.deepEqual([noted!.result, noted!.domain], [result, "example.com"]);
    assert.deepEqual([results!.pass, results!.fail], result === "pass" ? [["example.com"], []] : [[], ["example.com"]]);
    assert.deepEqual(results!.domain, ["example.com"]);
  }
});

test("mail without signatures is passed over, and so is all mail with enabled=false", async () => {
  const session = () => fakeSession({ from: "joe@example.com" });
  const on = await (await start("")).run("data_post", { session: session(), event: { message: mail(LETTER) } });
  assert.deepEqual(on.results!.skip, ["no/bad signature"]);
  const off = await (await start("[verify]\nenabled=false\n")).run("data_post", {
    session: session(),
    event: { message: mail(LETTER) },
  });
  assert.equal(off.results, undefined);
});

test("a resolver that never answers holds nothing up for longer than the timeout", async () => {
  const { message } = await sign(await start(SIGN));
  const plugin = await startPlugin(dkim, {
    files: { "dkim.ini": "[verify]\ntimeout=5\n" },
    zone: { "nov2026._domainkey.example.com": "silent" },
  });
  const asked = plugin.run("data_post", { from: "a@example.com", event: { message: await arrived(message) } });
  while (plugin.machine.resolver.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await plugin.machine.clock.advance(5_000);
  assert.deepEqual((await asked).results!.err, ["timeout"]);
});

test("a site that still has dkim_sign.ini, and no dkim.ini, goes on signing; dkim.ini takes its place", async () => {
  const files = { ...OWN, "dkim_sign.ini": "disabled=false\nheaders_to_sign=From, Subject\n" };
  const old = await startPlugin(dkim, { files });
  const { message } = await sign(old);
  assert.match(message.header.get("DKIM-Signature")!, /h=From:Subject;/);
  assert.ok(
    old.log.items.some(({ level, message }) => level === "NOTICE" && message.startsWith("dkim_sign.ini: read")),
  );
  const off = await startPlugin(dkim, { files: { ...files, "dkim_sign.ini": "disabled=true\n" } });
  assert.ok(!(await sign(off)).message.header.has("DKIM-Signature"));
  assert.ok(!(await sign(await start("[sign]\nenabled=false\n", files))).message.header.has("DKIM-Signature"));
});
