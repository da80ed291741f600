import assert from "node:assert/strict";
import plugin from "../../plugins/authentication-results.ts";
import { LETTER, mail } from "../mailauth/kit.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { hook } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

async function run(letter: string, ofSession: readonly string[], own: readonly string[]) {
  const session = fakeSession({ from: "joe@example.com" });
  session.notes.set("authentication_results", ofSession);
  session.transaction!.notes.set("authentication_results", own);
  const message = mail(letter);
  await hook(plugin, "data_post", { session, event: { message } });
  return { message, noted: session.transaction!.notes.get("authentication_results") };
}

test("nobody had anything to say: none", async () => {
  assert.deepEqual((await run(LETTER, [], [])).noted, ["none"]);
});

test("what was noted twice is said once", async () => {
  assert.deepEqual((await run(LETTER, ["auth=pass"], ["spf=pass", "spf=pass", "auth=pass"])).noted, ["spf=pass"]);
});

test("fields under our name that came from outside are taken away, others stay", async () => {
  const forged = ["mx.kasi.test; spf=pass", '(hi) "MX.Kasi.test" 1; spf=pass', "\n mx.kasi.test;dkim=pass"];
  const letter = [...forged, "other.test; spf=fail"].map((value) => `Authentication-Results: ${value}\n`).join("") +
    LETTER;
  const { message } = await run(letter, [], []);
  assert.deepEqual(message.header.getAll("Authentication-Results"), ["other.test; spf=fail"]);
});
