import assert from "node:assert/strict";
import { sealArc, verifyArc } from "../../src/mailauth/arc.ts";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import type { Message } from "../../src/mail/message.ts";
import { test } from "../kit/test.ts";
import { zone, type ZoneResolver } from "../kit/zone.ts";
import { arrived, LETTER, mail, NOW } from "./kit.ts";

const made = { rsa: await newDkimKey("rsa"), ed25519: await newDkimKey("ed25519") };
const keys = { rsa: await readDkimKey(made.rsa.privatePem), ed25519: await readDkimKey(made.ed25519.privatePem) };
const records = () =>
  zone({
    "rsa._domainkey.first.test": { TXT: [made.rsa.record] },
    "ed25519._domainkey.second.test": { TXT: [made.ed25519.record] },
  });
const RESULTS = "mx.first.test; spf=pass smtp.mailfrom=example.com;\r\n\tdmarc=pass header.from=example.com";

/** What a hop does: verify, seal, pass on. */
async function hop(message: Message, kind: "rsa" | "ed25519", resolver: ZoneResolver = records()): Promise<Message> {
  const { result: chain } = await verifyArc(message, { resolver, now: NOW });
  const domain = kind === "rsa" ? "first.test" : "second.test";
  const set = await sealArc(message, { key: keys[kind], domain, selector: kind, results: RESULTS, chain, now: NOW });
  for (const [name, value] of set?.fields ?? []) message.header.addLeading(name, value);
  return await arrived(message);
}

test("a message that nobody sealed has no chain, and asks nobody", async () => {
  const resolver = records();
  assert.equal((await verifyArc(mail(LETTER), { resolver, now: NOW })).result, "none");
  assert.equal(resolver.calls.length, 0);
});

test("a seal holds, and so does the one of the next hop with another kind of key", async () => {
  const first = await hop(mail(LETTER), "rsa");
  assert.deepEqual(await verifyArc(first, { resolver: records(), now: NOW }), {
    result: "pass",
    instance: 1,
    sealer: "first.test",
    dmarc: "pass",
    reason: "",
  });
  const second = await hop(first, "ed25519");
  const found = await verifyArc(second, { resolver: records(), now: NOW });
  assert.deepEqual([found.result, found.instance, found.sealer], ["pass", 2, "second.test"], found.reason);
});

test("a changed body, or changed results, break the chain; the next hop seals that, and nobody after it", async () => {
  const text = await new Response((await hop(mail(LETTER), "rsa")).open()).text();
  for (const [was, is] of [["hungry", "angry"], ["dmarc=pass", "dmarc=fail"]] as const) {
    const broken = mail(text.replaceAll("\r\n", "\n").replace(was, is));
    assert.equal((await verifyArc(broken, { resolver: records(), now: NOW })).result, "fail", is);
    const sealed = await hop(broken, "ed25519");
    assert.match(sealed.header.get("ARC-Seal")!, /i=2;.*cv=fail/);
    assert.equal((await verifyArc(sealed, { resolver: records(), now: NOW })).result, "fail");
    assert.equal((await hop(sealed, "rsa")).header.getAll("ARC-Seal").length, 2);
  }
});

test("a resolver in trouble is temporary, and the chain is left as it is", async () => {
  const first = await hop(mail(LETTER), "rsa");
  const resolver = zone({ "rsa._domainkey.first.test": "servfail" });
  const found = await verifyArc(first, { resolver, now: NOW });
  assert.equal(found.result, "temperror");
  assert.match(found.reason, /servfail/);
  assert.equal((await hop(first, "ed25519", resolver)).header.getAll("ARC-Seal").length, 1);
});
