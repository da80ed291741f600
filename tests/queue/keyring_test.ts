import assert from "node:assert/strict";
import { loadMessage } from "../../src/mail/message.ts";
import { Keyring } from "../../src/queue/keyring.ts";
import type { Segment } from "../../src/queue/segment.ts";
import type { CrashDisk } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";
import { turn } from "./crash_world.ts";
import { type Bench, bench, type BenchOptions, DIR, envelope, mail, MINUTE } from "./queue_kit.ts";

const HOUR = 60 * MINUTE;

function open(options: BenchOptions = {}): Promise<Bench> {
  return bench({ clock: new FakeClock(undefined, turn), ...options });
}

/** Submits under a key: `queued`, or the id it repeats. */
async function submit({ queue }: Bench, id: string, key: string): Promise<string> {
  const taken = await queue.accept({ ...envelope(id, "us@home.example", ["x@one.example"]), key }, mail(id));
  return taken.repeated ? taken.id : "queued";
}

/** All that was not synced is lost. */
function forget(disk: CrashDisk): CrashDisk {
  let calls = 0;
  return disk.afterCrash(() => calls++ === 0 ? 0.1 : 0.99);
}

test("a submission that comes again under its key gets the first one's id and is not queued again; another key, or none, is another mail", async () => {
  const b = await open();
  assert.equal(await submit(b, "A", "k1"), "queued");
  assert.equal(await submit(b, "B", "k1"), "A");
  assert.equal(await submit(b, "C", "k2"), "queued");
  await b.accept("D", ["x@one.example"]);
  await b.accept("E", ["x@one.example"]);
  await b.clock.advance(100);
  assert.deepEqual(b.courier.deliveries.map(({ id }) => id), ["A.1", "C.1", "D.1", "E.1"]);
  // Delivered or not.
  assert.equal(await submit(b, "F", "k1"), "A");
  await b.queue.stop(0);
});

test("what comes again while the first is on its way to the disk waits for it, and is taken when that fails", async () => {
  const b = await open({ start: false });
  await b.accept("before", ["x@one.example"]);
  let failed = false;
  b.disk.fail = (step) => {
    if (step !== "write" || failed) return;
    failed = true;
    throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  const three = await Promise.allSettled([submit(b, "A", "k"), submit(b, "B", "k"), submit(b, "C", "k")]);
  assert.deepEqual(three.map((one) => one.status === "fulfilled" ? one.value : one.status), [
    "rejected",
    "queued",
    "B",
  ]);
  let done = false;
  const waits = submit(b, "D", "other").then((told) => (done = true, told));
  const repeated = submit(b, "E", "other").then((told) => [told, done]);
  assert.equal(await waits, "queued");
  assert.deepEqual(await repeated, ["D", true]);
  assert.deepEqual(b.queue.list().map(({ id }) => id), ["before.1", "B.1", "D.1"]);
  await b.queue.stop(0);
});

test("keys outlive a crash with their mail, its delivery, and the segment that held them", async () => {
  const b = await open({ options: { segmentBytes: 300 } });
  assert.equal(await submit(b, "A", "k1"), "queued");
  const again = await open({ disk: forget(b.disk), options: { segmentBytes: 300 } });
  assert.equal(await submit(again, "B", "k1"), "A");
  // Delivered, and its segment gone: other mail has filled some since.
  for (let n = 0; n < 5; n++) {
    await again.accept(`m${n}`, ["x@one.example"]);
    await again.clock.advance(100);
  }
  assert.ok(!again.disk.names(DIR).includes("000001.log"), "the first segment is gone");
  const third = await open({ disk: forget(again.disk), clock: again.clock });
  assert.deepEqual(third.queue.list(), []);
  assert.equal(await submit(third, "C", "k1"), "A");
  await third.queue.stop(0);
});

test("a key is forgotten after the window, and beyond the most there may be, over restarts too", async () => {
  const settings = { keyWindowMs: HOUR, mostKeys: 3 };
  const b = await open({ settings, start: false });
  for (const n of [1, 2, 3, 4]) assert.equal(await submit(b, `A${n}`, `k${n}`), "queued");
  assert.equal(await submit(b, "B", "k2"), "A2");
  assert.equal(await submit(b, "C", "k1"), "queued");
  await b.clock.advance(HOUR - 1);
  assert.equal(await submit(b, "D", "k4"), "A4");
  const again = await open({ disk: forget(b.disk), clock: b.clock, settings, start: false });
  assert.equal(await submit(again, "E", "k4"), "A4");
  await again.clock.advance(1);
  assert.equal(await submit(again, "F", "k4"), "queued");
  await again.queue.stop(0);
});

test("a key is never remembered without its mail: not when the mail was not acknowledged and taken back, nor when it was lost to damage", async () => {
  const b = await open({ start: false });
  await b.accept("before", ["x@one.example"]);
  b.disk.fail = (step) => {
    if (step === "synced") throw new Error("EIO");
  };
  await assert.rejects(submit(b, "A", "k"), /EIO/);
  b.disk.fail = () => {};
  assert.equal(await submit(b, "B", "k"), "queued");
  const again = await open({ disk: forget(b.disk), start: false });
  assert.equal(await submit(again, "C", "k"), "B");
  assert.deepEqual(again.queue.list().map(({ id }) => id).sort(), ["B.1", "before.1"]);

  // A body that is missing: nobody has the mail any more.
  const spool = again.queue.spool();
  await spool.write(new TextEncoder().encode("Subject: large\r\n\r\nbody\r\n"));
  const source = await spool.finish();
  await again.queue.accept(
    { ...envelope("L", "us@home.example", ["x@two.example"]), key: "large" },
    await loadMessage(source),
  );
  const last = await open({ disk: forget(again.disk), start: false });
  for (const name of last.disk.names(`${DIR}/body`)) last.disk.host.removeSync(`${DIR}/body/${name}`);
  assert.equal(await submit(last, "M", "large"), "L");
  last.queue.start(last.courier);
  await last.clock.advance(100);
  assert.equal(last.log.of("queue_corrupt").length, 1);
  assert.equal(await submit(last, "M", "large"), "queued");
  await last.queue.stop(0);
});

test("an operator who removes a mail does not make its client's repetition a new one", async () => {
  const b = await open({ start: false });
  await submit(b, "A", "k");
  await b.queue.order({ verb: "remove", filter: { id: "A" } });
  const again = await open({ disk: forget(b.disk), start: false });
  assert.deepEqual(again.queue.list(), []);
  assert.equal(await submit(again, "B", "k"), "A");
  await again.queue.stop(0);
});

test("where queues share submissions, another one's is repeated too; a claim ends whatever becomes of the mail, and without an answer nothing is taken", async () => {
  const ended: string[] = [];
  const elsewhere: { answer: () => Promise<{ id?: string }> } = { answer: async () => ({ id: "THEIRS" }) };
  const claims = { claim: () => elsewhere.answer(), end: (key: string) => void ended.push(key) };
  const b = await open({ options: { claims } });
  assert.equal(await submit(b, "A", "k"), "THEIRS");
  assert.deepEqual(ended, []);
  elsewhere.answer = async () => ({});
  assert.equal(await submit(b, "B", "k"), "queued");
  assert.deepEqual(ended, ["k"]);
  assert.equal(b.queue.submitted("k"), "B");
  elsewhere.answer = () => Promise.reject(new Error("nobody there"));
  assert.equal(await submit(b, "C", "k"), "B", "what is known here needs no asking");
  await assert.rejects(submit(b, "D", "k2"), /nobody there/);
  elsewhere.answer = async () => ({});
  b.disk.fail = (step) => {
    if (step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  await assert.rejects(submit(b, "E", "k3"));
  assert.deepEqual(ended, ["k", "k3"]);
  await b.queue.stop(0).catch(() => {});
});

test("it tells what a record of all keys takes at most, and in which segments any lie", async () => {
  let now = 1_700_000_000_000;
  const keys = new Keyring(() => now, () => ({ keyWindowMs: 1000, mostKeys: 100 }));
  const [first, second] = [{}, {}] as Segment[];
  for (let n = 0; n < 50; n++) keys.add(n % 2 === 0 ? `key-${n}` : `schlüssel 日本 ${n}`, `ID${n}`, now, first!);
  assert.deepEqual([keys.liesIn(first!), keys.liesIn(second!)], [true, false]);
  let record = "";
  await keys.leave(first!, {
    append: (_, json) => {
      record = json as string;
      return Promise.resolve({ segment: second!, offset: 0, length: 0 });
    },
  });
  const written = new TextEncoder().encode(record).length;
  assert.ok(keys.octets >= written && keys.octets < 2 * written, `${keys.octets} for ${written}`);
  assert.deepEqual([keys.liesIn(first!), keys.liesIn(second!)], [false, true]);
  now += 1000;
  assert.equal(keys.liesIn(second!), false);
});
