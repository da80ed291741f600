import assert from "node:assert/strict";
import type { Host } from "../../src/host/types.ts";
import { readQueue } from "../../src/queue/list.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, envelope, mail, MINUTE } from "./queue_kit.ts";

const logs = (names: string[]) => names.filter((name) => name.endsWith(".log"));

test("segments without live messages are deleted, oldest first", async () => {
  const b = await bench({ options: { segmentBytes: 2000 } });
  for (let n = 0; n < 40; n++) {
    await b.accept(`M${n}`, ["x@one.example"], undefined, "y".repeat(500));
    await b.clock.advance(30);
  }
  assert.equal(b.courier.delivered.length, 40);
  const left = logs(b.disk.names(DIR));
  assert.ok(left.length <= 2, `${left}`);
  await b.queue.stop(0);
});

test("a few live messages are copied forward so that old segments can go, and keep their state", async () => {
  const b = await bench({
    options: { segmentBytes: 2000 },
    verdicts: (address) => address.startsWith("soft") ? "deferred" : "delivered",
  });
  const began = b.clock.now();
  await b.accept("OLD", ["soft@one.example", "x@one.example", "soft@two.example"]);
  await b.clock.advance(30);
  await b.queue.hold("OLD.2");
  for (let n = 0; n < 60; n++) {
    await b.accept(`M${n}`, ["x@one.example"], undefined, "y".repeat(500));
    await b.clock.advance(30);
  }
  const left = logs(b.disk.names(DIR));
  assert.ok(left.length <= 6, `${left}`);
  assert.notEqual(left[0], "000001.log");
  const disk = b.disk.afterCrash(() => 0.99);
  const state = readQueue(disk.host, DIR).map((
    { id, recipients, attempts, state, dueAt },
  ) => [id, ...recipients, attempts, state, dueAt]);
  assert.deepEqual(state, [
    ["OLD.1", "soft@one.example", 1, "waiting", began + 64_000],
    ["OLD.2", "soft@two.example", 1, "held", began + 64_000],
  ]);
  await b.clock.advance(2 * MINUTE);
  assert.ok(b.courier.deliveries.filter(({ id }) => id === "OLD.1").length >= 2);
  assert.match(b.courier.deliveries.findLast(({ id }) => id === "OLD.1")!.text, /\r\nHello\r\n$|\r\n\r\nHello\r\n$/);
  await b.queue.stop(0);
});

test("a mail whose record went bad before its first attempt is still delivered from memory", async () => {
  const b = await bench({ options: { segmentBytes: 2000 }, settings: { disabled: true } });
  await b.accept("HOT", ["x@one.example"]);
  const path = `${DIR}/000001.log`;
  const file = b.disk.host.openSync(path, { write: true });
  file.seekSync(new TextDecoder("latin1").decode(b.disk.read(path)).indexOf("Hello"), 0);
  file.writeSync(Uint8Array.of(0));
  file.close();
  for (let n = 0; n < 40; n++) {
    await b.accept(`M${n}`, ["y@two.example"], undefined, "y".repeat(500));
    await b.queue.remove(`M${n}`);
  }
  await b.clock.advance(100);
  assert.equal(b.log.of("queue_corrupt").length, 1);
  b.set({ disabled: false });
  await b.clock.advance(100);
  assert.deepEqual(b.courier.delivered, ["x@one.example"]);
  await b.queue.stop(0);
});

test("many that wait, with long histories, are copied forward once for what else comes, not round and round", async () => {
  let copied = 0;
  const b = await bench({
    options: { segmentBytes: 8000 },
    settings: { intervals: Array.from({ length: 30 }, () => MINUTE) },
    verdicts: (address) => address.startsWith("soft") ? "deferred" : "delivered",
  });
  for (let n = 0; n < 40; n++) await b.accept(`SOFT${n}`, ["soft@one.example"]);
  // Each attempt tells something else, so that each is kept.
  const { deliver } = b.courier;
  let told = 0;
  b.courier.deliver = async (...args) => {
    const attempt = await deliver.apply(b.courier, args);
    for (const outcome of attempt.outcomes) {
      if (outcome.kind === "deferred") {
        Object.assign(outcome.reason, { text: `451 4.2.1 not now, ${told++} ${"x".repeat(150)}` });
      }
    }
    return attempt;
  };
  for (let n = 0; n < 12; n++) await b.clock.advance(2 * MINUTE);
  const written = () => logs(b.disk.names(DIR)).reduce((sum, name) => sum + b.disk.read(`${DIR}/${name}`).length, 0);
  const segmentsBefore = logs(b.disk.names(DIR)).at(-1)!;
  assert.ok(written() > 40 * 2000, "histories outweigh the messages");
  // Nothing more is due; a few fresh ones must not set off a copy of everything, again and again.
  await b.queue.hold("SOFT0");
  for (let n = 0; n < 40; n++) await b.queue.hold(`SOFT${n}`);
  for (let n = 0; n < 30; n++) {
    await b.accept(`FRESH${n}`, ["x@two.example"], undefined, "y".repeat(800));
    await b.clock.advance(100);
  }
  copied = Number(logs(b.disk.names(DIR)).at(-1)!.slice(0, 6)) - Number(segmentsBefore.slice(0, 6));
  assert.ok(copied <= 12, `${copied} segments begun for 30 KB of fresh mail`);
  await b.queue.stop(0);
});

test("dead octets are put up with until they are twice the living and two segments", async () => {
  const segmentBytes = 4000;
  const b = await bench({
    options: { segmentBytes },
    verdicts: (address) => address.startsWith("soft") ? "deferred" : "delivered",
  });
  for (let n = 0; n < 60; n++) await b.accept(`SOFT${n}`, ["soft@one.example"], undefined, "x".repeat(700));
  await b.clock.advance(30);
  for (let n = 0; n < 60; n++) await b.queue.hold(`SOFT${n}`);
  const total = () => logs(b.disk.names(DIR)).reduce((sum, name) => sum + b.disk.read(`${DIR}/${name}`).length, 0);
  const live = 60 * 1150;
  let most = 0;
  for (let n = 0; logs(b.disk.names(DIR))[0] === "000001.log"; n++) {
    most = total();
    assert.ok(most < 4 * live, `${most} octets`);
    await b.accept(`FRESH${n}`, ["x@two.example"], undefined, "y".repeat(3000));
    await b.clock.advance(30);
  }
  assert.ok(most > 2.5 * live + 2 * segmentBytes && most < 3.5 * live + 3 * segmentBytes, `${most} octets for ${live}`);
  await b.queue.stop(0);
});

test("keys of mail that has gone are not copied round and round, however many there are", async () => {
  const b = await bench({ options: { segmentBytes: 2000 } });
  const take = (n: number) => {
    const under = { ...envelope(`M${n}`, "us@home.example", ["x@one.example"]), key: `schlüssel-${n}` };
    return b.queue.accept(under, mail(`M${n}`));
  };
  // Each burst is one batch in one segment, with more keys than a segment is long.
  for (let burst = 0; burst < 4; burst++) {
    await Promise.all(Array.from({ length: 60 }, (_, n) => take(burst * 60 + n)));
  }
  // What never ends is ended here.
  let steps = 0;
  b.disk.fail = () => {
    if (++steps > 5000) throw new Error("Too much is done");
  };
  await b.clock.advance(1000);
  assert.ok(steps < 3000, `${steps} steps`);
  const segments = logs(b.disk.names(DIR));
  await b.clock.advance(1000);
  assert.deepEqual(logs(b.disk.names(DIR)), segments);
  assert.deepEqual(await take(3), { id: "M3", repeated: true });
  await b.queue.stop(0);
});

test("a message whose report is on its way to the disk is not copied forward as if it were told of", async () => {
  const disk = new CrashDisk();
  const { host } = disk;
  const go = Promise.withResolvers<void>();
  const openSync: Host["openSync"] = (path, options) => {
    const file = host.openSync(path, options);
    // A report's body takes its time.
    if (path.includes("/body/")) {
      const { sync } = file;
      file.sync = () => go.promise.then(sync);
    }
    return file;
  };
  const slow: Host = Object.create(host, { openSync: { value: openSync } });
  const b = await bench({
    disk,
    options: { host: slow, segmentBytes: 400 },
    settings: { bodyThreshold: 400 },
    verdicts: (address) => address.startsWith("bad") ? "failed" : "delivered",
  });
  await b.accept("A", ["bad@one.example"]);
  await b.clock.advance(10);
  for (let n = 0; n < 12; n++) {
    await b.accept(`m${n}`, ["ok@two.example"], undefined, "x".repeat(100));
    await b.clock.advance(50);
  }
  // The power fails before the report is there.
  const again = await bench({ disk: disk.afterCrash(() => 0.99), clock: b.clock, start: false });
  assert.deepEqual(again.queue.list().map(({ id }) => id), ["A.1"]);
  await again.queue.stop(0);
  go.resolve();
  await b.clock.advance(100);
  await b.queue.stop(0);
});
