/**
 * A deep queue costs what is done about it, not what lies in it (wishes §1.2, 18): counted, not timed. `deno task bench:deep` has the times.
 */
import assert from "node:assert/strict";
import { Resting } from "../../src/queue/resting.ts";
import { readQueue } from "../../src/queue/list.ts";
import { fillJournal } from "../bench/deep/fill.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";
import { bench, DIR } from "./queue_kit.ts";

const MESSAGES = 3000;

/** A queue over a journal of deferred messages, and how many of them were made into objects since it was last asked. */
async function deep({ start = true, segmentBytes = 64 * 1024 * 1024 } = {}) {
  const disk = new CrashDisk();
  const clock = new FakeClock();
  const options = { messages: MESSAGES, domains: 100, now: clock.now(), segmentBytes: 256 * 1024 };
  const filled = fillJournal(disk.host, DIR, { ...options, bodyBytes: 60 });
  let made = 0;
  const { view } = Resting.prototype;
  Resting.prototype.view = function (...args) {
    made++;
    return view.apply(this, args);
  };
  const b = await bench({ disk, clock, start, options: { segmentBytes } });
  return {
    ...b,
    filled,
    made() {
      const count = made;
      made = 0;
      return count;
    },
    async end() {
      Resting.prototype.view = view;
      await b.queue.stop(0);
    },
  };
}

test("a start makes no object of a message that waits, and finds every one as it was", async () => {
  const d = await deep();
  assert.equal(d.made(), 0);
  assert.equal(String(d.queue.stats()), `0/0/${d.filled.items}`);
  const [event] = d.log.of("queue_recovered");
  assert.deepEqual([event!.messages, event!.recipients], [MESSAGES, d.filled.recipients]);
  assert.equal(d.made(), 0);
  const ofOne = d.queue.list().filter(({ domain }) => domain === "d7.co.example");
  assert.equal(ofOne.length, d.filled.perDomain.get("d7.co.example"));
  for (const { sender, attempts, lastError, recipients } of ofOne) {
    assert.match(sender, /^sender\d+@s\d+\.example$/);
    assert.ok(attempts >= 1 && lastError!.length > 10 && recipients.every((one) => one.endsWith("@d7.co.example")));
  }
  await d.end();
});

test("fresh mail comes and goes without touching one of those that wait", async () => {
  const d = await deep();
  for (let n = 0; n < 50; n++) await d.accept(`FRESH${n}`, ["x@fresh.example"]);
  await d.clock.advance(1000);
  assert.equal(d.courier.delivered.length, 50);
  assert.equal(d.made(), 0);
  await d.end();
});

test("old segments are cleared of dead fresh mail without touching one of those that wait", async () => {
  const d = await deep({ segmentBytes: 128 * 1024 });
  const before = d.queue.list({ domain: "d7.co.example" });
  d.made();
  const body = "y".repeat(100_000);
  for (let n = 0; n < 50; n++) {
    await d.accept(`FRESH${n}`, ["x@fresh.example"], undefined, body);
    await d.clock.advance(50);
  }
  const left = d.disk.names(DIR).filter((name) => name.endsWith(".log"));
  assert.ok(left[0]! > "000003.log", `${left[0]}: what waited in the first of them has moved`);
  assert.equal(d.made(), 0);
  assert.deepEqual(d.queue.list({ domain: "d7.co.example" }), before);
  await d.end();
});

test("listing, flushing or holding one domain touches its messages only", async () => {
  const d = await deep();
  const domain = "d3.co.example";
  const count = d.filled.perDomain.get(domain)!;
  assert.ok(count > 5 && count < MESSAGES / 10);
  assert.equal(d.queue.list({ domain }).length, count);
  assert.equal(d.made(), count);
  const [first] = d.queue.list({ domain, limit: 1 });
  assert.equal(d.made(), 1);
  await d.queue.hold(first!.id);
  await d.queue.release(first!.id);
  assert.equal(d.queue.list({ id: first!.id }).length, 1);
  assert.ok(d.made() <= 6);
  assert.equal(d.queue.flush(domain), count);
  await d.clock.advance(1000);
  assert.ok(d.made() <= count);
  assert.equal(d.courier.deliveries.length, count);
  assert.deepEqual(new Set(d.courier.deliveries.map((one) => one.domain)), new Set([domain]));
  await d.end();
});

test("what is held, and what is under way, is found without looking at those that wait", async () => {
  const d = await deep();
  const [first, second] = d.queue.list({ limit: 2 });
  await d.queue.hold(first!.id);
  await d.queue.hold(second!.id);
  d.made();
  assert.deepEqual(d.queue.list({ state: "held" }).map(({ id }) => id).sort(), [first!.id, second!.id].sort());
  assert.deepEqual([...d.queue.list({ state: "ready" }), ...d.queue.list({ state: "active" })], []);
  assert.equal(d.made(), 2);
  await d.end();
});

test("a flush of everything goes out in turns, and all of it goes out", async () => {
  const d = await deep();
  assert.equal(d.queue.flush(), d.filled.items);
  assert.equal(d.made(), 0);
  await d.clock.advance(10_000);
  assert.equal(d.courier.delivered.length, d.filled.recipients);
  assert.deepEqual(d.queue.list(), []);
  await d.end();
});

test("a reader beside the server makes objects of what it was asked for only", async () => {
  const d = await deep({ start: false });
  d.made();
  const domain = "d3.co.example";
  assert.equal(readQueue(d.disk.host, DIR, { domain }).length, d.filled.perDomain.get(domain));
  assert.equal(d.made(), d.filled.perDomain.get(domain));
  await d.end();
});

test("a message that fails and waits again goes out of memory again", async () => {
  const d = await deep();
  d.courier.verdicts = () => "deferred";
  const domain = "d5.mail.example";
  const count = d.queue.flush(domain);
  assert.ok(count > 5);
  await d.clock.advance(1000);
  assert.equal(d.courier.deliveries.length, count);
  d.made();
  const again = d.queue.list({ domain });
  assert.equal(d.made(), count, "all of them had to be made into objects: none is one any more");
  assert.ok(again.every(({ attempts, state }) => attempts >= 2 && state === "waiting"));
  await d.end();
});
