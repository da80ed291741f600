import assert from "node:assert/strict";
import { concat, utf8Encode } from "../../src/base/bytes.ts";
import { SEGMENT_HEADER, segmentName } from "../../src/queue/segment.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, envelope } from "./queue_kit.ts";

async function threeMessages(): Promise<CrashDisk> {
  const b = await bench({ start: false });
  for (const id of ["A", "B", "C"]) await b.accept(id, ["x@one.example"]);
  return b.disk.afterCrash(() => 0.99);
}
const LOG = `${DIR}/${segmentName(1)}`;

test("a torn tail is set aside with a log event and cut off; the whole records before it are there", async () => {
  const disk = await threeMessages();
  const whole = disk.read(LOG);
  disk.write(LOG, whole.subarray(0, whole.length - 7));
  const b = await bench({ disk, start: false });
  assert.deepEqual(b.queue.list().map(({ id }) => id), ["A.1", "B.1"]);
  const [event] = b.log.of("queue_corrupt");
  assert.equal(event!.reason, "torn tail");
  assert.deepEqual(disk.read(event!.kept), whole.subarray(event!.offset, whole.length - 7));
  assert.equal(disk.read(LOG).length, event!.offset);
  assert.equal(b.log.of("queue_recovered")[0]!.torn, 1);
  await b.queue.stop(0);
  const again = await bench({ disk, start: false });
  assert.deepEqual(again.log.of("queue_corrupt"), []);
  await again.queue.stop(0);
});

test("a flipped byte sets aside one record with a log event, once; its neighbours are delivered", async () => {
  const disk = await threeMessages();
  const bytes = disk.read(LOG);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  disk.write(LOG, bytes);
  const b = await bench({ disk });
  await b.clock.advance(100);
  assert.deepEqual(b.courier.deliveries.map(({ id }) => id), ["A.1", "C.1"]);
  const [event] = b.log.of("queue_corrupt");
  assert.equal(event!.reason, "damaged record");
  assert.deepEqual(disk.read(event!.kept), bytes.subarray(event!.offset, event!.offset + event!.length));
  await b.queue.stop(0);
});

test("a damaged segment header costs no message", async () => {
  const disk = await threeMessages();
  const bytes = disk.read(LOG);
  bytes[13]! ^= 1;
  disk.write(LOG, bytes);
  const b = await bench({ disk, start: false });
  assert.equal(b.queue.list().length, 3);
  assert.equal(b.log.of("queue_corrupt")[0]!.reason, "damaged segment header");
  b.queue.start(b.courier);
  await b.clock.advance(100);
  assert.equal(b.courier.delivered.length, 3);
  await b.queue.stop(0);
});

test("bodies without a record are swept; while records are damaged they are set aside", async () => {
  const disk = await threeMessages();
  disk.write(`${DIR}/body/stray.eml`, Uint8Array.of(1));
  await (await bench({ disk, start: false })).queue.stop(0);
  assert.deepEqual(disk.names(`${DIR}/body`), []);
  const bytes = disk.read(LOG);
  bytes[60]! ^= 1;
  disk.write(LOG, bytes);
  disk.write(`${DIR}/body/stray.eml`, Uint8Array.of(1));
  await (await bench({ disk, start: false })).queue.stop(0);
  assert.deepEqual(disk.names(`${DIR}/body`), []);
  assert.ok(disk.names(`${DIR}/corrupt`).includes("stray.eml"));
});

test("a record that is damaged while the server runs is set aside, not delivered and not fatal", async () => {
  const b = await bench({ settings: { memoryBudget: 0, disabled: true } });
  await b.accept("A", ["x@one.example"]);
  await b.accept("B", ["x@one.example"]);
  const file = b.disk.host.openSync(LOG, { write: true });
  file.seekSync(100, 0);
  file.writeSync(Uint8Array.of(255));
  file.close();
  b.set({ disabled: false });
  await b.clock.advance(100);
  assert.deepEqual(b.courier.deliveries.map(({ id }) => id), ["B.1"]);
  assert.match(b.log.of("queue_corrupt")[0]!.reason, /checksum.*\(A\)/);
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});

test("a segment that cannot be read is named and kept; the others are served", async () => {
  const disk = await threeMessages();
  const b = await bench({
    start: false,
    options: {
      host: {
        ...disk.host,
        openSync: (path, options) => {
          if (path.endsWith("000002.log")) throw new Error("Input/output error");
          return disk.host.openSync(path, options);
        },
      },
    },
    disk: (disk.write(`${DIR}/000002.log`, new Uint8Array(100)), disk),
  });
  assert.equal(b.queue.list().length, 3);
  assert.match(b.log.of("queue_corrupt")[0]!.reason, /unreadable/);
  assert.ok(disk.names(DIR).includes("000002.log"));
});

test("the names of the queue's own directories are made safe before anything is put into them", async () => {
  const disk = new CrashDisk();
  const synced: string[] = [];
  disk.fail = (step, path) => void (step === "sync" && synced.push(path));
  const b = await bench({ disk, start: false });
  assert.deepEqual(synced, [DIR, DIR.slice(0, DIR.lastIndexOf("/")), "/"]);
  await b.queue.stop(0);
});

test("a start beside a directory that cannot be synced is a start", async () => {
  const disk = new CrashDisk();
  disk.fail = (step) => {
    if (step === "sync") throw new Error("EINVAL");
  };
  const b = await bench({ disk, start: false });
  disk.fail = () => {};
  await b.accept("A", ["x@one.example"]);
  await b.queue.stop(0);
});

test("a damaged header with a mail of forged frames behind it invents nothing and loses none of the others", async () => {
  const { putChecksum, putMarker, putPrefix } = await import("../../src/queue/record.ts");
  const forged = new Uint8Array(200);
  const json = JSON.stringify({ i: "FORGED", s: "a@b", r: ["c@d"], d: ["d"], t: 0, z: 0 });
  const end = putPrefix(forged, 0, "accepted", json, 0);
  putMarker(forged, 0, 0x61616161);
  putChecksum(forged, 0, end);
  const b = await bench({ start: false, options: { random: (into) => into.fill(0xe7) } });
  const { createMessage } = await import("../../src/mail/message.ts");
  const { memorySource } = await import("../../src/mail/source.ts");
  const evil = createMessage(memorySource(concat([utf8Encode("Message-Id: <x>\r\nDate: x\r\n\r\n"), forged])));
  await b.queue.accept(envelope("EVIL", "a@b.example", ["x@one.example"]), evil);
  for (const id of ["A", "B", "C"]) await b.accept(id, ["x@one.example"]);
  const disk = b.disk.afterCrash(() => 0.99);
  const bytes = disk.read(LOG);
  bytes[3]! ^= 0xff;
  bytes[40]! ^= 0xff;
  disk.write(LOG, bytes);
  const again = await bench({ disk, start: false });
  assert.deepEqual(again.queue.list().map(({ id }) => id), ["A.1", "B.1", "C.1"]);
  await again.queue.stop(0);
});

test("the body of a last record that was damaged is kept: nobody can tell damage from a torn tail", async () => {
  const b = await bench({ start: false, settings: { bodyThreshold: 100 } });
  await b.accept("LARGE", ["x@one.example"], undefined, "y".repeat(500));
  const disk = b.disk.afterCrash(() => 0.99);
  const [name] = disk.names(`${DIR}/body`);
  const bytes = disk.read(LOG);
  bytes[60]! ^= 1;
  disk.write(LOG, bytes);
  const again = await bench({ disk, start: false });
  assert.ok(disk.names(`${DIR}/corrupt`).includes(name!));
  await again.queue.stop(0);
});

test("a mail that was never tried is due at the next start, even if the clock has gone back meanwhile", async () => {
  const clock = new FakeClock();
  await clock.advance(10 * 3_600_000);
  const b = await bench({ start: false, clock });
  await b.accept("A", ["x@one.example"]);
  const again = await bench({ disk: b.disk.afterCrash(() => 0.99), clock: new FakeClock() });
  await again.clock.advance(100);
  assert.deepEqual(again.courier.delivered, ["x@one.example"]);
  await again.queue.stop(0);
});

/** A queue whose process died when the removal of A, B beside it, was written but not yet synced; A may have a segment of its own. */
async function unsyncedRemoval(segmentBytes = 1 << 20): Promise<CrashDisk> {
  const b = await bench({ start: false, options: { segmentBytes } });
  await b.accept("A", ["x@one.example"]);
  await b.accept("B", ["x@one.example"]);
  const { disk } = b;
  disk.fail = (step, path) => {
    if (step === "remove") throw new Error("EIO");
    if (step === "sync" && path.endsWith(".log") && disk.read(path).length > SEGMENT_HEADER) disk.die();
  };
  await assert.rejects(b.queue.remove("A"));
  const next = disk.afterKill();
  // Nobody may lean on what a sync did not cover; this one fails.
  next.fail = (step, path) => {
    if (step === "sync" && path.endsWith(".log")) throw new Error("EIO");
  };
  return next;
}

const ids = (b: { readonly queue: { list(): readonly { readonly id: string }[] } }) =>
  b.queue.list().map(({ id }) => id);

test("what a start has read is on the disk before anything is that comes after, though its sync failed at first", async () => {
  const disk = await unsyncedRemoval();
  const b = await bench({ disk, start: false });
  assert.deepEqual(ids(b), ["B.1"]);
  await assert.rejects(b.accept("EARLY", ["x@one.example"]), /write to the queue/);
  disk.fail = () => {};
  await b.accept("C", ["x@one.example"]);
  let calls = 0;
  const power = disk.afterCrash(() => calls++ === 0 ? 0.1 : 0.99);
  const again = await bench({ disk: power, start: false });
  assert.deepEqual(ids(again), ["B.1", "C.1"]);
  assert.deepEqual(power.names(DIR).filter((name) => name.startsWith("__tmp__.")), []);
  await again.queue.stop(0);
  await b.queue.stop(0);
});

test("no segment goes before what says that it may is on the disk", async () => {
  const disk = await unsyncedRemoval(200);
  const b = await bench({ disk, start: false, options: { segmentBytes: 200 } });
  await b.clock.advance(10);
  assert.ok(disk.names(DIR).includes(segmentName(1)), "A's");
  disk.fail = () => {};
  await b.accept("C", ["x@one.example"]);
  await b.accept("D", ["x@one.example"]);
  await b.clock.advance(10);
  assert.ok(!disk.names(DIR).includes(segmentName(1)));
  assert.deepEqual(ids(b), ["B.1", "C.1", "D.1"]);
  await b.queue.stop(0);
});

test("a segment that can no longer be read holds up nothing", async () => {
  const disk = await unsyncedRemoval();
  const b = await bench({ disk, start: false });
  disk.fail = () => {};
  const file = disk.host.openSync(LOG, { write: true });
  file.truncateSync(40);
  file.close();
  await b.accept("C", ["x@one.example"]);
  assert.match(b.log.text(), /Cannot read \S*000001\.log again/);
  await b.queue.stop(0);
});
