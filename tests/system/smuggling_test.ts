/**
 * Smuggling over a socket: whatever mix of CR, LF and CRLF stands around a dot in a body, one mail never becomes two, and nothing in a body or
 * behind STARTTLS is ever taken for a command. Judged by what lies in the Maildirs afterwards and by the number of replies.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { latin1Encode } from "../../src/base/bytes.ts";
import { CLEAN, ENDS } from "../kit/line_ends.ts";
import { readMaildir, type RunningSite, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

/** What the attacker would have us take for commands: a mail to somebody else. */
const SMUGGLED = "MAIL FROM:<evil@b.test>\r\nRCPT TO:<victim@d.test>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n";

/** Everything around a dot, but for the one true end: behind that, the next command is the client's by right. */
const MIXES = ENDS.flatMap((before) => ENDS.map((after) => `${before}.${after}`)).filter((mix) => !mix.includes(CLEAN));
/** Where a cut between two octets might matter most. */
const SPLIT = ["\n.\r\n", "\r\n.\n", "\n.\n", "\r.\r", "\r\n.\r", "\n\r\n.\n", "\r.\r\n"];

const startServer = (bareLf: string) =>
  startKasi({
    files: {
      "config/plugins": "tls\nrcpt_to.in_host_list\nqueue/maildir\n",
      "config/host_list": "d.test\n",
      "config/log.ini": "[main]\nlevel=notice\n",
      "config/connection.ini": `[main]\nbare_lf=${bareLf}\n[uuid]\nbanner_chars=0\n`,
    },
  });

const inbox = ({ dir }: RunningSite, user: string) => readMaildir(join(dir, "mail/d.test", user, "new"));

/** All that the server says to one connection, the greeting and the reply to EHLO left out. */
async function talk(port: number, wire: string, piece: number | undefined): Promise<string[]> {
  await using client = await SmtpClient.connect(port);
  await client.hello();
  const octets = latin1Encode(wire);
  if (piece === undefined) await client.write(octets);
  else {
    for (let at = 0; at < octets.length; at += piece) {
      await client.write(octets.subarray(at, at + piece));
      await new Promise((resolve) => setTimeout(resolve, 0)); // let it leave alone
    }
  }
  client.end();
  return await client.rest();
}

interface Played {
  readonly mix: string;
  readonly user: string;
  readonly replies: readonly string[];
}

/** Plays one dialogue for each mix, 16 connections at a time; each has a recipient of its own. */
async function playAll(
  kasi: RunningSite,
  mixes: readonly string[],
  wireOf: (mix: string) => string,
  piece?: number,
): Promise<Played[]> {
  const played: Played[] = [];
  const waiting = [...mixes.entries()];
  await Promise.all(Array.from({ length: 16 }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [i, mix] = next;
      const user = `user${i}`;
      const wire = `MAIL FROM:<good@b.test>\r\nRCPT TO:<${user}@d.test>\r\n${wireOf(mix)}`;
      played.push({ mix, user, replies: await talk(kasi.port, wire, piece) });
    }
  }));
  return played;
}

const hasBareEnd = (text: string) => /\r(?!\n)|(?<!\r)\n/.test(text);

/** Exactly one reply to the content, at most one mail, none for the victim, and nothing cut off or bare in what was taken. */
function judge(kasi: RunningSite, played: readonly Played[], toContent: number): void {
  assert.ok(played.length > 0);
  for (const { mix, user, replies } of played) {
    const shown = `${JSON.stringify(mix)}: ${JSON.stringify(replies)}`;
    const last = replies.at(-1) ?? "";
    const answers = /^221 /.test(last) ? replies.slice(0, -1) : replies;
    assert.equal(answers.length, toContent, shown);
    const mails = inbox(kasi, user);
    const taken = answers.at(-1)!.startsWith("250 ");
    assert.equal(mails.length, taken ? 1 : 0, shown);
    for (const mail of mails) assert.ok(mail.includes("MAIL FROM:<evil@b.test>\n"), `${shown}: the mail was cut`);
  }
  assert.deepEqual(inbox(kasi, "victim"), []);
  assert.ok(!kasi.output().includes("evil@b.test"), "a command was read from a body");
}

for (const bareLf of ["refuse", "allow"]) {
  for (const piece of [undefined, 1]) {
    const mixes = piece === undefined ? MIXES : SPLIT;
    const how = `bare LF ${bareLf === "refuse" ? "refused" : "allowed"}, ${
      piece === undefined ? "in one write" : "octet by octet"
    }`;

    test(`DATA over a socket: ${mixes.length} mixes of line ends around a dot smuggle nothing (${how})`, async () => {
      await using kasi = await startServer(bareLf);
      const wire = (mix: string) => `DATA\r\nSubject: x\r\n\r\nbody${mix}${SMUGGLED}QUIT\r\n`;
      // MAIL, RCPT, 354, and one word about the content.
      judge(kasi, await playAll(kasi, mixes, wire, piece), 4);
    });

    test(`BDAT over a socket: ${mixes.length} mixes, whole and in two chunks, are octets and no commands (${how})`, async () => {
      await using kasi = await startServer(bareLf);
      const bodyOf = (mix: string) => `Subject: x\r\n\r\nbody${mix}${SMUGGLED}`;
      const whole = await playAll(
        kasi,
        mixes,
        (mix) => `BDAT ${bodyOf(mix).length} LAST\r\n${bodyOf(mix)}QUIT\r\n`,
        piece,
      );
      judge(kasi, whole, 3);
      for (const { mix, replies } of whole) {
        assert.equal(replies[2]!.startsWith("250 "), !hasBareEnd(bodyOf(mix)), `${JSON.stringify(mix)}: ${replies[2]}`);
      }
      const before = whole.map(({ user }) => inbox(kasi, user).length);
      const two = await playAll(kasi, mixes, (mix) => {
        const body = bodyOf(mix);
        const cut = body.indexOf(".") + 1; // right behind the dot
        return `BDAT ${cut}\r\n${body.slice(0, cut)}BDAT ${body.length - cut} LAST\r\n${body.slice(cut)}QUIT\r\n`;
      }, piece);
      const byUser = new Map(two.map((each) => [each.user, each]));
      whole.forEach(({ mix, user }, i) => {
        const { replies } = byUser.get(user)!;
        const more = inbox(kasi, user).length - before[i]!;
        assert.equal(more, hasBareEnd(bodyOf(mix)) ? 0 : 1, `${JSON.stringify(mix)}: ${JSON.stringify(replies)}`);
        assert.equal(replies.filter((reply) => !reply.startsWith("221 ")).length, 4, JSON.stringify(replies));
      });
      assert.deepEqual(inbox(kasi, "victim"), []);
      assert.ok(!kasi.output().includes("evil@b.test"), "a command was read from a chunk");
    });
  }
}

test("the one true end, CRLF . CRLF, does end a mail, and two of them make two mails", async () => {
  await using kasi = await startServer("refuse");
  const replies = await talk(
    kasi.port,
    `MAIL FROM:<good@b.test>\r\nRCPT TO:<one@d.test>\r\nDATA\r\nSubject: x\r\n\r\nbody${CLEAN}${SMUGGLED}QUIT\r\n`,
    undefined,
  );
  assert.deepEqual(replies.map((reply) => reply.slice(0, 3)), [
    "250",
    "250",
    "354",
    "250",
    "250",
    "250",
    "354",
    "250",
    "221",
  ]);
  assert.deepEqual([inbox(kasi, "one").length, inbox(kasi, "victim").length], [1, 1]);
});

const INJECTED = "EHLO evil.test\r\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<victim@d.test>\r\nDATA\r\nx\r\n.\r\n";

/** Whatever the server made of it: the injected commands were never run. */
async function neverRun(kasi: RunningSite): Promise<void> {
  await using later = await SmtpClient.connect(kasi.port);
  assert.match(await later.hello(), /^250-/, "the server lives");
  assert.deepEqual(inbox(kasi, "victim"), []);
  assert.ok(!/evil@b\.test|evil\.test/.test(kasi.output()), kasi.output());
}

test("STARTTLS: what stands behind it in the same packet is refused and never run", async () => {
  await using kasi = await startServer("refuse");
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  await client.write(`STARTTLS\r\n${INJECTED}`);
  assert.deepEqual((await client.rest()).map((reply) => reply.slice(0, 3)), ["501"]);
  await neverRun(kasi);
});

test("STARTTLS: plain text that follows at once, in packets of its own, is never run", async () => {
  await using kasi = await startServer("refuse");
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  void client.write("STARTTLS\r\n");
  for (const line of INJECTED.split("\r\n")) void client.write(`${line}\r\n`);
  const replies = await client.rest();
  assert.ok(replies.length <= 1 || !replies.slice(1).some((reply) => /^[23]\d\d[ -]/.test(reply)), replies.join("\n"));
  await neverRun(kasi);
});

test("STARTTLS: plain text behind the 220, before the handshake, is never run", async () => {
  await using kasi = await startServer("refuse");
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  assert.match(await client.say("STARTTLS"), /^220 /);
  await client.write(INJECTED);
  await assert.rejects(client.upgrade());
  await neverRun(kasi);
});
