import assert from "node:assert/strict";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";
import { MOST_SIGNATURES, verifyDkim } from "../../src/mailauth/dkim_verify.ts";
import { latin1Encode } from "../../src/base/bytes.ts";
import { createMessage, type Message } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { test } from "../kit/test.ts";
import { zone, type ZoneText } from "../kit/zone.ts";
import { arrived, LETTER, mail, NOW } from "./kit.ts";

/** RFC 8463 appendix A. */
const RFC8463 = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`;
const KEYS: ZoneText = {
  "brisbane._domainkey.football.example.com": {
    TXT: ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
  },
  "test._domainkey.football.example.com": {
    TXT: [
      "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/" +
      "J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
    ],
  },
};
const results = async (message: Message, keys: ZoneText = KEYS) =>
  (await verifyDkim(message, { resolver: zone(keys), now: NOW })).map(({ result, reason }) => [result, reason]);

/** A key, its zone, and a signed letter with `tags` put into the signature (which breaks it, if anybody looks). */
async function signed(letter = LETTER, edit = (value: string) => value) {
  const { privatePem, record } = await newDkimKey("ed25519");
  const message = mail(letter);
  const key = await readDkimKey(privatePem);
  message.header.addLeading(
    "DKIM-Signature",
    edit(await signDkim(message, { key, domain: "football.example.com", selector: "s" })),
  );
  return { message: await arrived(message), keys: { "s._domainkey.football.example.com": { TXT: [record] } } };
}

test("the Ed25519 and RSA signatures of RFC 8463 pass", async () => {
  assert.deepEqual(await results(mail(RFC8463)), [["pass", ""], ["pass", ""]]);
});

test("a changed body or a changed signed field fails", async () => {
  const body = await results(mail(RFC8463.replace("hungry", "angry")));
  assert.deepEqual(body.map(([result]) => result), ["fail", "fail"]);
  const field = await results(mail(RFC8463.replace("dinner", "supper")));
  assert.deepEqual(field.map(([result]) => result), ["fail", "fail"]);
});

test("our own edits on top do not count: the octets that came in are verified", async () => {
  const message = mail(RFC8463);
  message.header.addLeading("Received", "from nowhere");
  message.header.remove("Subject");
  assert.deepEqual((await results(message)).map(([result]) => result), ["pass", "pass"]);
});

test("a message without signatures asks nobody", async () => {
  const resolver = zone();
  assert.deepEqual(await verifyDkim(mail(LETTER), { resolver, now: NOW }), []);
  assert.equal(resolver.calls.length, 0);
});

test("a resolver in trouble is temporary, a missing or revoked key is not", async () => {
  const name = "s._domainkey.football.example.com";
  const { message } = await signed();
  for (const trouble of ["servfail", "refused", "timeout", "network", "malformed"] as const) {
    assert.equal((await results(message, { [name]: trouble }))[0]![0], "temperror", trouble);
  }
  assert.deepEqual(await results(message, {}), [["neutral", "no key"]]);
  assert.equal((await results(message, { [name]: { TXT: ["v=DKIM1; p="] } }))[0]![0], "neutral");
});

test("a selector with several records has no key, whichever comes first", async () => {
  const { message, keys } = await signed();
  const [[name, { TXT: [record] }]] = Object.entries(keys) as [[string, { TXT: [string] }]];
  for (const TXT of [[record, "v=DKIM1; p="], ["v=DKIM1; p=", record], [record, record.replace("p=", "n=x;p=")]]) {
    assert.deepEqual((await results(message, { [name]: { TXT } })).map(([result]) => result), ["neutral"]);
  }
});

test("l= and signatures from the future are not accepted; an old one is, within the skew", async () => {
  const part = await signed(LETTER, (value) => value.replace("v=1;", "v=1; l=3;"));
  assert.equal((await results(part.message, part.keys))[0]![0], "policy");
  const at = (tag: string, ms: number) => (value: string) =>
    value.replace("v=1;", `v=1; ${tag}=${Math.floor(ms / 1000)};`);
  const future = await signed(LETTER, at("t", NOW + 60_000));
  assert.deepEqual(await results(future.message, future.keys), [["neutral", "signed in the future"]]);
  const [skewed] = await verifyDkim(future.message, { resolver: zone(future.keys), now: NOW, skewSeconds: 61 });
  assert.notEqual(skewed!.reason, "signed in the future");
});

test("From must be signed, i= must lie under d=, sha1 is not accepted", async () => {
  const cases: [edit: (value: string) => string, result: string][] = [
    [(value) => value.replace("h=From:", "h="), "neutral"],
    [(value) => value.replace("s=s;", "s=s; i=@other.example;"), "neutral"],
    [(value) => value.replace("v=1;", "v=2;"), "neutral"],
    [(value) => value.replace("a=ed25519-sha256", "a=ed25519-sha1"), "neutral"],
  ];
  for (const [edit, result] of cases) {
    const { message, keys } = await signed(LETTER, edit);
    assert.equal((await results(message, keys))[0]![0], result, edit.toString());
  }
});

test("a letter with an empty body, and one whose body is only line breaks, verify", async () => {
  const head = LETTER.slice(0, LETTER.indexOf("\n\n") + 1);
  for (const letter of [`${head}\n`, `${head}\n\n\n\n`]) {
    const { message, keys } = await signed(letter);
    assert.deepEqual(await results(message, keys), [["pass", ""]]);
  }
});

test("header octets that are no UTF-8 are signed and verified as they are", async () => {
  const { privatePem, record } = await newDkimKey("ed25519");
  const octets = latin1Encode(LETTER.replace("dinner", "d\xefnner").replaceAll("\n", "\r\n"));
  const message = createMessage(memorySource(octets));
  const key = await readDkimKey(privatePem);
  message.header.addLeading("DKIM-Signature", await signDkim(message, { key, domain: "a.example", selector: "s" }));
  const keys = { "s._domainkey.a.example": { TXT: [record] } };
  assert.deepEqual(await results(await arrived(message), keys), [["pass", ""]]);
});

test("more signatures than anybody needs are not looked at", async () => {
  const resolver = zone(KEYS);
  const line = "DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=b; h=From; bh=x; b=y\n";
  const found = await verifyDkim(mail(line.repeat(MOST_SIGNATURES + 1) + LETTER), { resolver, now: NOW });
  assert.deepEqual(found.map(({ result }) => result), ["policy"]);
  assert.equal(resolver.calls.length, 0);
});

test("an aborted check rejects", async () => {
  const late = new AbortController();
  const checking = verifyDkim(mail(RFC8463), {
    resolver: zone({ ...KEYS, "test._domainkey.football.example.com": "silent" }),
    now: NOW,
    signal: late.signal,
  });
  setTimeout(() => late.abort(new Error("late")), 20);
  await assert.rejects(checking, /late/);
});
