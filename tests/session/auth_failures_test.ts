import assert from "node:assert/strict";
import { AuthFailures, FAILURES_KEPT_MS } from "../../src/session/auth_failures.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

test("failures of an address add up, and are forgotten a while after the last", async () => {
  const clock = new FakeClock();
  const failures = new AuthFailures(clock);
  assert.deepEqual([failures.add("a"), failures.add("b"), failures.add("a")], [1, 1, 2]);
  await clock.advance(FAILURES_KEPT_MS - 1);
  assert.equal(failures.add("a"), 3);
  await clock.advance(FAILURES_KEPT_MS);
  assert.equal(failures.add("a"), 1);
});

test("ten thousand addresses are kept, the longest quiet forgotten first", () => {
  const failures = new AuthFailures(new FakeClock());
  for (let n = 0; n <= 10_000; n++) failures.add(String(n));
  assert.equal(failures.add("1"), 2);
  assert.equal(failures.add("0"), 1);
});

test("a guess in a new connection waits for those before it too", async () => {
  const authFailures = new AuthFailures(new FakeClock());
  for (const wait of [1000, 2000, 4000]) {
    const kit = sessionKit({
      hooks: { capabilities: ({ capabilities }) => void capabilities.auth.add("PLAIN"), auth: () => undefined },
      authFailures,
    });
    await kit.client.reply();
    await kit.client.say("EHLO me");
    const before = kit.clock.now();
    let came = false;
    const reply = kit.client.say(`AUTH PLAIN ${btoa("\0tim\0x")}`).then((text) => (came = true, text));
    await kit.clock.advance(wait - 1);
    assert.equal(came, false, String(wait));
    await kit.clock.advance(1);
    assert.match((await reply)!, /^535/);
    assert.equal(kit.clock.now() - before, wait);
    await kit.client.end();
    await kit.client.rest();
    await kit.over;
  }
});
