import assert from "node:assert/strict";
import { latin1Encode } from "../../src/base/bytes.ts";
import { ChunkedIntake } from "../../src/session/bdat.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const CASES: readonly (readonly [text: string, fault: string | undefined])[] = [
  ["", undefined],
  ["a\r\nb\r\n", undefined],
  ["\r\n\r\n", undefined],
  ["a", undefined],
  ["a\nb", "bare-lf"],
  ["\n", "bare-lf"],
  ["a\rb", "bare-cr"],
  ["a\r", "bare-cr"],
  ["a\r\r\n", "bare-cr"],
  ["a\r\n\n", "bare-lf"],
];

test("ChunkedIntake finds bare line ends however the octets come cut", async () => {
  for (const [text, fault] of CASES) {
    const body = latin1Encode(text);
    for (let cut = 0; cut <= body.length; cut++) {
      for (let second = cut; second <= body.length; second++) {
        const intake = new ChunkedIntake(1000, () => {
          throw new Error("Cannot spool: not in this test");
        });
        await intake.add(body.subarray(0, cut));
        await intake.add(body.subarray(cut, second));
        await intake.add(body.subarray(second));
        assert.equal(intake.lineEndFault()?.kind, fault, JSON.stringify([text, cut, second]));
      }
    }
  }
});

test("BDAT streams a large message to the file, chunk by chunk", async () => {
  const kit = sessionKit({ keep: true, settings: { spoolAfter: 1000 }, limits: { dataBytes: 0 } });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("RCPT TO:<c@d.test>");
  const chunk = `Subject: x\r\n\r\n${"0123456789\r\n".repeat(5000)}`;
  for (let i = 0; i < 4; i++) {
    const reply = await kit.client.say(`BDAT ${chunk.length}${i === 3 ? " LAST" : ""}\r\n${chunk.slice(0, -2)}`);
    assert.match(reply!, /^250 /);
  }
  assert.equal(kit.taken[0]!.text, chunk.repeat(4));
  assert.ok(kit.spools[0]!.writes.every((size) => size <= 65_536));
  await kit.client.say("QUIT");
  await kit.over;
});
