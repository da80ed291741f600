import assert from "node:assert/strict";
import { newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";
import { verifyDkim } from "../../src/mailauth/dkim_verify.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";
import { arrived, LETTER, mail, NOW } from "./kit.ts";

for (const kind of ["rsa", "ed25519"] as const) {
  for (const body of ["simple", "relaxed"] as const) {
    test(`a ${kind} signature over a ${body} body verifies`, async () => {
      const { privatePem, record } = await newDkimKey(kind);
      const key = await readDkimKey(privatePem);
      const message = mail(LETTER);
      const value = await signDkim(message, { key, domain: "example.com", selector: "nov2026", body });
      assert.match(
        value,
        new RegExp(`^v=1; a=${kind}-sha256; c=relaxed/${body}; d=example\\.com; s=nov2026;\r\n\th=From:`),
      );
      assert.ok(value.split("\r\n").every((line) => line.length <= 78));
      message.header.addLeading("DKIM-Signature", value);
      const resolver = zone({ "nov2026._domainkey.example.com": { TXT: [record] } });
      assert.deepEqual(await verifyDkim(await arrived(message), { resolver, now: NOW }), [{
        result: "pass",
        domain: "example.com",
        identity: "@example.com",
        selector: "nov2026",
        algorithm: `${kind}-sha256`,
        reason: "",
      }]);
    });
  }
}

test("every field that is listed is signed as often as it stands there, From first", async () => {
  const key = await readDkimKey((await newDkimKey("ed25519")).privatePem);
  const message = mail(`To: a@example.com\n${LETTER}`);
  const value = await signDkim(message, { key, domain: "example.com", selector: "s", headers: ["to", "Subject"] });
  assert.match(value, /h=From:To:To:Subject;/);
});

test("edits made before the signature are signed", async () => {
  const { privatePem, record } = await newDkimKey("ed25519");
  const message = mail(LETTER);
  message.header.remove("Subject");
  message.header.add("Subject", "changed");
  const key = await readDkimKey(privatePem);
  message.header.addLeading("DKIM-Signature", await signDkim(message, { key, domain: "example.com", selector: "s" }));
  const resolver = zone({ "s._domainkey.example.com": { TXT: [record] } });
  const [found] = await verifyDkim(await arrived(message), { resolver, now: NOW });
  assert.equal(found!.result, "pass");
});

test("a message without From, and names that would break out of the signature, are not signed", async () => {
  const key = await readDkimKey((await newDkimKey("ed25519")).privatePem);
  const options = { key, domain: "example.com", selector: "s" };
  await assert.rejects(signDkim(mail("Subject: x\n\nHi\n"), options), /no From/);
  await assert.rejects(signDkim(mail(LETTER), { ...options, domain: "a.example; x=1" }), /wanted a DNS name/);
  await assert.rejects(signDkim(mail(LETTER), { ...options, selector: "s\r\nTo: x" }), /wanted a DNS name/);
});
