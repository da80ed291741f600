/**
 * Smuggling: whatever mix of CR, LF and CRLF stands around a dot in a body, one mail never becomes two, and nothing in a body is ever taken
 * for a command. Every mix, in DATA and in BDAT, in one write and octet by octet, with bare LF refused and allowed.
 */
import assert from "node:assert/strict";
import { latin1Encode } from "../../src/base/bytes.ts";
import { CLEAN, ENDS } from "../kit/line_ends.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

/** What the attacker would have us take for commands. */
const SMUGGLED = "MAIL FROM:<evil@b.test>\r\nRCPT TO:<victim@d.test>\r\nDATA\r\nevil\r\n.\r\n";

interface Case {
  readonly before: string;
  readonly after: string;
}
const CASES: readonly Case[] = ENDS.flatMap((before) => ENDS.map((after) => ({ before, after })));
const shown = ({ before, after }: Case) => JSON.stringify(`${before}.${after}`);

async function play(wire: string, options: { readonly chunk?: number; readonly bareLf: "refuse" | "allow" }) {
  const senders: string[] = [];
  const kit = sessionKit({
    keep: true,
    settings: { bareLf: options.bareLf },
    hooks: { mail: ({ sender }) => void senders.push(sender.address) },
    ...(options.chunk === undefined ? {} : { chunk: options.chunk }),
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.write(latin1Encode(`MAIL FROM:<good@b.test>\r\nRCPT TO:<c@d.test>\r\n${wire}`));
  await kit.client.end();
  const replies = await kit.client.rest();
  await kit.clock.advance(3000);
  await kit.over;
  return { senders, taken: kit.taken, replies };
}

for (const bareLf of ["refuse", "allow"] as const) {
  for (const chunk of [undefined, 1]) {
    const how = `bare LF ${bareLf === "refuse" ? "refused" : "allowed"}, ${
      chunk === undefined ? "in one write" : "octet by octet"
    }`;

    test(`DATA: no mix of line ends around a dot smuggles anything (${how})`, async () => {
      for (const each of CASES) {
        if (`${each.before}.${each.after}` === CLEAN) continue;
        // The body's true end comes behind what is smuggled.
        const wire = `DATA\r\nSubject: x\r\n\r\nbody${each.before}.${each.after}${SMUGGLED}QUIT\r\n`;
        const { senders, taken } = await play(wire, { bareLf, ...(chunk === undefined ? {} : { chunk }) });
        // CRLF.CRLF at any place is an end by right; what follows is the client's own next command.
        const lawful = `body${each.before}.${each.after}`.includes(CLEAN);
        if (lawful) continue;
        assert.ok(!senders.includes("evil@b.test"), `${shown(each)}: a command was read from the body`);
        assert.ok(taken.length <= 1, `${shown(each)}: ${taken.length} mails`);
        for (const mail of taken) {
          assert.ok(mail.text.includes("MAIL FROM:<evil@b.test>"), `${shown(each)}: the mail was cut`);
          assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(mail.text), `${shown(each)}: a bare line end was passed on`);
        }
      }
    });

    test(`BDAT: the octets of a chunk are never commands, nor two mails (${how})`, async () => {
      for (const each of CASES) {
        const body = `Subject: x\r\n\r\nbody${each.before}.${each.after}${SMUGGLED}`;
        const cut = Math.floor(body.length / 3);
        const wires = [
          `BDAT ${body.length} LAST\r\n${body}QUIT\r\n`,
          `BDAT ${cut}\r\n${body.slice(0, cut)}BDAT ${body.length - cut} LAST\r\n${body.slice(cut)}QUIT\r\n`,
        ];
        for (const wire of wires) {
          const { senders, taken } = await play(wire, { bareLf, ...(chunk === undefined ? {} : { chunk }) });
          assert.deepEqual(senders, ["good@b.test"], shown(each));
          assert.ok(taken.length <= 1, `${shown(each)}: ${taken.length} mails`);
          const clean = !/\r(?!\n)|(?<!\r)\n/.test(body);
          assert.equal(taken.length, clean ? 1 : 0, shown(each));
          if (clean) assert.equal(taken[0]!.text, body);
        }
      }
    });
  }
}

test("BDAT: no octet of a body becomes a command, however odd the line before it", async () => {
  const body = `Subject: x\r\n\r\n${SMUGGLED}`;
  const size = body.length;
  const lines = [
    `BDAT ${size} LAST\n`,
    `BDAT ${size}\r LAST\r\n`,
    `BDAT\t${size}\tLAST\r\n`,
    `BDAT  ${size}\tLAST\r\n`,
    ` BDAT ${size} LAST\r\n`,
    `\tBDAT ${size} LAST\r\n`,
    `bdat ${size} LAST \0\r\n`,
    `Bdat ${size} \xff\r\n`,
    `BDAT${size} LAST\r\n`,
    `BDAT 0x${size.toString(16)} LAST\r\n`,
    `BDAT -1\r\n`,
    `BDAT 99999999999999999999 LAST\r\n`,
    `BDAT ${size} LAST LAST\r\n`,
    `BDAT ${size} FIRST\r\n`,
    `BDAT\r\n`,
  ];
  for (const line of lines) {
    for (const before of ["", "RSET\r\n"]) {
      const { senders, taken } = await play(`${before}${line}${body}QUIT\r\n`, { bareLf: "allow" });
      assert.deepEqual([senders, taken], [["good@b.test"], []], JSON.stringify(line));
    }
  }
});

test("DATA: the one true end is CRLF . CRLF", async () => {
  const { senders, taken } = await play(`DATA\r\nbody${CLEAN}${SMUGGLED}QUIT\r\n`, { bareLf: "refuse" });
  assert.deepEqual(senders, ["good@b.test", "evil@b.test"]);
  assert.deepEqual(taken.map((mail) => mail.text), ["body\r\n", "evil\r\n"]);
});
