import assert from "node:assert/strict";
import { utf8Encode } from "../../src/base/bytes.ts";
import { createMessage, loadMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { readQueue } from "../../src/queue/list.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, envelope, fakeHooks, mail } from "./queue_kit.ts";

const bare = (text: string) => createMessage(memorySource(utf8Encode(text)));

test("Message-Id and Date are added when missing or <>, Received unless disabled [row 221]", async () => {
  const b = await bench();
  const send = (id: string, text: string) =>
    b.queue.accept(envelope(id, "us@home.example", ["x@one.example"]), bare(text));
  await send("A", "Subject: a\r\n\r\nbody\r\n");
  await send("B", "Message-ID: <>\r\nDate: then\r\n\r\nbody\r\n");
  b.set({ receivedHeader: "disabled" });
  await send("C", "Message-ID: <c@x>\r\nDate: then\r\n\r\nbody\r\n");
  await b.clock.advance(100);
  const [a, second, c] = b.courier.deliveries.map(({ text }) => text) as [string, string, string];
  assert.match(a, /^Received: \(Kasi outbound\); Thu, 1 Jan 2026 00:00:00 \+0000\r\n/);
  assert.match(a, /\r\nMessage-Id: <A@us\.example>\r\n/);
  assert.match(a, /\r\nDate: Thu, 1 Jan 2026 00:00:00 \+0000\r\n/);
  assert.match(second, /\r\nMessage-Id: <B@us\.example>\r\n/);
  assert.doesNotMatch(second, /<>/);
  assert.equal(second.match(/^Date:/gm)!.length, 1);
  assert.equal(c, "Message-ID: <c@x>\r\nDate: then\r\n\r\nbody\r\n");
  await b.queue.stop(0);
});

test("the pre_send_trans_email hook may edit the message [row 220]", async () => {
  const hooks = fakeHooks({ pre_send_trans_email: ({ message }) => message.header.add("X-Seen", "yes") });
  const b = await bench({ hooks, start: false });
  await b.accept("A", ["x@one.example"]);
  const stored = new TextDecoder().decode(b.disk.read(`${DIR}/000001.log`));
  assert.match(stored, /\r\nX-Seen: yes\r\n/);
  await b.queue.stop(0);
});

test("a message whose own octets are gone once it was accepted goes out at the first attempt: the queue has a copy", async () => {
  const b = await bench({ start: false });
  const file = b.queue.spool();
  await file.write(utf8Encode("Subject: x\r\n\r\nHello\r\n"));
  const message = await loadMessage(await file.finish());
  message.patchBody([{ from: 14, to: 19, bytes: utf8Encode("Hi") }]);
  await b.queue.accept(envelope("A", "us@home.example", ["x@one.example"]), message);
  file.discard();
  b.queue.start(b.courier);
  await b.clock.advance(100);
  assert.match(b.courier.deliveries[0]!.text, /\r\n\r\nHi\r\n$/);
  await b.queue.stop(0);
});

test("a full disk refuses the mail, keeps nothing of it, and mail is taken again when there is space", async () => {
  const b = await bench({ start: false });
  b.disk.fail = (step) => {
    if (step === "write" || step === "create") {
      throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
    }
  };
  await assert.rejects(b.accept("A", ["x@one.example"]), { name: "QueueError", fault: "disk-full" });
  assert.throws(() => b.queue.spool(), { name: "QueueError", fault: "disk-full" });
  assert.deepEqual(b.queue.list(), []);
  b.disk.fail = () => {};
  await b.accept("B", ["x@one.example"]);
  assert.deepEqual(readQueue(b.disk.afterCrash(() => 0.99).host, DIR).map(({ id }) => id), ["B.1"]);
  await b.queue.stop(0);
});

test("delivery of what is queued goes on while the disk is full, and is remembered once it is not", async () => {
  const b = await bench({ settings: { disabled: true } });
  await b.accept("A", ["x@one.example"]);
  b.disk.fail = (step) => {
    if (step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  b.set({ disabled: false });
  await b.clock.advance(5000);
  assert.deepEqual(b.courier.delivered, ["x@one.example"]);
  b.disk.fail = () => {};
  await b.clock.advance(2000);
  assert.deepEqual(readQueue(b.disk.afterCrash(() => 0.99).host, DIR), []);
  await b.queue.stop(0);
});

test("a body in memory over the threshold gets a file, also one of a source that is not ours", async () => {
  const b = await bench({ settings: { bodyThreshold: 100 }, start: false });
  await b.queue.accept(envelope("A", "us@home.example", ["x@one.example"]), mail("A", "z".repeat(500)));
  assert.equal(b.disk.names(`${DIR}/body`).length, 1);
  b.queue.start(b.courier);
  await b.clock.advance(100);
  assert.ok(b.courier.deliveries[0]!.text.endsWith(`\r\n\r\n${"z".repeat(500)}`));
  assert.deepEqual(b.disk.names(`${DIR}/body`), []);
  await b.queue.stop(0);
});

test("notes that no JSON can say are left out, the mail goes on", async () => {
  const b = await bench({ start: false });
  const notes: Record<string, unknown> = {};
  notes.self = notes;
  await b.queue.accept({ ...envelope("A", "us@home.example", ["x@one.example"]), notes }, mail("A"));
  assert.equal(b.queue.list().length, 1);
  await b.queue.stop(0);
});

test("a message for nobody is refused", async () => {
  const b = await bench({ start: false });
  await assert.rejects(b.accept("A", []), TypeError);
  await b.queue.stop(0);
});
