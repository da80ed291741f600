import assert from "node:assert/strict";
import { decodePast, encodePast, type PastAttempt, pastOf, withAttempt } from "../../src/queue/past.ts";
import { readLedger } from "../../src/queue/list.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, MINUTE } from "./queue_kit.ts";

const attempt = (at: number, text: string, recipients = [0]): PastAttempt => ({
  at,
  results: [{ kind: "deferred", recipients, text, host: "mx.example" }],
});

test("what is encoded comes back, and what repeats costs next to nothing", () => {
  const past = [attempt(1, "451 later"), attempt(2, "451 later"), attempt(3, "421 no ä")];
  assert.deepEqual(decodePast(encodePast(past)), past);
  const once = encodePast([attempt(1, "x".repeat(150))]).length;
  const often = encodePast(Array.from({ length: 12 }, (_, n) => attempt(n, "x".repeat(150)))).length;
  assert.ok(often < once + 12 * 8, `${once}, ${often}`);
});

test("it is bounded: the first attempt and the latest ones stay, long texts and many results are cut", () => {
  let past: PastAttempt[] = [];
  for (let n = 0; n < 40; n++) past = decodePast(withAttempt(past, attempt(n, `${n} ${"x".repeat(1000)}`)));
  assert.deepEqual(past.map(({ at }) => at), [0, ...Array.from({ length: 15 }, (_, n) => 25 + n)]);
  assert.equal(past[1]!.results[0]!.text.length, 200);
  const results = Array.from(
    { length: 100 },
    (_, n) => ({ kind: "failed" as const, recipients: [n], text: `no ${n}` }),
  );
  const [many] = decodePast(withAttempt([], { at: 0, results }));
  assert.equal(many!.results.length, 5);
  assert.equal(many!.results.flatMap(({ recipients }) => recipients).length, 100);
});

test("recipients that met with the same stand together", () => {
  const results = [0, 1, 2].map((n) => ({ kind: "deferred" as const, recipients: [n], text: n === 1 ? "b" : "a" }));
  assert.deepEqual(
    decodePast(withAttempt([], { at: 0, results }))[0]!.results.map(({ recipients, text }) => [text, recipients]),
    [
      ["a", [0, 2]],
      ["b", [1]],
    ],
  );
});

test("octets that are no past are none", () => {
  for (const text of ["", "{", "7", "[7]", "null"]) {
    assert.deepEqual(decodePast(new TextEncoder().encode(text)), [], text);
  }
});

test("each attempt is remembered on the disk, whatever became of which recipient", async () => {
  const b = await bench({
    verdicts: (a) => a.startsWith("soft") ? "deferred" : a.startsWith("bad") ? "failed" : "delivered",
  });
  const began = b.clock.now();
  await b.accept("A", ["good@one.example", "soft@one.example", "bad@one.example"]);
  await b.clock.advance(50);
  await b.clock.advance(2 * MINUTE);
  const read = (host = b.disk.host) =>
    readLedger(host, DIR, (ledger) => ledger.find("A").map((entry) => pastOf(entry)))[0]!;
  assert.deepEqual(read().map(({ at, results }) => [Math.round((at - began) / 1000), ...results]), [
    [
      0,
      { kind: "delivered", recipients: [0], text: "2.0.0 taken", host: "mx.example" },
      { kind: "deferred", recipients: [1], text: "451 4.2.1 not now", host: "mx.example" },
      { kind: "failed", recipients: [2], text: "550 5.1.1 no such user", host: "mx.example" },
    ],
    [64, { kind: "deferred", recipients: [1], text: "451 4.2.1 not now", host: "mx.example" }],
  ]);
  const before = read();
  await b.queue.stop(0);
  const again = await bench({ disk: b.disk, clock: b.clock, verdicts: () => "deferred" });
  await b.clock.advance(3 * MINUTE);
  await again.queue.stop(0);
  const after = read();
  assert.deepEqual(after.slice(0, 2), before);
  assert.equal(after.length, 3);
});

test("the past comes along when a message is copied forward, and the segments it lay in are deleted", async () => {
  const b = await bench({
    options: { segmentBytes: 2000 },
    verdicts: (address) => address.startsWith("soft") ? "deferred" : "delivered",
  });
  await b.accept("OLD", ["soft@one.example"]);
  await b.clock.advance(2 * MINUTE);
  for (let n = 0; n < 60; n++) {
    await b.accept(`M${n}`, ["x@one.example"], undefined, "y".repeat(500));
    await b.clock.advance(30);
  }
  assert.ok(!b.disk.names(DIR).includes("000001.log"));
  const disk = b.disk.afterCrash(() => 0.99);
  const count = readLedger(disk.host, DIR, (ledger) => pastOf(ledger.find("OLD")[0]!).length);
  assert.equal(count, 2);
  await b.clock.advance(3 * MINUTE);
  assert.equal(readLedger(b.disk.host, DIR, (ledger) => pastOf(ledger.find("OLD")[0]!).length), 3);
  await b.queue.stop(0);
});

test("while the disk fails it waits in memory, and is written when the disk recovers", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("A", ["x@one.example"]);
  let broken = true;
  b.disk.fail = (step) => {
    if (broken && step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  await b.clock.advance(3 * MINUTE);
  broken = false;
  await b.clock.advance(5000);
  assert.equal(readLedger(b.disk.host, DIR, (ledger) => pastOf(ledger.find("A")[0]!).length), 2);
  await b.queue.stop(0);
});
