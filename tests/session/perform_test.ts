import assert from "node:assert/strict";
import { COMMANDS } from "../../src/session/commands.ts";
import { endsGroup } from "../../src/session/perform.ts";
import type { Verb } from "../../src/wire/command.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

/** How to get into a phase, and how each command is answered there. */
const PHASES = {
  greeted: [],
  ready: ["EHLO me"],
  mail: ["EHLO me", "MAIL FROM:<a@b.test>"],
  rcpt: ["EHLO me", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>"],
  bdat: ["EHLO me", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "BDAT 2\r\nx\r"],
} as const;
type Name = keyof typeof PHASES;

const LINES: { readonly [line: string]: { readonly [P in Name]: number } } = {
  "HELO me": { greeted: 250, ready: 250, mail: 250, rcpt: 250, bdat: 503 },
  "EHLO me": { greeted: 250, ready: 250, mail: 250, rcpt: 250, bdat: 503 },
  "LHLO me": { greeted: 500, ready: 500, mail: 500, rcpt: 500, bdat: 503 },
  "MAIL FROM:<a@b.test>": { greeted: 503, ready: 250, mail: 250, rcpt: 250, bdat: 503 },
  "MAIL nonsense": { greeted: 503, ready: 501, mail: 501, rcpt: 501, bdat: 503 },
  "RCPT TO:<e@d.test>": { greeted: 503, ready: 503, mail: 250, rcpt: 250, bdat: 503 },
  "RCPT nonsense": { greeted: 503, ready: 503, mail: 501, rcpt: 501, bdat: 503 },
  DATA: { greeted: 503, ready: 503, mail: 503, rcpt: 354, bdat: 503 },
  "BDAT 0": { greeted: 503, ready: 503, mail: 503, rcpt: 250, bdat: 250 },
  RSET: { greeted: 250, ready: 250, mail: 250, rcpt: 250, bdat: 250 },
  NOOP: { greeted: 250, ready: 250, mail: 250, rcpt: 250, bdat: 250 },
  QUIT: { greeted: 221, ready: 221, mail: 221, rcpt: 221, bdat: 221 },
  HELP: { greeted: 250, ready: 250, mail: 250, rcpt: 250, bdat: 503 },
  "VRFY x": { greeted: 252, ready: 252, mail: 252, rcpt: 252, bdat: 503 },
  "EXPN x": { greeted: 500, ready: 500, mail: 500, rcpt: 500, bdat: 503 },
  STARTTLS: { greeted: 500, ready: 500, mail: 500, rcpt: 500, bdat: 503 },
  "AUTH PLAIN": { greeted: 500, ready: 500, mail: 500, rcpt: 500, bdat: 503 },
  "XCLIENT NAME=x": { greeted: 500, ready: 500, mail: 500, rcpt: 500, bdat: 503 },
  WHATEVER: { greeted: 500, ready: 500, mail: 500, rcpt: 500, bdat: 503 },
  "": { greeted: 500, ready: 500, mail: 500, rcpt: 500, bdat: 503 },
};

for (const [line, codes] of Object.entries(LINES)) {
  test(`${JSON.stringify(line)} is answered as its row says, in every phase`, async () => {
    for (const [phase, code] of Object.entries(codes)) {
      const kit = sessionKit({ keep: true });
      await kit.client.reply();
      for (const step of PHASES[phase as Name]) {
        await kit.client.write(step.startsWith("BDAT") ? step : `${step}\r\n`);
        await kit.client.reply();
      }
      const reply = (await kit.client.say(line))!;
      assert.equal(Number(reply.slice(0, 3)), code, `in ${phase}: ${reply}`);
      await kit.client.end();
      await kit.over;
    }
  });
}

test("every verb is tried above", () => {
  const tried = new Set(Object.keys(LINES).map((line) => line.split(" ")[0]));
  const missing = Object.keys(COMMANDS).filter((verb) => verb !== "UNKNOWN" && !tried.has(verb));
  assert.deepEqual(missing, []);
});

test("all but RSET, MAIL, RCPT and BDAT must end a group (RFC 2920 §3.1)", () => {
  const free = (Object.keys(COMMANDS) as Verb[]).filter((verb) => !endsGroup(verb));
  assert.deepEqual(free.sort(), ["BDAT", "HELP", "MAIL", "RCPT", "RSET"]);
});

test("[row 137] protocol errors are counted, refusals are not", async () => {
  const kit = sessionKit();
  await kit.client.reply();
  for (
    const line of [
      "MAIL FROM:<a@b.test>",
      "FOO",
      "EHLO",
      "EHLO me",
      "RCPT TO:<c@d.test>",
      "DATA x",
      "MAIL FROM:<a@b.test>",
      "RCPT TO:<c@d.test>",
      "MAIL FROM:<a@b.test> SIZE=999999999",
    ]
  ) {
    await kit.client.say(line);
  }
  await kit.client.say("QUIT");
  await kit.over;
  assert.equal(kit.log.of("disconnect")[0]!.errors, 5);
});
