import assert from "node:assert/strict";
import dmarc from "../../plugins/dmarc.ts";
import { LETTER, mail } from "../mailauth/kit.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";
import type { ZoneText } from "../kit/zone.ts";

interface Found {
  readonly spf?: string;
  readonly dkim?: string;
  readonly arc?: string;
  readonly helo?: string;
  readonly relaying?: boolean;
}
const ZONE: ZoneText = { "_dmarc.example.com": { TXT: ["v=DMARC1; p=reject"] } };
const REJECT = "[reject]\nenabled=true\n";

async function check(ini: string, found: Found, zone: ZoneText = ZONE) {
  const plugin = await startPlugin(dmarc, { files: { "dmarc.ini": ini }, zone });
  const session = fakeSession({
    from: found.helo === undefined ? "joe@x.test" : "",
    relaying: found.relaying ?? false,
  });
  const { notes, results } = session.transaction!;
  if (found.spf !== undefined) {
    notes.set("spf_mail_result", "Pass");
    results.add("spf", { domain: found.spf });
  }
  if (found.helo !== undefined) {
    session.notes.set("spf_helo", "Pass");
    session.hello = { verb: "EHLO", host: found.helo };
  }
  if (found.dkim !== undefined) notes.set("dkim_results", [{ result: "pass", domain: found.dkim }]);
  if (found.arc !== undefined) notes.set("arc", { result: "pass", sealer: found.arc, dmarc: "pass" });
  const run = await plugin.run("data_post", { session, event: { message: mail(LETTER) } });
  return { ...run, shown: notes.get("authentication_results") };
}

test("SPF, DKIM, or the greeting of a null sender may speak for From", async () => {
  for (const found of [{ spf: "mail.example.com" }, { dkim: "example.com" }, { helo: "football.example.com" }]) {
    const { verdict, results, shown } = await check(REJECT, found);
    assert.equal(verdict, undefined);
    assert.deepEqual(results!.pass, ["football.example.com"], JSON.stringify(found));
    assert.deepEqual(shown, ["dmarc=pass (p=reject) header.from=football.example.com"]);
  }
});

test("mail that nobody speaks for is refused only when both its owner and dmarc.ini say so", async () => {
  const { verdict, results, shown } = await check(REJECT, { spf: "other.test" });
  assert.equal(verdict?.kind, "deny");
  assert.deepEqual((verdict as { reply: object }).reply, {
    code: 550,
    enhanced: "5.7.26",
    text: "DMARC policy of football.example.com refuses this mail",
  });
  assert.deepEqual(results!.fail, ["football.example.com (reject)"]);
  assert.deepEqual(shown, ["dmarc=fail (p=reject) header.from=football.example.com"]);
  assert.equal((await check("", {})).verdict, undefined);
  const soft = await check(REJECT, {}, { "_dmarc.example.com": { TXT: ["v=DMARC1; p=quarantine"] } });
  assert.deepEqual([soft.verdict, soft.results!.policy], [undefined, "quarantine"]);
});

test("a policy that cannot be looked up is put off when dmarc.ini says so, and never refused", async () => {
  const zone = { "_dmarc.football.example.com": "servfail" } as const;
  const open = await check(REJECT, {}, zone);
  assert.deepEqual([open.verdict, open.results!.result], [undefined, "temperror"]);
  assert.equal((await check(`${REJECT}[defer]\ntemperror=true\n`, {}, zone)).verdict?.kind, "defer");
});

test("a trusted forwarder's seal lets failing mail pass, another's does not", async () => {
  const ini = `${REJECT}[arc]\ntrusted=lists.test\n`;
  const trusted = await check(ini, { arc: "lists.test" });
  assert.deepEqual([trusted.verdict, trusted.results!.msg.length], [undefined, 1]);
  assert.equal((await check(ini, { arc: "stranger.test" })).verdict?.kind, "deny");
});

test("no policy, and clients that may relay, are passed over", async () => {
  assert.deepEqual((await check(REJECT, {}, {})).results!.skip, ["no policy"]);
  assert.deepEqual((await check(REJECT, { relaying: true })).results!.skip, ["relay"]);
});
