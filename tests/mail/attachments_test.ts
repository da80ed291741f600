import assert from "node:assert/strict";
import { type Bytes, latin1Encode, utf8Encode } from "../../src/base/bytes.ts";
import { DeadlineError } from "../../src/base/deadline.ts";
import { type Attachment, AttachmentFeed, type AttachmentTaker, ROOM } from "../../src/mail/attachments.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

const crlf = (text: string) => utf8Encode(text.replace(/\r?\n/g, "\r\n"));
const BIG_HEAD = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/x-big; name=big\n\n";

async function feed(octets: Bytes, takers: readonly AttachmentTaker[], size: number): Promise<void> {
  const feed = new AttachmentFeed(takers, { clock: new FakeClock(), timeoutMs: 30_000 });
  for (let at = 0; at < octets.length; at += size) {
    // As the session's reader gives them: not valid afterwards.
    const chunk = octets.slice(at, at + size);
    await feed.add(chunk);
    chunk.fill(0);
  }
  await feed.finish();
}

const MAIL = crlf(`Content-Type: multipart/mixed; boundary=o

--o

text
--o
Content-Type: application/pdf
Content-Disposition: attachment; filename*0*=utf-8''Pl%C3%A4; filename*1=ne.pdf
Content-Transfer-Encoding: base64

aGVs
bG8=
--o
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=i

--i
Content-Type: image/png; name="=?utf-8?q?=C3=A4.png?="

raw\x00octets
--i--
--o
Content-Type: text/csv
Content-Disposition: attachment; filename=t.csv
Content-Transfer-Encoding: quoted-printable

a=3Db
--o
Content-Type: message/rfc822; name=fwd.eml
Content-Disposition: attachment

Subject: x

y
--o--
`);

test("[row 142] attachments come as streams with file name and type while the message arrives, to each who asked", async () => {
  for (const size of [1, 13, MAIL.length]) {
    const read: string[] = [];
    const types: string[] = [];
    await feed(MAIL, [
      async ({ filename, type, stream }) => void read.push(`${filename} ${type} ${await new Response(stream).text()}`),
      ({ type }) => void types.push(type),
    ], size);
    assert.deepEqual(read, [
      "Pl\u00e4ne.pdf application/pdf hello",
      "\u00e4.png image/png raw\x00octets",
      "t.csv text/csv a=b",
      "fwd.eml message/rfc822 Subject: x\r\n\r\ny",
    ], `in pieces of ${size}`);
    assert.equal(types.length, 4);
  }
});

test("[row 142] who reads slowly holds up the sender, and no more than the room waits", async () => {
  let reader!: ReadableStreamDefaultReader<Bytes>;
  const feed = new AttachmentFeed([({ stream }) => void (reader = stream.getReader())], {
    clock: new FakeClock(),
    timeoutMs: 30_000,
  });
  feed.add(crlf(BIG_HEAD));
  const chunk = new Uint8Array(16 * 1024).fill(65);
  let sent = 0;
  let held: Promise<void> | void;
  while ((held = feed.add(chunk)) === undefined && sent < 10 * ROOM) sent += chunk.length;
  assert.ok(held instanceof Promise, "the sender is held up");
  sent += chunk.length;
  assert.ok(sent >= ROOM && sent <= ROOM + chunk.length, `${sent}`);
  let passed = false;
  void held.then(() => passed = true);
  await settled();
  assert.equal(passed, false);
  await reader.read();
  await reader.read();
  await held;
  let octets = 2 * chunk.length;
  const rest = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) octets += next.value.length;
  })();
  for (let i = 0; i < 100; i++) await feed.add(chunk);
  await feed.finish();
  await rest;
  assert.equal(octets, sent + 100 * chunk.length);
});

test("[row 142] who does not care holds up nobody: not looked at, let go, or cancelled", async () => {
  const big = new Uint8Array(4 * ROOM).fill(65);
  const kept: Attachment[] = [];
  const takers: AttachmentTaker[] = [
    (attachment) => void kept.push(attachment),
    async ({ stream }) => {
      const reader = stream.getReader();
      await reader.read();
      reader.releaseLock();
    },
    async ({ stream }) => await stream.cancel(),
    async ({ stream }) => {
      const reader = stream.getReader();
      await reader.read();
      await reader.cancel();
    },
  ];
  for (const taker of takers) {
    const feed = new AttachmentFeed([taker], { clock: new FakeClock(), timeoutMs: 30_000 });
    await feed.add(crlf(BIG_HEAD));
    await feed.add(crlf("begin"));
    await settled();
    for (let i = 0; i < 4; i++) await feed.add(big);
    await feed.finish();
  }
  assert.equal(kept.length, 1);
});

test("who neither reads nor lets go in time gets an error, and so does the message", async () => {
  const clock = new FakeClock();
  let failure: unknown;
  const feed = new AttachmentFeed([
    async ({ stream }) => {
      const reader = stream.getReader();
      await new Promise((resolve) => clock.after(60_000, () => resolve(undefined)));
      failure = await reader.read().catch((error) => error);
    },
  ], { clock, timeoutMs: 30_000 });
  await feed.add(crlf(BIG_HEAD));
  let over = false;
  const held = Promise.resolve(feed.add(new Uint8Array(2 * ROOM))).then(() => over = true);
  await clock.advance(29_999);
  assert.equal(over, false);
  await clock.advance(1);
  await held;
  await feed.add(new Uint8Array(2 * ROOM));
  const finished = assert.rejects(feed.finish(), DeadlineError);
  await clock.advance(30_000);
  await finished;
  assert.ok(failure instanceof DeadlineError);
  assert.equal(clock.pending, 0);
});

test("what a function throws is told at the end; a client that goes ends every wait", async () => {
  for (
    const take of [() => {
      throw new Error("broken");
    }, () => Promise.reject(new Error("broken"))]
  ) await assert.rejects(feed(MAIL, [take], 7), /broken/);

  const gone = new AbortController();
  const clock = new FakeClock();
  let seen: unknown;
  const feeding = new AttachmentFeed([
    async ({ stream }) => {
      const reader = stream.getReader();
      await new Promise((resolve) => gone.signal.addEventListener("abort", resolve));
      await settled();
      seen = await reader.read().catch((error) => error);
    },
  ], { clock, timeoutMs: 30_000, signal: gone.signal });
  await feeding.add(latin1Encode(BIG_HEAD.replaceAll("\n", "\r\n")));
  const held = feeding.add(new Uint8Array(2 * ROOM)) as Promise<void>;
  gone.abort(new Error("the client has gone"));
  await assert.rejects(held, /has gone/);
  await settled();
  await settled();
  assert.match(String(seen), /has gone/);
  assert.equal(clock.pending, 0);
});
