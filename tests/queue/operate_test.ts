import assert from "node:assert/strict";
import { ok } from "../../src/hooks/verdict.ts";
import { readQueue } from "../../src/queue/list.ts";
import type { OrderVerb } from "../../src/queue/types.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, fakeHooks, MINUTE } from "./queue_kit.ts";

const deferring = () => bench({ verdicts: (a) => a.startsWith("soft") ? "deferred" : "delivered" });

test("each verb is done to what its filter says, and says to how many; on disk when it answers [wishes 27]", async () => {
  const b = await deferring();
  await b.accept("A", ["soft@one.example", "soft@two.example"]);
  await b.accept("B", ["soft@two.example"], "you@home.example");
  await b.clock.advance(100);
  const states = () => Object.fromEntries(b.queue.list().map(({ id, state }) => [id, state]));
  const onDisk = () =>
    Object.fromEntries(readQueue(b.disk.afterCrash(() => 0).host, DIR).map(({ id, state }) => [id, state]));

  assert.deepEqual(await b.queue.order({ verb: "hold", filter: { domain: "two.example" } }), { items: 2, passed: 0 });
  assert.deepEqual(states(), { "A.1": "waiting", "A.2": "held", "B.1": "held" });
  assert.deepEqual(onDisk(), states());
  assert.deepEqual(await b.queue.order({ verb: "hold", filter: {} }), { items: 1, passed: 2 });
  assert.deepEqual(await b.queue.order({ verb: "release", filter: { sender: "us@*" } }), { items: 2, passed: 0 });
  assert.deepEqual(onDisk(), { "A.1": "waiting", "A.2": "waiting", "B.1": "held" });
  assert.deepEqual(await b.queue.order({ verb: "retry", filter: {} }), { items: 2, passed: 1 });
  const before = b.courier.deliveries.length;
  await b.clock.advance(10);
  assert.deepEqual(b.courier.deliveries.slice(before).map(({ id }) => id).sort(), ["A.1", "A.2"]);
  assert.deepEqual(await b.queue.order({ verb: "remove", filter: { state: "held" } }), { items: 1, passed: 0 });
  assert.match(b.log.text(), /\[B\.1\].*Removed by the operator/);
  assert.deepEqual(onDisk(), { "A.1": "waiting", "A.2": "waiting" });
  assert.deepEqual(await b.queue.order({ verb: "remove", filter: { id: "B" } }), { items: 0, passed: 0 });
  await b.queue.stop(0);
});

test("a dry run counts what would be done, and does nothing", async () => {
  const b = await deferring();
  await b.accept("A", ["soft@one.example", "soft@two.example"]);
  await b.clock.advance(100);
  await b.queue.hold("A.1");
  const before = JSON.stringify(b.queue.list());
  const counts: Record<OrderVerb, number[]> = {
    hold: [1, 1],
    release: [1, 1],
    retry: [1, 1],
    remove: [2, 0],
    bounce: [2, 0],
  };
  for (const [verb, [items, passed]] of Object.entries(counts) as [OrderVerb, number[]][]) {
    assert.deepEqual(await b.queue.order({ verb, filter: {}, dryRun: true }), { items, passed }, verb);
  }
  await b.clock.advance(10);
  assert.equal(JSON.stringify(b.queue.list()), before);
  await b.queue.stop(0);
});

test("bounce ends an item with a report to its sender that gives the reason, held items too", async () => {
  const b = await deferring();
  await b.accept("A", ["soft@one.example", "soft.b@one.example", "good@one.example", "soft@two.example"]);
  await b.clock.advance(100);
  await b.queue.hold("A.1");
  const reason = "The host is gone for good";
  assert.deepEqual(await b.queue.order({ verb: "bounce", filter: { domain: "one.example" }, reason }), {
    items: 1,
    passed: 0,
  });
  await b.clock.advance(100);
  const report = b.courier.deliveries.at(-1)!;
  assert.deepEqual([report.sender, ...report.recipients], ["", "us@home.example"]);
  assert.match(report.text, /The host is gone for good/);
  assert.match(report.text, /^Final-Recipient: rfc822; ?soft@one\.example\r\nAction: failed\r\nStatus: 5\.0\.0\r\n/m);
  assert.match(report.text, /^Final-Recipient: rfc822; ?soft\.b@one\.example/m);
  assert.doesNotMatch(report.text, /^Final-Recipient: rfc822; ?(good|soft@two)/m);
  assert.deepEqual(b.queue.list().map(({ id }) => id), ["A.2"]);
  assert.equal(b.log.of("bounced")[0]!.err, reason);
  assert.deepEqual(readQueue(b.disk.afterCrash(() => 0).host, DIR).map(({ id }) => id), ["A.2"]);
  await b.queue.stop(0);
});

test("a reason is one line of a bounded length, and need not be given", async () => {
  const b = await deferring();
  const reasons = { A: "Grüße\r\nX-Evil: 1\r\n\r\n" + "z".repeat(500), B: "\n", C: undefined };
  for (const [id, reason] of Object.entries(reasons)) {
    await b.accept(id, ["soft@one.example"]);
    await b.clock.advance(100);
    await b.queue.order({ verb: "bounce", filter: { id }, ...(reason === undefined ? {} : { reason }) });
  }
  const [first, second, third] = b.log.of("bounced").map(({ err }) => err);
  assert.match(first!, /^Grüße X-Evil: 1 z+$/);
  assert.equal(first!.length, 400);
  assert.deepEqual([second, third], Array(2).fill("given up by the postmaster"));
  await b.queue.stop(0);
});

test("bounce: the hook may keep the report back; reports themselves are given up without one", async () => {
  const b = await bench({ verdicts: () => "deferred", hooks: fakeHooks({ bounce: () => ok() }) });
  await b.accept("A", ["x@one.example"]);
  await b.accept("B", ["x@one.example"], "");
  await b.clock.advance(100);
  assert.deepEqual(await b.queue.order({ verb: "bounce", filter: {} }), { items: 2, passed: 0 });
  await b.clock.advance(100);
  assert.deepEqual(b.queue.list(), []);
  assert.equal(
    b.courier.deliveries.some(({ sender, recipients }) => sender === "" && recipients[0] === "us@home.example"),
    false,
  );
  await b.queue.stop(0);
});

test("what is being delivered is not bounced: nobody knows yet what becomes of it", async () => {
  let finish = () => {};
  const b = await bench({ verdicts: () => new Promise((resolve) => finish = () => resolve("delivered")) });
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(10);
  assert.deepEqual(await b.queue.order({ verb: "bounce", filter: {} }), { items: 0, passed: 1 });
  finish();
  await b.clock.advance(50);
  assert.deepEqual(b.queue.list(), []);
  assert.deepEqual(b.courier.deliveries.map(({ sender }) => sender), ["us@home.example"]);
  await b.queue.stop(0);
});

test("where no report can be kept, nothing is bounced, and a held item stays held", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("A", ["x@one.example"]);
  await b.accept("B", ["x@one.example"]);
  await b.clock.advance(100);
  await b.queue.hold("B");
  b.disk.fail = (step) => {
    if (step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  assert.deepEqual(await b.queue.order({ verb: "bounce", filter: {} }), { items: 0, passed: 2 });
  b.disk.fail = () => {};
  await b.clock.advance(50);
  assert.deepEqual(b.queue.list().map(({ id, state }) => [id, state]), [["A.1", "waiting"], ["B.1", "held"]]);
  await b.clock.advance(2 * MINUTE);
  assert.ok(b.courier.deliveries.filter(({ id }) => id === "A.1").length >= 2, "it is tried again");
  await b.queue.stop(0);
});

test("many items are done in batches, and delivery goes on meanwhile", async () => {
  const b = await bench({ settings: { disabled: true } });
  for (let n = 0; n < 1200; n++) await b.accept(`M${n}`, [`x@d${n}.example`]);
  const holding = b.queue.order({ verb: "hold", filter: {} });
  for (let n = 0; n < 20; n++) await b.clock.advance(5);
  assert.deepEqual(await holding, { items: 1200, passed: 0 });
  assert.equal(b.queue.stats().held, 1200);
  assert.equal(readQueue(b.disk.afterCrash(() => 0).host, DIR, { state: "held" }).length, 1200);
  await b.queue.stop(0);
});

test("without deliveries a retry is kept for the server to come", async () => {
  const b = await deferring();
  await b.accept("A", ["soft@one.example"]);
  await b.clock.advance(100);
  await b.queue.stop(0);
  const closed = await bench({ disk: b.disk, clock: b.clock, start: false });
  assert.deepEqual(await closed.queue.order({ verb: "retry", filter: { id: "A" } }), { items: 1, passed: 0 });
  await closed.queue.stop(0);
  const again = await bench({ disk: b.disk, clock: b.clock });
  await again.clock.advance(10);
  assert.equal(again.courier.deliveries.length, 1);
  await again.queue.stop(0);
});
