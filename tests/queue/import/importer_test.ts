import assert from "node:assert/strict";
import { exportedIds } from "../../../src/queue/import/importer.ts";
import { readQueue } from "../../../src/queue/list.ts";
import { Crash, CrashDisk } from "../../kit/crash_disk.ts";
import { FakeClock } from "../../kit/fake_clock.ts";
import { test } from "../../kit/test.ts";
import { bench, DIR } from "../queue_kit.ts";
import { address, harakaFile, harakaName } from "./import_kit.ts";

const IN = "/in";

function diskWith(files: Readonly<Record<string, Uint8Array>>): CrashDisk {
  const disk = new CrashDisk();
  disk.host.mkdirSync(IN);
  for (const [name, bytes] of Object.entries(files)) disk.write(`${IN}/${name}`, bytes);
  return disk;
}

const files = (disk: CrashDisk) => disk.names(IN).filter((name) => name !== "imported");

test("Haraka's files are taken with all they say, dots single again, and moved aside [row 183] [row 185]", async () => {
  const clock = new FakeClock();
  const later = clock.now() + 3_600_000;
  const disk = diskWith({
    [harakaName(1)]: harakaFile({ message: "Subject: dots\r\n\r\n..one\r\n...two\r\n..\r\nend\r\n" }),
    [harakaName(2, { next: later, attempts: 3 })]: harakaFile({
      todo: { mail_from: address("jürgen", "home.example"), notes: { kept: "ä" }, uuid: "B.2", force_tls: true },
    }),
  });
  const b = await bench({ disk, clock });
  const done = await b.queue.import(IN);
  assert.deepEqual(done.map(({ file, reason }) => [file, reason]), [[harakaName(1), undefined], [
    harakaName(2, { next: later, attempts: 3 }),
    undefined,
  ]]);
  assert.deepEqual([files(disk), disk.names(`${IN}/imported`).length], [[], 2]);
  assert.match(b.log.text(), new RegExp(`\\[${done[0]!.id}\\].*Taken in from a queue file.*${harakaName(1)}`));
  await clock.advance(50);
  assert.equal(b.courier.deliveries[0]!.text, "Subject: dots\r\n\r\n.one\r\n..two\r\n.\r\nend\r\n");
  assert.equal(b.courier.deliveries.length, 1);
  const [item] = b.queue.trace("B.2-" + done[1]!.id!.split("-").at(-1));
  assert.deepEqual([item!.attempts, item!.dueAt, item!.state], [3, later, "waiting"]);
  assert.deepEqual(item!.envelope, {
    sender: "jürgen@home.example",
    recipients: [{ address: "a@one.example" }],
    smtpUtf8: true,
    wanted: {},
    notes: { kept: "ä", force_tls: true },
  });
  await clock.advance(3_600_000);
  assert.deepEqual(b.courier.deliveries.map(({ attempts }) => attempts), [0, 3]);
  assert.deepEqual(await b.queue.import(IN), [], "a second import finds nothing");
  await b.queue.stop(0);
});

test("files of the older form are delivered too [row 184]", async () => {
  const b = await bench({ disk: diskWith({ "1484878079415_3_12345_8888.mta1.example.com": harakaFile() }) });
  assert.equal((await b.queue.import(IN))[0]!.reason, undefined);
  await b.clock.advance(50);
  assert.deepEqual(b.courier.deliveries.map(({ recipients, attempts }) => [...recipients, attempts]), [[
    "a@one.example",
    3,
  ]]);
  await b.queue.stop(0);
});

test("what is none, or not all of one, stops nothing; each is told of and stays where it is [row 186]", async () => {
  const whole = harakaFile();
  const bad: Record<string, [Uint8Array, RegExp]> = {
    [harakaName(1)]: [new Uint8Array(0), /it is empty/],
    [harakaName(2)]: [whole.subarray(0, 3), /cut off/],
    [harakaName(3)]: [whole.subarray(0, 100), /cut off: its envelope/],
    [harakaName(4)]: [harakaFile({ message: "" }), /it has no message/],
    [harakaName(5)]: [harakaFile({ message: "Subject: x\r\n\r\nHel" }), /ends within a line/],
    [harakaName(6)]: [harakaFile({ length: 30 }), /its envelope cannot be read/],
    [harakaName(7)]: [harakaFile({ todo: { rcpt_to: null } }), /no recipients/],
    "README": [whole, /it is no queue file: its name is of another form/],
    "1_2_3": [whole, /of another form/],
    [`error.${harakaName(8)}`]: [whole, /set it aside as damaged/],
    [`__tmp__.${harakaName(9)}`]: [whole, /never finished/],
    "lonely.eml": [whole, /no envelope beside it \(lonely\.json\)/],
    "alone.json": [whole, /no message beside it/],
  };
  const good = { [harakaName(0)]: whole, [`zzz`]: whole, "000001.log": whole, "lock": whole };
  const disk = diskWith({
    ...good,
    ...Object.fromEntries(Object.entries(bad).map(([name, [bytes]]) => [name, bytes])),
  });
  const b = await bench({ disk });
  const done = new Map((await b.queue.import(IN)).map((each) => [each.file, each]));
  for (const [name, [, reason]] of Object.entries(bad)) {
    assert.match(done.get(name)?.reason ?? "", reason, name);
    assert.equal(done.get(name)?.id, undefined, name);
  }
  assert.notEqual(done.get(harakaName(0))?.id, undefined);
  assert.deepEqual(disk.names(`${IN}/imported`), [harakaName(0)]);
  assert.deepEqual(files(disk), [...Object.keys(bad), "zzz", "000001.log", "lock"].sort());
  assert.equal(
    [...done.keys()].some((name) => name === "000001.log" || name === "lock"),
    false,
    "our own are passed over",
  );
  await b.clock.advance(50);
  assert.equal(b.courier.deliveries.length, 1);
  await b.queue.stop(0);
});

test("a large message streams into a body file, in any number of pieces", async () => {
  const lines = Array.from({ length: 60_000 }, (_, n) => n % 7 === 0 ? "..dotted" : `line ${n}`);
  const message = `Subject: large\r\n\r\n${lines.join("\r\n")}\r\n`;
  const disk = diskWith({ [harakaName(1)]: harakaFile({ message }) });
  const b = await bench({ disk, settings: { bodyThreshold: 10_000 } });
  assert.equal((await b.queue.import(IN))[0]!.reason, undefined);
  assert.equal(disk.names(`${DIR}/body`).length, 1);
  await b.clock.advance(50);
  assert.ok(b.courier.deliveries[0]!.text === message.replaceAll("\r\n..", "\r\n."));
  assert.deepEqual(disk.names(`${DIR}/body`), []);
  await b.queue.stop(0);
});

test("where files cannot be moved aside nothing is taken; where the queue has no room they stay", async () => {
  for (const step of ["rename", "write"] as const) {
    const disk = diskWith({
      [harakaName(1)]: harakaFile(),
      [harakaName(2)]: harakaFile({ message: "Subject: l\r\n\r\n" + "x\r\n".repeat(5000) }),
    });
    const b = await bench({ disk, settings: { bodyThreshold: 10_000 } });
    disk.fail = (kind, path) => {
      if (kind === step && (step === "write" || path.startsWith(IN))) {
        throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
      }
    };
    const done = await b.queue.import(IN);
    assert.deepEqual(done.map(({ id }) => id), [undefined, undefined], step);
    for (const { reason } of done) {
      assert.match(reason!, step === "rename" ? /cannot be moved to imported/ : /No space left/);
    }
    assert.deepEqual(b.queue.list(), [], step);
    assert.equal(files(disk).length, 2);
    disk.fail = () => {};
    assert.deepEqual(disk.names(`${DIR}/body`), [], step);
    assert.equal((await b.queue.import(IN)).every(({ id }) => id !== undefined), true);
    assert.equal(b.queue.list().length, 2);
    await b.queue.stop(0);
  }
});

test("an import that was broken off shows in the list, cannot be released by hand, and is ended by the next one", async () => {
  const disk = diskWith({ [harakaName(1)]: harakaFile() });
  const b = await bench({ disk });
  disk.crashAt = Infinity;
  disk.fail = (kind, path) => {
    if (kind === "rename" && path.startsWith(IN)) {
      disk.die();
      throw new Crash("here");
    }
  };
  await b.queue.import(IN);
  const next = await bench({ disk: disk.afterCrash(() => 0.99), clock: b.clock });
  const [item] = next.queue.list();
  assert.equal(item!.state, "held");
  assert.match(item!.lastError!, /being imported; should that have been broken off, import the directory again/);
  assert.deepEqual(await next.queue.order({ verb: "release", filter: {} }), { items: 0, passed: 1 });
  assert.deepEqual(await next.queue.order({ verb: "bounce", filter: {} }), { items: 0, passed: 1 });
  await next.clock.advance(1000);
  assert.equal(next.courier.deliveries.length, 0);
  assert.deepEqual((await next.queue.import(IN)).map(({ file, reason }) => [file, reason]), [[
    harakaName(1),
    undefined,
  ]]);
  await next.clock.advance(50);
  assert.equal(next.courier.deliveries.length, 1);
  await next.queue.stop(0);
});

test("wherever a crash comes, and mail goes out before the next import: each file is taken once, none is lost", async () => {
  const all = Object.fromEntries(
    [1, 2, 3].map((n) => [harakaName(n), harakaFile({ message: `Subject: ${n}\r\n\r\n${"x\r\n".repeat(n * 500)}` })]),
  );
  for (let seed = 0; seed < 4; seed++) {
    for (let crashAt = 1;; crashAt++) {
      const disk = diskWith(all);
      const clock = new FakeClock();
      const settings = { bodyThreshold: 4000, disabled: true };
      const first = await bench({ disk, clock, settings });
      const began = disk.steps;
      disk.crashAt = began + crashAt;
      await first.queue.import(IN);
      if (!disk.dead) break;
      let state = seed * 1000 + crashAt;
      const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
      const next = disk.afterCrash(random);
      const again = await bench({ disk: next, clock });
      // A server runs for a while before somebody imports again.
      await clock.advance(1000);
      await again.queue.import(IN);
      await clock.advance(1000);
      const subjects = again.courier.deliveries.map(({ text }) => /^Subject: (\d)/.exec(text)?.[1]).sort();
      assert.deepEqual(subjects, ["1", "2", "3"], `seed ${seed}, crash at ${crashAt}`);
      assert.deepEqual(
        [files(next), next.names(`${IN}/imported`).sort()],
        [[], Object.keys(all).sort()],
        `seed ${seed}, crash at ${crashAt}`,
      );
      await again.queue.stop(0);
    }
  }
});

test("an id that is queued already, here or with others, is not taken again; two imports at once take nothing twice", async () => {
  const disk = diskWith({ [harakaName(1)]: harakaFile() });
  const b = await bench({ disk, settings: { disabled: true } });
  const both = await Promise.all([b.queue.import(IN), b.queue.import(IN)]);
  assert.deepEqual(both.map((done) => done.length), [1, 0]);
  const { id } = both[0]![0]!;
  disk.write(`${IN}/${harakaName(1)}`, harakaFile());
  const other = await bench({ disk: diskWith({ [harakaName(1)]: harakaFile() }), start: false });
  const done = await other.queue.import(IN, { only: "take", taken: [{ id: id!, recipients: ["a@one.example"] }] });
  assert.match(done[0]!.reason!, /is queued already/);
  assert.deepEqual(exportedIds(disk.host, IN), []);
  await other.queue.stop(0);
  // Put back by somebody while its message waits: it is moved aside again, and that is all.
  await b.queue.order({ verb: "hold", filter: {} });
  const before = disk.steps;
  assert.deepEqual(await b.queue.import(IN), [{ file: harakaName(1), id }]);
  assert.ok(disk.steps > before);
  assert.deepEqual(b.queue.list().map(({ state, lastError }) => [state, lastError]), [["held", undefined]]);
  await b.queue.stop(0);
  assert.equal(readQueue(disk.host, DIR).length, 1);
});
