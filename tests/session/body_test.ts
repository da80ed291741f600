/** What plugins want done with a message's body, over whole sessions. */
import assert from "node:assert/strict";
import type { HookTable } from "../../src/hooks/plugin.ts";
import type { Part } from "../../src/mail/parts.ts";
import { randomMail } from "../kit/random_mail.ts";
import { createRandom } from "../fuzz/random.ts";
import { latin1Decode } from "../../src/base/bytes.ts";
import { type KitOptions, type SessionKit, sessionKit, settled, textOf } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const ENVELOPE = "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n";
const wire = (text: string) => `${text.replace(/\r?\n/g, "\r\n").replace(/^\./gm, "..")}\r\n.\r\n`;

async function begin(options: KitOptions): Promise<SessionKit> {
  const kit = sessionKit({ keep: true, ...options });
  await kit.client.write(ENVELOPE);
  for (let i = 0; i < 4; i++) await kit.client.reply();
  return kit;
}

/** Sends one message; the reply to it, and what was taken. */
async function send(hooks: HookTable, text: string, options: KitOptions = {}) {
  const kit = await begin({ hooks, ...options });
  assert.match(await kit.client.say("DATA") ?? "", /^354/);
  await kit.client.write(wire(text));
  const reply = await kit.client.reply();
  await kit.client.say("QUIT");
  await kit.over;
  return { reply: reply!, text: kit.taken[0]?.text, kit };
}

const MIXED = `Subject: x
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9
--b
Content-Type: application/pdf; name=a.pdf
Content-Transfer-Encoding: base64

aGVsbG8=
--b--`;

test("[row 141] the tree is there at data_post, asked for at data or not before data_post, in memory and from a file", async () => {
  for (const spoolAfter of [1_000_000, 10]) {
    for (const early of [true, false]) {
      let tree: Part | undefined;
      let pdf = "";
      const { reply } = await send(
        {
          data: ({ transaction }) => void (early && transaction.body.parse()),
          async data_post({ transaction }) {
            tree = await transaction.body.tree();
            pdf = await new Response(tree.children[1]!.open()).text();
          },
        },
        MIXED,
        { settings: { spoolAfter } },
      );
      assert.match(reply, /^250/);
      assert.deepEqual(tree!.children.map((part) => [part.media.type, part.text(), part.filename]), [
        ["text/plain", "caf\u00e9", undefined],
        ["application/pdf", "", "a.pdf"],
      ]);
      assert.equal(pdf, "hello");
    }
  }
});

test("[row 142] attachments come while the message does, and the end of the message waits for who takes them", async () => {
  const taken: string[] = [];
  const { reply } = await send({
    data: ({ transaction }) =>
      transaction.body.onAttachment(async ({ filename, type, stream }) => {
        const text = await new Response(stream).text();
        await settled();
        taken.push(`${filename} ${type} ${text}`);
      }),
    data_post: () => void taken.push("data_post"),
  }, MIXED);
  assert.match(reply, /^250/);
  assert.deepEqual(taken, ["a.pdf application/pdf hello", "data_post"]);
});

test("[row 142] a slow reader holds up the client, by DATA and by BDAT", async () => {
  for (const verb of ["DATA", "BDAT"] as const) {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    const kit = await begin({
      hooks: {
        data: ({ transaction }) => transaction.body.onAttachment(({ stream }) => void (reader = stream.getReader())),
      },
      limits: { dataBytes: 0 },
      chunk: 16 * 1024,
    });
    const head = MIXED.replace(/base64[^]*/, "7bit\n\n").replace(/\r?\n/g, "\r\n");
    const body = `${"y".repeat(998)}\r\n`.repeat(400);
    const text = `${head}${body}--b--\r\n`;
    if (verb === "DATA") await kit.client.say("DATA");
    let written = false;
    const writing = kit.client.write(verb === "DATA" ? `${text}.\r\n` : `BDAT ${text.length} LAST\r\n${text}`)
      .then(() => written = true);
    for (let i = 0; i < 200; i++) await settled();
    assert.equal(written, false, `${verb}: the client is held up`);
    let octets = 0;
    for (let next = await reader!.read(); !next.done; next = await reader!.read()) octets += next.value.length;
    await writing;
    assert.match(await kit.client.reply() ?? "", /^250/);
    assert.equal(octets, body.length - 2);
    await kit.client.say("QUIT");
    await kit.over;
  }
});

test("who breaks on an attachment, or does not read it in time, has the mail put off; the log says why", async () => {
  const broken = await send({
    data: ({ transaction }) => transaction.body.onAttachment(() => Promise.reject(new Error("disk of the scanner"))),
  }, MIXED);
  assert.match(broken.reply, /^451 4\.3\.0 Local trouble/);
  assert.match(JSON.stringify(broken.kit.log.items), /disk of the scanner/);
  assert.equal(broken.kit.taken.length, 0);

  const kit = await begin({
    hooks: {
      data: ({ transaction }) =>
        transaction.body.onAttachment(async ({ stream }) => {
          stream.getReader();
          await new Promise(() => {});
        }),
    },
  });
  await kit.client.say("DATA");
  const sent = kit.client.write(wire(MIXED));
  await settled();
  await kit.clock.advance(30_000);
  await sent;
  assert.match(await kit.client.reply() ?? "", /^451 4\.3\.0 Local trouble/);
  await kit.client.say("QUIT");
  await kit.over;
});

test("a client that leaves in the midst of an attachment leaves nobody waiting", async () => {
  let seen: unknown;
  const kit = await begin({
    hooks: {
      data: ({ transaction }) =>
        transaction.body.onAttachment(async ({ stream }) => {
          seen = await new Response(stream).text().catch((error) => error);
        }),
    },
  });
  await kit.client.say("DATA");
  await kit.client.write(MIXED.replace(/aGVsbG8=[^]*/, "aGVs\n").replace(/\r?\n/g, "\r\n"));
  await settled();
  kit.client.drop();
  await kit.over;
  await settled();
  assert.match(String(seen), /did not come to its end/);
});

test("[row 143] [row 144] banner and filter are in what is queued; data_post sees the message as it came, from memory and from a file", async () => {
  for (const spoolAfter of [1_000_000, 10]) {
    let seen = "";
    const { reply, text } = await send(
      {
        data: ({ transaction }) =>
          transaction.body.addFilter(/^text\//, ({ text }) => text.replace("caf\u00e9", "th\u00e9")),
        async data_post({ transaction, message }) {
          seen = await textOf(message);
          transaction.body.setBanner("Bye");
          message.header.add("X-Scanned", "yes");
        },
      },
      MIXED,
      { settings: { spoolAfter } },
    );
    assert.match(reply, /^250/);
    assert.match(seen, /caf=E9\r\n--b/);
    const wanted = `${MIXED}\n`.replace(/\n/g, "\r\n")
      .replace("caf=E9", "th=E9\r\n\r\nBye\r\n").replace("\r\n\r\n--b", "\r\nX-Scanned: yes\r\n\r\n--b");
    assert.equal(text, wanted);
  }
});

test("a filter that throws has the mail put off, and nothing is queued", async () => {
  const { reply, kit } = await send({
    data: ({ transaction }) =>
      transaction.body.addFilter("text", () => {
        throw new Error("no such rule");
      }),
  }, MIXED);
  assert.match(reply, /^451 4\.3\.0 Local trouble/);
  assert.match(JSON.stringify(kit.log.items), /no such rule/);
  assert.equal(kit.taken.length, 0);
});

test("[row 145] discarded data: the header is kept, the body is parsed but not kept, and no file is made", async () => {
  let tree: Part | undefined;
  let held = 0;
  const big = MIXED.replace("caf=E9", `caf=E9\n${"z".repeat(70)}\n`.repeat(3000));
  for (const text of [MIXED, big]) {
    const { reply, text: left, kit } = await send(
      {
        data({ transaction }) {
          transaction.body.discardData = true;
          transaction.body.parse();
        },
        data_post: async ({ transaction, message }) => {
          tree = await transaction.body.tree();
          held = message.source.bytes!.buffer.byteLength;
        },
      },
      text,
      { settings: { spoolAfter: 10 }, limits: { dataBytes: 0 }, chunk: 16 * 1024 },
    );
    assert.match(reply, /^250/);
    assert.equal(left, "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    assert.equal(kit.spools.length, 0);
    assert.ok(held < 96 * 1024, `${held} octets of ${text.length} were held`);
    assert.match(tree!.children[0]!.text(), /^caf\u00e9/);
    assert.throws(() => tree!.children[1]!.open(), /was not kept/);
  }
});

test("the outbound queue does not take a message that was discarded: it would deliver nothing", async () => {
  const { reply, kit } = await send({
    connect: ({ session }) => void (session.relaying = true),
    data: ({ transaction }) => void (transaction.body.discardData = true),
  }, MIXED);
  assert.match(reply, /^451/);
  assert.equal(kit.taken.length, 0);
});

test("[row 119] a line of 2000 characters is noted and kept; with long_lines=break it is split as Haraka splits it", async () => {
  const long = "y".repeat(2000);
  for (const longLines of ["keep", "break"] as const) {
    let noted: unknown;
    const { text } = await send(
      {
        data_post: ({ transaction }) => void (noted = transaction.notes.get("data_line_length_exceeded")),
      },
      `Subject: x\n\n${long}\nshort`,
      { settings: { longLines } },
    );
    assert.equal(noted, true);
    const kept = longLines === "keep" ? long : `${"y".repeat(990)}\r\n ${"y".repeat(989)}\r\n ${"y".repeat(21)}`;
    assert.equal(text, `Subject: x\r\n\r\n${kept}\r\nshort\r\n`);
  }
  let noted: unknown = "unasked";
  await send(
    { data_post: ({ transaction }) => void (noted = transaction.notes.get("data_line_length_exceeded")) },
    `Subject: x\n\n${"y".repeat(990)}`,
  );
  assert.equal(noted, undefined);
});

test("[row 148] a message beyond spool_after is a file while it is here, and the file goes with a refusal and with a client that leaves", async () => {
  const text = `Subject: x\n\n${"line\n".repeat(100)}`;
  const small = await send({}, text, { settings: { spoolAfter: 10_000 } });
  assert.equal(small.kit.spools.length, 0);
  const large = await send({}, text, { settings: { spoolAfter: 100 } });
  assert.deepEqual(large.kit.spools.map(({ finished, discarded }) => [finished, discarded]), [[true, true]]);
  assert.equal(large.text, small.text);
  const never = await send({}, text, { settings: { spoolAfter: Infinity } });
  assert.equal(never.kit.spools.length, 0);
  const always = await send({}, "Subject: x", { settings: { spoolAfter: 0 } });
  assert.equal(always.kit.spools.length, 1);

  const left = await begin({ settings: { spoolAfter: 100 } });
  await left.client.say("DATA");
  await left.client.write(text.replaceAll("\n", "\r\n"));
  await settled();
  assert.equal(left.spools.length, 1);
  left.client.drop();
  await left.over;
  assert.equal(left.spools[0]!.discarded, true);
});

test("[row 150] 150 nested multiparts and ten thousand parts are taken, shown and edited", async () => {
  let deep = "text";
  for (let i = 0; i < 150; i++) deep = `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n${deep}\n--b${i}--\n`;
  const many = `Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(10_000)}--b--`;
  for (const [text, parts] of [[`Subject: x\n${deep}`, 101], [many, 10_000]] as const) {
    let count = 0;
    const { reply } = await send(
      {
        data({ transaction }) {
          transaction.body.parse();
          transaction.body.onAttachment(() => {});
          transaction.body.addFilter("text", ({ text }) => `${text}!`);
          transaction.body.setBanner("Bye");
        },
        async data_post({ transaction }) {
          const count_ = (part: Part): number => 1 + part.children.reduce((sum, child) => sum + count_(child), 0);
          count = count_(await transaction.body.tree());
        },
      },
      text,
      { limits: { mimeParts: 0, dataBytes: 0 } },
    );
    assert.match(reply, /^250/);
    assert.equal(count, parts);
  }
});

test("octets that nobody edited leave as they came in, whoever looks at them on the way", async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const text = latin1Decode(randomMail(createRandom(seed)).bytes);
    const kit = await begin({
      hooks: {
        data({ transaction }) {
          transaction.body.parse();
          transaction.body.onAttachment(async ({ stream }) => void await new Response(stream).bytes());
          transaction.body.addFilter("text", ({ text }) => text);
        },
      },
      limits: { dataBytes: 0 },
      settings: { spoolAfter: seed % 2 === 0 ? 64 : 1_000_000 },
      chunk: 37,
    });
    await kit.client.say("DATA");
    const octets = Uint8Array.from(text.replace(/^\./gm, ".."), (char) => char.charCodeAt(0));
    await kit.client.write(octets);
    await kit.client.write(".\r\n");
    assert.match(await kit.client.reply() ?? "", /^250/);
    assert.equal(kit.taken[0]!.text, text, `seed ${seed}`);
    await kit.client.say("QUIT");
    await kit.over;
  }
});
