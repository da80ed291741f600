import assert from "node:assert/strict";
import { type Bytes, concat, latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import type { Envelope } from "../../src/hooks/outbound.ts";
import { createOutbound, type NewMail, type OutboundParts } from "../../src/hooks/send.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { memorySource } from "../../src/mail/source.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { textOf } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";
import { bench } from "../queue/queue_kit.ts";

interface Taken {
  readonly envelope: Envelope;
  readonly text: string;
}

/** `file`: octets written so far and whether it was thrown away. */
function outbound(parts: Partial<OutboundParts> = {}) {
  const taken: Taken[] = [];
  const file = { chunks: [] as Bytes[], made: 0, discarded: 0 };
  const memory = memoryLog();
  const api = createOutbound({
    enqueue: async (envelope, message) => {
      taken.push({ envelope, text: await textOf(message) });
      return { id: envelope.id, repeated: false };
    },
    spool() {
      file.made++;
      return {
        write: (chunk) => void file.chunks.push(new Uint8Array(chunk)),
        finish: () => Promise.resolve(memorySource(concat(file.chunks))),
        discard: () => void file.discarded++,
      };
    },
    stats: () => ({ inProgress: 1, queued: 2, tempFail: 3, held: 4 }),
    ...parts,
  }, memory.log);
  const send = (mail: Partial<NewMail>) => api.send({ from: "a@a.test", to: "b@b.test", content: "", ...mail });
  return { api, send, taken, file, memory };
}

async function* chunks(...given: readonly (string | Uint8Array | Error)[]): AsyncGenerator<string | Uint8Array> {
  for (const one of given) {
    if (one instanceof Error) throw one;
    yield one;
  }
}

test("addresses are text, with or without brackets, or values; one or several [row 222]", async () => {
  const o = outbound();
  const value = parseAddress("c@c.test")!;
  assert.equal((await o.send({ to: ["b@b.test", "<ü@b.test>", value] })).kind, "queued");
  assert.equal((await o.send({ from: "<>", to: value })).kind, "queued");
  const [first, second] = o.taken;
  assert.equal(first!.envelope.sender.address, "a@a.test");
  assert.deepEqual(first!.envelope.recipients.map(({ address }) => address.address), [
    "b@b.test",
    "ü@b.test",
    "c@c.test",
  ]);
  assert.equal(second!.envelope.sender.isNull(), true);
  assert.deepEqual([first!.envelope.smtpUtf8, second!.envelope.smtpUtf8], [true, false]);
  assert.notEqual(first!.envelope.id, second!.envelope.id);
});

test("addresses that are none are refused by name, and so is a mail to nobody [row 222]", async () => {
  const o = outbound();
  for (
    const [mail, why, text] of [
      [{ from: "no address" }, "from", /^Malformed from: no address$/],
      [{ to: ["b@b.test", "n o"] }, "to", /^Malformed to address \(n o\): /],
      [{ to: "<>" }, "to", /^Malformed to address \(<>\): /],
      [{ to: [] }, "nobody", /^No recipients for email$/],
    ] as const
  ) {
    const sent = await o.send(mail);
    assert.equal(sent.kind === "refused" && sent.why, why);
    assert.match(sent.kind === "refused" ? sent.text : "", text);
  }
  assert.equal(o.taken.length, 0);
});

test("content is text, octets or a stream of either; line ends become CRLF, stuffed dots single [row 222]", async () => {
  const o = outbound();
  const mail = "Subject: ü\n\n.a\r\n..b\n";
  const whole = latin1Decode(utf8Encode("Subject: ü\r\n\r\n.a\r\n..b\r\n"));
  const octets = utf8Encode(mail);
  const cut = [octets.subarray(0, 10), octets.subarray(10, 21), octets.subarray(21)];
  for (const content of [mail, octets, chunks(...cut), chunks("Subject: ü\n", "\n.a\r", "\n..b\n")]) {
    assert.equal((await o.send({ content })).kind, "queued");
  }
  assert.equal((await o.send({ content: ReadableStream.from(cut) })).kind, "queued");
  assert.deepEqual([...new Set(o.taken.map(({ text }) => text))], [whole]);
  await o.send({ content: chunks(...cut), dotStuffed: true });
  assert.equal(o.taken.at(-1)!.text, whole.replace("..b", ".b"));
  assert.equal(o.file.made, 0);
});

test("notes and wishes are the envelope's; Message-Id and Date are taken out of streams as well [row 222]", async () => {
  const o = outbound();
  const content = "Message-ID: <old@a>\nDate: old\nSubject: x\n\nbody\n";
  await o.send({ content, notes: { get: 1 }, wanted: { priority: 2 }, removeMessageId: true });
  await o.send({ content: chunks(content), removeDate: true, removeMessageId: true });
  const [first, second] = o.taken;
  assert.deepEqual([first!.envelope.notes, first!.envelope.wanted], [{ get: 1 }, { priority: 2 }]);
  assert.equal(first!.text, "Date: old\r\nSubject: x\r\n\r\nbody\r\n");
  assert.equal(second!.text, "Subject: x\r\n\r\nbody\r\n");
});

test("the queue gives what was taken out: a new Message-Id and Date [row 222]", async () => {
  const b = await bench();
  const api = createOutbound({
    enqueue: (envelope, message) => b.queue.accept(envelope, message),
    spool: () => b.queue.spool(),
    stats: () => ({ inProgress: 0, queued: 0, tempFail: b.queue.stats().tempFail, held: 0 }),
  }, b.log.log);
  const large = `Message-Id: <old@a>\n\n${"0123456789\n".repeat(20_000)}`;
  for (const content of ["Subject: x\n\nhello\n", chunks(large)]) {
    const sent = await api.send({ from: "us@home.example", to: "joe@r.example", content, removeMessageId: true });
    assert.equal(sent.kind, "queued");
    await b.clock.advance(100);
    const { text, recipients, id } = b.courier.deliveries.at(-1)!;
    assert.deepEqual([recipients, id], [["joe@r.example"], `${sent.kind === "queued" && sent.id}.1`]);
    assert.match(text, /^Message-Id: <[^>]+@us\.example>\r\n/m);
    assert.match(text, /^Date: \w/m);
  }
  assert.equal(b.courier.deliveries.at(-1)!.text.endsWith("\r\n\r\n" + "0123456789\r\n".repeat(20_000)), true);
  assert.deepEqual({ ...await api.stats() }, { inProgress: 0, queued: 0, tempFail: 0, held: 0 });
  await b.queue.stop(0);
});

test("a stream is read as fast as the file takes it, and only its start is kept in memory", async () => {
  let written = 0;
  let read = 0;
  let most = 0;
  let open = () => {};
  const o = outbound({
    spool: () => ({
      write(chunk) {
        const { promise, resolve } = Promise.withResolvers<void>();
        open = () => {
          written += chunk.length;
          open = () => {};
          resolve();
        };
        return promise;
      },
      finish: () => Promise.resolve(memorySource(utf8Encode("Subject: x\r\n\r\n"))),
      discard() {},
    }),
  });
  async function* endless() {
    for (let i = 0; i < 50; i++) {
      read += 10_000;
      most = Math.max(most, read - written);
      yield new Uint8Array(10_000).fill(65);
    }
  }
  const sent = o.send({ content: endless() });
  for (let turns = 0; turns < 2000; turns++) {
    await undefined;
    if (turns % 20 === 0) open();
  }
  assert.equal((await sent).kind, "queued");
  assert.equal(written, 500_000);
  assert.ok(most <= 80_000, `${most} octets were read and not written`);
});

test("content that breaks, a disk that is full and a queue that cannot put the mail off, and leave no file behind", async () => {
  const o = outbound();
  const broken = await o.send({ content: chunks(new Uint8Array(100_000), new Error("gone")) });
  assert.deepEqual(broken.kind === "deferred" && [broken.why, broken.text], [
    "content",
    "The content cannot be read: gone",
  ]);
  assert.deepEqual([o.file.made, o.file.discarded, o.taken.length], [1, 1, 0]);

  const full = outbound({
    spool: () => ({
      write: () => Promise.reject(new Error("disk full")),
      finish: () => Promise.reject(),
      discard() {},
    }),
  });
  const sent = await full.send({ content: chunks(new Uint8Array(100_000)) });
  assert.deepEqual(sent.kind === "deferred" && [sent.why, sent.text], ["queue", "disk full"]);

  const stopped = outbound({ enqueue: () => Promise.reject(new Error("the queue has stopped")) });
  const late = await stopped.send({ content: chunks(new Uint8Array(100_000)) });
  assert.deepEqual(late.kind === "deferred" && [late.why, late.text], ["queue", "the queue has stopped"]);
  assert.equal(stopped.file.discarded, 1);
});

test("a signal ends the reading of a stream that says nothing more, and lets go of it", async () => {
  const o = outbound();
  let left = false;
  const silent: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: () => {
        left = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  const stop = new AbortController();
  const sending = o.send({ content: silent, signal: stop.signal });
  await undefined;
  stop.abort(new Error("enough"));
  const sent = await sending;
  assert.deepEqual([sent.kind, sent.kind === "deferred" && sent.text, left], [
    "deferred",
    "The content cannot be read: enough",
    true,
  ]);
});

test("what becomes of a mail is logged under whoever sent it", async () => {
  const o = outbound();
  const { log } = o.memory;
  await o.send({ origin: { log: log.child({ origin: "rcpt_check", uuid: "U-1" }) } });
  assert.deepEqual([o.memory.items.at(-1)!.origin, o.memory.items.at(-1)!.level], ["rcpt_check", "INFO"]);
  await o.send({ to: [] });
  assert.match(o.memory.text(), /No recipients for email/);
});

test("mail with a key is queued under it, and what was queued before is told", async () => {
  const keys: (string | undefined)[] = [];
  const parts: OutboundParts = {
    enqueue: ({ key }) => Promise.resolve({ id: "FIRST", repeated: keys.push(key) > 1 }),
    spool: () => {
      throw new Error("not here");
    },
    stats: () => ({ inProgress: 0, queued: 0, tempFail: 0, held: 0 }),
  };
  const outbound = createOutbound(parts, memoryLog().log);
  const mail = { from: "a@b.test", to: "c@d.test", content: "Subject: x\n\nbody\n", key: "order 17" };
  assert.deepEqual(await outbound.send(mail), { kind: "queued", id: "FIRST" });
  assert.deepEqual(await outbound.send(mail), { kind: "queued", id: "FIRST", repeated: true });
  await outbound.send({ ...mail, from: "other@b.test" });
  assert.ok(keys[0] !== undefined && keys[0] === keys[1] && keys[2] !== keys[0]);
});
