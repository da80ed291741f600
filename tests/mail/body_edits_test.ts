import assert from "node:assert/strict";
import { type Bytes, equalBytes, latin1Decode, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { DeadlineError } from "../../src/base/deadline.ts";
import { makeBanner } from "../../src/mail/banner.ts";
import { type BodyEdits, editBody } from "../../src/mail/body_edits.ts";
import { createMessage, loadMessage, type Message } from "../../src/mail/message.ts";
import { everyPart, partsOf } from "../../src/mail/parts.ts";
import { memorySource } from "../../src/mail/source.ts";
import { createRandom } from "../fuzz/random.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { randomMail } from "../kit/random_mail.ts";
import { textOf } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const clock = new FakeClock();
const mail = (octets: string | Bytes) =>
  createMessage(memorySource(typeof octets === "string" ? utf8Encode(octets.replace(/\r?\n/g, "\r\n")) : octets));
/** As if it came from a disk: seven octets at a time. */
const spooled = async (bytes: Bytes) =>
  await loadMessage({
    size: bytes.length,
    open: (from = 0) =>
      ReadableStream.from(
        Array.from({ length: Math.ceil((bytes.length - from) / 7) }, (_, i) =>
          bytes.slice(from + 7 * i, from + 7 * i + 7)),
      ) as ReadableStream<Bytes>,
  });
const edit = (message: Message, edits: Partial<BodyEdits>) =>
  editBody(message, { filters: [], ...edits }, { clock, timeoutMs: 30_000 });
const banner = (text = "BANNER", html = "BANNER") => ({ banner: makeBanner(text, html) });

const ALTERNATIVE = `Subject: x
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: multipart/related; boundary=r

--r
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9
--a
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

${btoa("<html><body>hi</body></html>")}
--a--
--r
Content-Type: image/png
Content-ID: <x>

PNG
--r--
--o
Content-Type: text/plain
Content-Disposition: attachment; filename=a.txt

attached
--o
Content-Type: message/rfc822

Content-Type: text/plain

forwarded
--o
Content-Type: text/plain

a list's footer
--o--
`;

test("[row 143] a banner stands in both forms of an alternative, deep in nested multiparts; attachments and attached messages are left alone", async () => {
  for (const message of [mail(ALTERNATIVE), await spooled(mail(ALTERNATIVE).bytes()!)]) {
    assert.equal(await edit(message, banner()), true);
    const text = await textOf(message);
    assert.equal(message.size, text.length);
    const out = [...everyPart(await partsOf(mail(latin1Encode(text))))];
    assert.deepEqual(out.map((part) => [part.media.type, part.text()]).filter(([, text]) => text !== ""), [
      ["text/plain", "caf\u00e9\r\n\r\nBANNER\r\n"],
      ["text/html", "<html><body>hi<P>BANNER</P>\r\n</body></html>"],
      ["text/plain", "attached"],
      ["message/rfc822", "Content-Type: text/plain\r\n\r\nforwarded"],
      ["text/plain", "forwarded"],
      ["text/plain", "a list's footer"],
    ]);
    assert.deepEqual(out.slice(3, 5).map(({ encoding, charset }) => [encoding, charset]), [
      ["quoted-printable", "iso-8859-1"],
      ["base64", "utf-8"],
    ]);
  }
});

test("[row 143] a message without MIME gets its banner; what its charset cannot say makes it UTF-8, and HTML names it", async () => {
  const plain = mail("Subject: x\n\nhi\n");
  await edit(plain, banner("10 \u20ac"));
  assert.equal(
    await textOf(plain),
    "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" +
      "Content-Transfer-Encoding: quoted-printable\r\n\r\nhi\r\n\r\n10 =E2=82=AC\r\n",
  );
  const latin = mail(latin1Encode(
    'MIME-Version: 1.0\r\nContent-Type: text/plain; format=flowed; charset="iso-8859-1"\r\nContent-Transfer-Encoding: 8bit\r\n\r\ncaf\xe9\r\n',
  ));
  await edit(latin, banner("10 \u20ac"));
  // windows-1252, which everybody takes for Latin-1, has the sign.
  assert.match(await textOf(latin), /caf\xe9\r\n\r\n10 \x80\r\n$/);
  const html = mail("Content-Type: text/html; charset=us-ascii\n\n<body>x</body>\n");
  await edit(html, banner("", "10 \u20ac"));
  assert.equal(
    await textOf(html),
    "Content-Type: text/html; charset=us-ascii\r\n\r\n<body>x<P>10 &#8364;</P>\r\n</body>\r\n",
  );
});

test("[row 143] what is signed or encrypted is left alone, octet for octet", async () => {
  for (const type of ["signed", "encrypted"]) {
    const sealed = mail(
      `Content-Type: multipart/${type}; boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n--b\nContent-Type: application/x\n\ns\n--b--\n`,
    );
    const before = await textOf(sealed);
    assert.equal(await edit(sealed, { ...banner(), filters: [{ match: "", edit: () => "changed" }] }), false);
    assert.equal(await textOf(sealed), before);
  }
  const clear = mail("Subject: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\n\nhi\n");
  assert.equal(await edit(clear, banner()), false);
});

test("[row 144] filters by type or RegExp see decoded text and octets; each part keeps its encoding and its charset", async () => {
  const seen: string[] = [];
  const message = mail(ALTERNATIVE);
  await edit(message, {
    filters: [
      {
        match: "text/plain",
        edit: ({ type, charset, text, octets }) => {
          seen.push(`${type} ${charset} ${text} ${octets.length}`);
          return text.replace("caf\u00e9", "th\u00e9 = tea");
        },
      },
      { match: /HTML$/i, edit: async ({ text }) => await Promise.resolve(text.replace("hi", "hi\u2026")) },
      { match: "text/", edit: () => undefined },
    ],
  });
  assert.deepEqual(seen, ["text/plain iso-8859-1 caf\u00e9 4", "text/plain  a list's footer 15"]);
  const text = await textOf(message);
  assert.match(text, /quoted-printable\r\n\r\nth=E9 =3D tea\r\n--a\r\n/);
  const [, , , , html] = everyPart(await partsOf(mail(latin1Encode(text))));
  assert.deepEqual([html!.encoding, html!.text()], ["base64", "<html><body>hi\u2026</body></html>"]);
  // Everything else is as it was.
  assert.equal(
    text.replace("th=E9 =3D tea", "caf=E9").replace(/PGh0[^\r]*/, ""),
    (await textOf(mail(ALTERNATIVE))).replace(/PGh0[^\r]*/, ""),
  );
});

test("[row 144] octets that a filter gives stay in the part's charset; a charset nobody knows loses nothing", async () => {
  const koi = mail(
    latin1Encode("Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xf0\xd2\r\n"),
  );
  await edit(koi, { filters: [{ match: "text/plain", edit: ({ octets }) => octets.toReversed() as Bytes }] });
  assert.match(await textOf(koi), /charset=koi8-r[^]*\r\n\r\n\n\r\xd2\xf0$/);
  const odd = mail(
    latin1Encode("Content-Type: text/plain; charset=klingon\r\nContent-Transfer-Encoding: 8bit\r\n\r\nQap\xe9\r\n"),
  );
  await edit(odd, { filters: [{ match: "text", edit: ({ text }) => text.replace("Qap", "Qapla") }] });
  assert.match(await textOf(odd), /charset=klingon[^]*\r\n\r\nQapla\xe9\r\n$/);
});

test("filters run in order, one after another; one that throws or is late leaves the message as it came", async () => {
  const chained = mail("Subject: x\n\na\n");
  const add = (more: string) => ({ match: "text", edit: ({ text }: { text: string }) => text.trimEnd() + more });
  await edit(chained, { ...banner(), filters: [add("b"), add("c")] });
  assert.match(await textOf(chained), /\r\n\r\nabc\r\n\r\nBANNER\r\n$/);

  const message = mail("Subject: x\n\na\n");
  const before = await textOf(message);
  await assert.rejects(
    edit(message, {
      filters: [add("b"), {
        match: "text",
        edit: () => {
          throw new Error("broken");
        },
      }],
    }),
    /broken/,
  );
  let signal: AbortSignal | undefined;
  const late = assert.rejects(
    edit(message, {
      filters: [{ match: "text", edit: (part) => (signal = part.signal, new Promise<string>(() => {})) }],
    }),
    DeadlineError,
  );
  await settled();
  await clock.advance(30_000);
  await late;
  assert.equal(signal!.aborted, true);
  assert.equal(await textOf(message), before);
});

test("property: octets of parts that nobody edits are as they came, and editing nothing changes nothing", async () => {
  for (let seed = 1; seed <= 120; seed++) {
    const { bytes } = randomMail(createRandom(seed));
    const untouched = mail(bytes);
    assert.equal(
      await edit(untouched, { filters: [{ match: "text/", edit: ({ text }) => text }] }),
      false,
      `seed ${seed}`,
    );
    assert.ok(equalBytes(latin1Encode(await textOf(untouched)), bytes));

    const inMemory = mail(bytes);
    const onDisk = await spooled(bytes);
    const edits: Partial<BodyEdits> = {
      ...banner(),
      filters: [{ match: "text/html", edit: ({ text }) => `${text}+` }],
    };
    const changed = await edit(inMemory, edits);
    assert.equal(await edit(onDisk, edits), changed);
    const text = await textOf(inMemory);
    assert.equal(await textOf(onDisk), text, `seed ${seed}: from disk and from memory`);
    const [before, after] = [await partsOf(mail(bytes)), await partsOf(mail(latin1Encode(text)))].map((
      root,
    ) => [...everyPart(root)]);
    assert.equal(after!.length, before!.length, `seed ${seed}`);
    for (const [i, part] of before!.entries()) {
      const now = after![i]!;
      assert.equal(now.media.type, part.media.type);
      if (part.children.length > 0 || now.text() !== part.text()) continue;
      const raw = (of: typeof part, in_: string) => in_.slice(of.extent.start, of.extent.end);
      if (part !== before![0]) assert.equal(raw(now, text), raw(part, latin1Decode(bytes)), `seed ${seed} part ${i}`);
    }
    if (changed) assert.ok(after!.some((part) => /BANNER|\+$/.test(part.text())), `seed ${seed}`);
  }
});
