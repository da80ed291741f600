import assert from "node:assert/strict";
import { checkDmarc } from "../../src/mailauth/dmarc.ts";
import { test } from "../kit/test.ts";
import { zone, type ZoneText } from "../kit/zone.ts";
import { LETTER, mail } from "./kit.ts";

interface Case {
  readonly from?: string;
  readonly spf?: string;
  readonly dkim?: readonly string[];
  readonly zone?: ZoneText;
}
const REJECT: ZoneText = { "_dmarc.example.com": { TXT: ["v=DMARC1; p=reject; sp=quarantine"] } };
async function ask({ from = "joe@example.com", spf, dkim = [], zone: records = REJECT }: Case) {
  const message = mail(LETTER.replace("joe@football.example.com", from));
  return await checkDmarc({ message, spf, dkim, resolver: zone(records) });
}

test("relaxed alignment: SPF or DKIM for the domain or one of its relatives passes", async () => {
  for (
    const found of [{ spf: "example.com" }, { spf: "bounce.example.com" }, { dkim: ["other.test", "mail.example.com"] }]
  ) {
    assert.equal((await ask(found)).result, "pass", JSON.stringify(found));
  }
});

test("nothing aligned fails, and the owner's wish is told", async () => {
  const found = await ask({ spf: "other.test", dkim: ["other.test", "notexample.com"] });
  assert.deepEqual(found, {
    result: "fail",
    domain: "example.com",
    policy: "reject",
    record: "v=DMARC1; p=reject; sp=quarantine",
    aligned: {},
    reason: "",
  });
});

test("strict alignment wants the very domain", async () => {
  const records = { "_dmarc.example.com": { TXT: ["v=DMARC1; p=reject; adkim=s; aspf=s"] } };
  assert.equal((await ask({ spf: "bounce.example.com", dkim: ["mail.example.com"], zone: records })).result, "fail");
  const found = await ask({ dkim: ["example.com"], zone: records });
  assert.deepEqual([found.result, found.aligned], ["pass", { dkim: "example.com" }]);
});

test("a subdomain without a record of its own follows sp", async () => {
  const found = await ask({ from: "joe@mail.example.com" });
  assert.deepEqual([found.result, found.policy, found.domain], ["fail", "quarantine", "mail.example.com"]);
});

test("no record is none; a resolver in trouble is temporary", async () => {
  assert.equal((await ask({ zone: {} })).result, "none");
  const found = await ask({ zone: { "_dmarc.example.com": "servfail" } });
  assert.equal(found.result, "temperror");
  assert.match(found.reason, /servfail/);
});

test("From must name one domain", async () => {
  assert.equal((await ask({ from: "a@example.com>, <b@other.test" })).result, "permerror");
  assert.equal((await ask({ from: "nobody" })).result, "permerror");
  const two = mail(`From: b@example.com\n${LETTER}`);
  assert.equal((await checkDmarc({ message: two, dkim: [], resolver: zone(REJECT) })).result, "permerror");
});
