import assert from "node:assert/strict";
import { authorsOf } from "../../src/mailauth/authors.ts";
import { test } from "../kit/test.ts";
import { mail } from "./kit.ts";

const CASES: readonly [header: string, addresses: readonly string[]][] = [
  ["From: joe@example.com", ["joe@example.com"]],
  ['From: "Joe, the Boss" <joe@example.com>,\n ann@example.org', ["joe@example.com", "ann@example.org"]],
  ["From: Friends: joe@example.com, ann@example.org;", ["joe@example.com", "ann@example.org"]],
  ["Subject: none", []],
  ["From: =?utf-8?B?R3LDvMOfZQ==?= <a@example.com>\n (a comment)", ["a@example.com"]],
  ["From: Grüße <jürgen@bücher.example>", ["jürgen@bücher.example"]],
];
for (const [header, addresses] of CASES) {
  test(`authors of ${JSON.stringify(header)}`, async () => {
    assert.deepEqual((await authorsOf(mail(`${header}\n\nHi\n`))).addresses, addresses);
  });
}

test("fields are counted, and Sender is read in the same way", async () => {
  const message = mail("From: a@example.com\nFrom: b@example.com\nSender: c@example.com\n\nHi\n");
  assert.deepEqual(await authorsOf(message), { addresses: ["a@example.com", "b@example.com"], fields: 2 });
  assert.deepEqual(await authorsOf(message, "Sender"), { addresses: ["c@example.com"], fields: 1 });
});

test("a message is read once for all who ask, and anew when its header was changed", async () => {
  const message = mail("From: a@example.com\nSender: c@example.com\n\nHi\n");
  const first = await authorsOf(message);
  assert.equal(await authorsOf(message), first);
  assert.deepEqual((await authorsOf(message, "Sender")).addresses, ["c@example.com"]);
  message.header.remove("From");
  assert.equal((await authorsOf(message)).fields, 0);
  message.header.add("From", "b@example.com");
  assert.deepEqual((await authorsOf(message)).addresses, ["b@example.com"]);
  assert.deepEqual(first.addresses, ["a@example.com"]);
});
