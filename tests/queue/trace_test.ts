import assert from "node:assert/strict";
import { answer } from "../../src/hooks/verdict.ts";
import type { QueueSettings, TracedItem } from "../../src/queue/types.ts";
import { readTrace } from "../../src/queue/trace.ts";
import type { DiskStep } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { type Bench, bench, DIR, envelope, fakeHooks, mail, MINUTE } from "./queue_kit.ts";
import { sitesOf } from "./sites/kit.ts";

const one = (b: Bench, id: string): TracedItem => {
  const items = b.queue.trace(id);
  assert.equal(items.length, 1);
  return items[0]!;
};

test("a message tells what happened so far, what is next, when and why [wishes 19]", async () => {
  const b = await bench({ verdicts: (a) => a.startsWith("soft") ? "deferred" : "delivered" });
  const began = b.clock.now();
  await b.accept("A", ["good@one.example", "soft@one.example"]);
  await b.clock.advance(65_000);
  const told = one(b, "A.1");
  const at = began + 64_000 + 128_000;
  assert.deepEqual({ site: told.site, state: told.state, attempts: told.attempts, recipients: told.recipients }, {
    site: "one.example",
    state: "waiting",
    attempts: 2,
    recipients: ["soft@one.example"],
  });
  assert.deepEqual(told.history, [
    {
      at: began,
      results: [
        { kind: "delivered", recipients: ["good@one.example"], text: "2.0.0 taken", host: "mx.example" },
        { kind: "deferred", recipients: ["soft@one.example"], text: "451 4.2.1 not now", host: "mx.example" },
      ],
    },
    {
      at: began + 64_000,
      results: [{ kind: "deferred", recipients: ["soft@one.example"], text: "451 4.2.1 not now", host: "mx.example" }],
    },
  ]);
  assert.deepEqual(told.next, { at, why: "schedule", text: "attempt 3 of 13, by the schedule (temp_fail_intervals)" });
  const rest = Array.from({ length: 10 }, (_, i) => 2 ** (i + 8) * 1000).reduce((sum, each) => sum + each, 0);
  assert.equal(told.givenUpAt, at + rest);
  await b.queue.stop(0);
});

test("each state has its reason: new, running, in line for a slot, held, disabled, the sender's time [wishes 19]", async () => {
  const finish: (() => void)[] = [];
  const b = await bench({
    settings: { sites: sitesOf({ connections: 1 }), concurrencyMax: 2 },
    verdicts: () => new Promise((resolve) => void finish.push(() => resolve("deferred"))),
  });
  const next = (id: string) => one(b, id).next;
  await b.accept("A", ["x@one.example"]);
  await b.accept("B", ["x@one.example"]);
  await b.clock.advance(10);
  assert.deepEqual(next("A"), { why: "running", text: "is being delivered right now" });
  assert.match(
    next("B").text,
    /as soon as there is a slot: 1 deliveries to one\.example are under way, which is the limit for it now$/,
  );
  await b.accept("C", ["x@two.example"]);
  await b.accept("D", ["x@three.example"]);
  await b.clock.advance(10);
  assert.equal(next("D").why, "slot");
  assert.match(next("D").text, /2 deliveries are under way, which is the limit \(concurrency_max\)$/);
  await b.queue.hold("B");
  assert.deepEqual(next("B"), { why: "held", text: "nothing: it is held until somebody releases it" });
  b.set({ disabled: true });
  assert.equal(next("D").why, "disabled");
  assert.equal(next("A").why, "running");
  b.set({ disabled: false });
  const holdUntil = b.clock.now() + 60 * MINUTE;
  await b.queue.accept({ ...envelope("E", "us@home.example", ["x@four.example"]), wanted: { holdUntil } }, mail("E"));
  assert.deepEqual(next("E"), { at: holdUntil, why: "sender", text: "an attempt when the sender wants it" });
  while (finish.length > 0) {
    finish.splice(0).forEach((each) => each());
    await b.clock.advance(10);
  }
  assert.equal(next("A").why, "schedule");
  await b.queue.stop(0);
});

test("the envelope is told as plain data, and an item that a hook put off is still new", async () => {
  const b = await bench({ hooks: fakeHooks({ send_email: () => answer(30) }) });
  const sent = envelope("A", "us@home.example", ["x@one.example", "y@two.example"]);
  await b.queue.accept({
    ...sent,
    recipients: [sent.recipients[0]!, {
      ...sent.recipients[1]!,
      notify: ["FAILURE", "DELAY"],
      originalRecipient: { type: "rfc822", address: "z@two.example" },
    }],
    notes: { from: "here" },
    wanted: { ret: "FULL", envid: "E1" },
  }, mail("A"));
  await b.clock.advance(10);
  const items = b.queue.trace("A");
  assert.deepEqual(items.map(({ id }) => id), ["A.1", "A.2"]);
  assert.deepEqual(structuredClone(items[1]!.envelope), {
    sender: "us@home.example",
    recipients: [{ address: "y@two.example", notify: ["FAILURE", "DELAY"], originalRecipient: "rfc822;z@two.example" }],
    smtpUtf8: false,
    wanted: { ret: "FULL", envid: "E1" },
    notes: { from: "here" },
  });
  assert.deepEqual(items[0]!.next, { at: b.clock.now() - 10 + 30_000, why: "new", text: "the first attempt" });
  await b.queue.stop(0);
});

test("the disk tells the same while a server runs, and nothing is touched [wishes 21]", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(100);
  const steps: DiskStep[] = [];
  b.disk.fail = (step) => void steps.push(step);
  const open = b.disk.openFiles;
  const settings: QueueSettings = b.options.settings.value;
  const read = (now: number) => readTrace(b.disk.host, DIR, "A", { now, settings, running: undefined })[0]!;
  const live = one(b, "A");
  const { next, ...rest } = read(b.clock.now());
  const { next: _, ...same } = live;
  assert.deepEqual(rest, same);
  assert.deepEqual(next, { ...live.next, text: `${live.next.text}, if a server runs then` });
  assert.deepEqual(read(b.clock.now() + 70_000).next, { why: "stopped", text: "an attempt once a server runs" });
  assert.deepEqual(b.queue.trace("nobody"), []);
  assert.deepEqual([steps, b.disk.openFiles], [[], open]);
  b.disk.fail = () => {};
  await b.clock.advance(64_000);
  assert.equal(b.courier.deliveries.length, 2, "delivery went on");
  await b.queue.stop(0);
});
