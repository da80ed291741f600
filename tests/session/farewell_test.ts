import assert from "node:assert/strict";
import { sessionKit } from "../kit/session_kit.ts";
import { settled } from "../kit/fake_clock.ts";
import { CAPACITY } from "../kit/memory_net.ts";
import { test } from "../kit/test.ts";

test("after QUIT nobody lingers; after hanging up the peer gets a moment to read", async () => {
  const polite = sessionKit();
  await polite.client.reply();
  await polite.client.say("QUIT");
  await polite.over;

  const rude = sessionKit({ limits: { errors: 1 } });
  await rude.client.reply();
  await rude.client.write("FOO\r\n");
  let over = false;
  void rude.over.then(() => over = true);
  assert.deepEqual((await rude.client.rest()).map((reply) => reply.slice(0, 3)), ["500", "421"]);
  await settled();
  assert.equal(over, false);
  await rude.clock.advance(2000);
  assert.equal(over, true);
});

test("a plugin that breaks at disconnect keeps nothing from ending", async () => {
  const kit = sessionKit({
    hooks: {
      disconnect: () => {
        throw new Error("oh");
      },
    },
  });
  await kit.client.reply();
  await kit.client.say("QUIT");
  await kit.over;
  assert.equal(kit.log.of("disconnect").length, 1);
  assert.equal(kit.clock.pending, 0);
});

test("the session's signal is aborted at its end", async () => {
  let signal: AbortSignal | undefined;
  const kit = sessionKit({ hooks: { connect: ({ session }) => void (signal = session.signal) } });
  await kit.client.reply();
  assert.equal(signal!.aborted, false);
  await kit.client.say("QUIT");
  await kit.over;
  assert.equal(signal!.aborted, true);
});

test("an idle peer whose window is full to the last octet is let go of: nobody waits for it to read our last word", async () => {
  const kit = sessionKit();
  // Replies of 8 and of 21 octets behind the greeting that fill all there is: the 421 finds no room.
  const left = CAPACITY - "220 mx.test ESMTP Kasi/1.2.3 ready\r\n".length;
  let helps = 0;
  while ((left - 21 * helps) % 8 !== 0) helps++;
  await kit.client.write("HELP\r\n".repeat(helps) + "NOOP\r\n".repeat((left - 21 * helps) / 8));
  let over = false;
  void kit.over.then(() => over = true);
  await kit.clock.advance(300_000);
  assert.equal(over, false);
  await kit.clock.advance(37_500 + 10_000);
  assert.equal(over, true);
  assert.equal(kit.clock.pending, 0);
});
