import assert from "node:assert/strict";
import type { MailOptions } from "../../src/hooks/outbound.ts";
import type { Recipient } from "../../src/hooks/session.ts";
import { test } from "../kit/test.ts";
import { type Bench, bench, type BenchOptions, envelope, mail, MINUTE } from "./queue_kit.ts";

const HOUR = 60 * MINUTE;

/** A bench where the world is deaf, but for reports. */
const deaf = (o: BenchOptions = {}) =>
  bench({
    ...o,
    verdicts: (_, { envelope: { sender } }) => sender.isNull() ? "delivered" : "deferred",
    settings: { intervals: Array(100).fill(HOUR), ...o.settings },
  });

function accept(b: Bench, notify: Recipient["notify"], wanted?: MailOptions, sender = "us@home.example") {
  const plain = envelope("A", sender, ["x@one.example"]);
  const recipients = plain.recipients.map((one) => ({ ...one, ...(notify && { notify }) }));
  return b.queue.accept({ ...plain, recipients, wanted }, mail("A"));
}

const reportsOf = (b: Bench) => b.courier.deliveries.filter(({ sender }) => sender === "").map(({ text }) => text);
const triesOf = (b: Bench) => b.courier.deliveries.filter(({ sender }) => sender !== "").length;

test("who asked for it is told once that mail is late, and the attempts go on as they would", async () => {
  const b = await deaf({ settings: { delayWarningMs: 90 * MINUTE } });
  const began = b.clock.now();
  await accept(b, ["DELAY", "FAILURE"], { envid: "E" });
  await b.clock.advance(89 * MINUTE);
  assert.equal(reportsOf(b).length, 0);
  assert.equal(triesOf(b), 2);
  await b.clock.advance(2 * MINUTE);
  const [report] = reportsOf(b);
  assert.match(report!, /\r\nSubject: delay notice\r\n/);
  assert.match(report!, /\r\nFinal-Recipient: rfc822; x@one\.example\r\nAction: delayed\r\nStatus: 4\.2\.1\r\n/);
  assert.match(report!, /x@one\.example>: 451 4\.2\.1 not now/);
  const until = /\r\nWill-Retry-Until: (.*)\r\n/.exec(report!)![1]!;
  assert.equal(Date.parse(until) - began, 100 * HOUR);
  assert.equal(triesOf(b), 2, "news is no reason to try");
  await b.clock.advance(30 * MINUTE);
  assert.equal(triesOf(b), 3);
  await b.clock.advance(10 * HOUR);
  assert.equal(reportsOf(b).length, 1);
  await b.queue.stop(0);
});

test("that the sender was told survives a restart, and that it was not", async () => {
  const b = await deaf({ settings: { delayWarningMs: 90 * MINUTE } });
  await accept(b, ["DELAY"]);
  await b.clock.advance(HOUR);
  await b.queue.stop(0);
  await b.clock.advance(HOUR);
  const second = await deaf({ disk: b.disk, clock: b.clock, settings: { delayWarningMs: 90 * MINUTE } });
  await b.clock.advance(2 * MINUTE);
  assert.equal(reportsOf(second).length, 1);
  await second.queue.stop(0);
  const third = await deaf({ disk: b.disk, clock: b.clock, settings: { delayWarningMs: 90 * MINUTE } });
  await b.clock.advance(5 * HOUR);
  assert.equal(reportsOf(third).length, 0);
  assert.ok(triesOf(third) > 2);
  await third.queue.stop(0);
});

test("who did not ask hears of a delay where the server tells everybody; who forbade it, and nobody, never", async () => {
  const cases: [Recipient["notify"], string, "asked" | "all", number][] = [
    [undefined, "us@home.example", "asked", 0],
    [undefined, "us@home.example", "all", 1],
    [["FAILURE"], "us@home.example", "all", 0],
    [["NEVER"], "us@home.example", "all", 0],
    [["DELAY"], "<>", "asked", 0],
    [["DELAY"], "us@home.example", "asked", 1],
  ];
  for (const [notify, sender, delayWarningFor, count] of cases) {
    const b = await bench({
      verdicts: (address) => address === "us@home.example" ? "delivered" : "deferred",
      settings: { intervals: Array(100).fill(HOUR), delayWarningFor, delayWarningMs: HOUR },
    });
    await accept(b, notify, undefined, sender);
    await b.clock.advance(3 * HOUR);
    const reports = b.courier.deliveries.filter(({ recipients }) => recipients[0] === "us@home.example");
    assert.equal(reports.length, count, `${notify} ${sender} ${delayWarningFor}`);
    await b.queue.stop(0);
  }
});

test("what is held at the sender's wish is late only when its time has come and gone", async () => {
  const b = await deaf({ settings: { delayWarningMs: 90 * MINUTE } });
  await accept(b, ["DELAY"], { holdUntil: b.clock.now() + 5 * HOUR });
  await b.clock.advance(6 * HOUR);
  assert.equal(reportsOf(b).length, 0);
  await b.clock.advance(31 * MINUTE);
  assert.equal(reportsOf(b).length, 1);
  assert.match(reportsOf(b)[0]!, /\r\nFuture-Release-Request: until; 2026-/);
  await b.queue.stop(0);
});

test("BY in mode R: at its time the mail comes back, between two attempts", async () => {
  const b = await deaf();
  await accept(b, undefined, { deliverBy: { at: b.clock.now() + 90 * MINUTE, mode: "R", trace: false } });
  await b.clock.advance(91 * MINUTE);
  assert.equal(triesOf(b), 2);
  const [report] = reportsOf(b);
  assert.match(report!, /\r\nDeliver-By-Date: /);
  assert.match(report!, /\r\nAction: failed\r\nStatus: 5\.4\.7\r\n/);
  assert.deepEqual(b.queue.list(), []);
  assert.equal(b.log.of("bounced").length, 1);
  await b.queue.stop(0);
});

test("BY in mode R passes while the server is down: the mail is not tried any more", async () => {
  const b = await deaf({ start: false });
  await accept(b, undefined, { deliverBy: { at: b.clock.now() + 10 * MINUTE, mode: "R", trace: false } });
  await b.queue.stop(0);
  await b.clock.advance(HOUR);
  const again = await deaf({ disk: b.disk, clock: b.clock });
  await b.clock.advance(2 * MINUTE);
  assert.equal(triesOf(again), 0);
  assert.equal(reportsOf(again).length, 1);
  assert.deepEqual(again.queue.list(), []);
  await again.queue.stop(0);
});

test("BY in mode N: at its time the sender is told, and the attempts go on", async () => {
  for (const [notify, count] of [[undefined, 1], [["NEVER"], 0], [["FAILURE"], 0]] as const) {
    const b = await deaf({ settings: { intervals: Array(4).fill(HOUR) } });
    await accept(b, notify, { deliverBy: { at: b.clock.now() + 90 * MINUTE, mode: "N", trace: false } });
    await b.clock.advance(91 * MINUTE);
    assert.equal(reportsOf(b).length, count, String(notify));
    if (count > 0) assert.match(reportsOf(b)[0]!, /\r\nAction: delayed\r\n/);
    assert.equal(b.queue.list().length, 1);
    await b.clock.advance(2 * HOUR);
    assert.equal(triesOf(b), 4);
    assert.equal(reportsOf(b).length, count);
    await b.queue.stop(0);
  }
});

test("a full disk when there is news does not make the queue spin", async () => {
  const b = await deaf();
  await accept(b, undefined, { deliverBy: { at: b.clock.now() + 90 * MINUTE, mode: "R", trace: false } });
  await b.clock.advance(89 * MINUTE);
  b.disk.fail = (step) => {
    if (step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  await b.clock.advance(10 * MINUTE);
  const tries = b.log.text().split("Cannot queue a report").length - 1;
  assert.ok(tries > 1 && tries < 15, String(tries));
  b.disk.fail = () => {};
  await b.clock.advance(5 * MINUTE);
  assert.equal(reportsOf(b).length, 1);
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});
