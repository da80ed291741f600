import assert from "node:assert/strict";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

/** What comes behind the 354, and how it ends. */
const CASES: readonly (readonly [wire: string, code: number, closes: boolean])[] = [
  ["x\r\n.\r\n", 250, false],
  [".\r\n", 250, false],
  [`${"x".repeat(98)}\r\n.\r\n`, 250, false],
  [`${"x".repeat(99)}\r\n.\r\n`, 550, false],
  ["a\nb\r\n.\r\n", 451, true],
  ["a\rb\r\n.\r\n", 451, true],
];

for (const [wire, code, closes] of CASES) {
  test(`DATA of ${JSON.stringify(wire.slice(0, 12))} (${wire.length} octets) comes to ${code}`, async () => {
    for (const chunk of [1, 7, 1000]) {
      const kit = sessionKit({ keep: true, limits: { dataBytes: 100 }, chunk });
      await kit.client.reply();
      await kit.client.say("EHLO me");
      await kit.client.say("MAIL FROM:<a@b.test>");
      await kit.client.say("RCPT TO:<c@d.test>");
      await kit.client.say("DATA");
      await kit.client.write(wire);
      assert.equal(Number((await kit.client.reply())!.slice(0, 3)), code);
      if (closes) assert.deepEqual(await kit.client.rest(), []);
      else assert.match((await kit.client.say("NOOP"))!, /^250/);
      assert.equal(kit.taken.length, code === 250 ? 1 : 0);
      await kit.client.end();
      await kit.clock.advance(3000);
      await kit.over;
      const [end] = kit.log.of("disconnect");
      assert.equal(end!.msgs, code === 250 ? "1/0/0" : code === 550 ? "0/0/1" : "0/1/0");
    }
  });
}
