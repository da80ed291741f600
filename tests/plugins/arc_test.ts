import assert from "node:assert/strict";
import arc from "../../plugins/arc.ts";
import { newDkimKey } from "../../src/mailauth/dkim_key.ts";
import { arrived, LETTER, mail } from "../mailauth/kit.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";
import type { ZoneText } from "../kit/zone.ts";

const made = await newDkimKey("ed25519");
const FILES = {
  "arc.ini": "[seal]\nenabled=true\ndomain=kasi.test\n",
  "dkim/kasi.test/private": made.privatePem,
  "dkim/kasi.test/selector": "arc",
};
const ZONE: ZoneText = { "arc._domainkey.kasi.test": { TXT: [made.record] } };

async function pass(message = mail(LETTER), zone = ZONE, relaying = false) {
  const plugin = await startPlugin(arc, { files: FILES, zone });
  const session = fakeSession({ from: "joe@example.com", relaying });
  await plugin.run("data_post", { session, event: { message } });
  const { notes } = session.transaction!;
  notes.set("authentication_results", [
    ...(notes.get("authentication_results") as string[] ?? []),
    "dmarc=pass header.from=example.com",
  ]);
  const { results } = await plugin.run("queue", { session, event: { message } });
  return { message: await arrived(message), results, notes };
}

test("what is passed on is sealed with what was found, and the next hop sees that it holds", async () => {
  const first = await pass();
  assert.deepEqual(first.results!.skip, ["no seal"]);
  assert.deepEqual(first.results!.msg, ["sealed i=1"]);
  assert.match(
    first.message.header.get("ARC-Authentication-Results")!,
    /^i=1; mx\.kasi\.test;\s+dmarc=pass header\.from=example\.com$/,
  );

  const second = await pass(first.message);
  assert.deepEqual(second.results!.pass, ["kasi.test"]);
  assert.deepEqual(second.notes.get("arc"), { result: "pass", chain: "pass", sealer: "kasi.test", dmarc: "pass" });
  assert.equal((second.notes.get("authentication_results") as string[])[0], "arc=pass (i=1 kasi.test)");
  assert.equal(second.message.header.getAll("ARC-Seal").length, 2);
});

test("a broken chain is noted; one that nobody could check is neither noted nor sealed", async () => {
  const { message } = await pass();
  const text = (await new Response(message.open()).text()).replaceAll("\r\n", "\n");
  const broken = await pass(mail(text.replace("hungry", "angry")));
  assert.equal(broken.results!.fail.length, 1);
  assert.match((broken.notes.get("authentication_results") as string[])[0]!, /^arc=fail/);
  const unknown = await pass(message, { "arc._domainkey.kasi.test": "servfail" });
  assert.deepEqual(unknown.results!.skip, ["seal(chain)"]);
  assert.deepEqual(unknown.notes.get("authentication_results"), ["dmarc=pass header.from=example.com"]);
});

test("mail of clients that may relay is not sealed", async () => {
  assert.deepEqual((await pass(mail(LETTER), ZONE, true)).results!.skip, ["no seal", "seal(relay)"]);
});

test("sealing without a key stops the start", async () => {
  const files = { "arc.ini": FILES["arc.ini"] };
  await assert.rejects(startPlugin(arc, { files }), /arc\.ini: \[seal\] domain: .*key in dkim\/DOMAIN/);
});
