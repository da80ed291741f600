import assert from "node:assert/strict";
import { answer, ok } from "../../src/hooks/verdict.ts";
import { readQueue } from "../../src/queue/list.ts";
import type { CrashDisk } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, envelope, fakeHooks, mail, MINUTE, settled } from "./queue_kit.ts";
import { sitesOf } from "./sites/kit.ts";

const DAY = 24 * 60 * MINUTE;

/** The disk as a killed process leaves it. */
function killed(disk: CrashDisk): CrashDisk {
  return disk.afterCrash(() => 0.99);
}

/** The disk after a crash that nothing survived that was not synced. */
function forgetful(disk: CrashDisk): CrashDisk {
  let calls = 0;
  return disk.afterCrash(() => calls++ === 0 ? 0.1 : 0.99);
}

test("what was accepted is delivered, whole and once", async () => {
  const b = await bench();
  await b.accept("A", ["you@there.example"], undefined, "Line\r\n.dot\r\n");
  await b.clock.advance(100);
  assert.deepEqual(b.courier.deliveries.map(({ id, recipients }) => [id, recipients]), [["A.1", [
    "you@there.example",
  ]]]);
  assert.match(b.courier.deliveries[0]!.text, /^Received: \(Kasi outbound\); .*\r\n/);
  assert.match(b.courier.deliveries[0]!.text, /\r\n\r\nLine\r\n\.dot\r\n$/);
  assert.equal(b.queue.stats().toString(), "0/0/0");
  assert.deepEqual(b.log.of("delivered").map(({ file, rcpts, host }) => [file, rcpts, host]), [[
    "A.1",
    "1/0/0",
    "mx.example",
  ]]);
  await b.queue.stop(0);
  assert.equal(b.disk.openFiles, 0);
});

test("accept resolves only after a sync that covers the record", async () => {
  const b = await bench({ start: false });
  await b.accept("A", ["you@there.example"]);
  const disk = forgetful(b.disk);
  assert.deepEqual(readQueue(disk.host, DIR).map(({ id }) => id), ["A.1"]);
});

test("a restart finds envelope, notes and octets as they were", async () => {
  const first = await bench({ start: false });
  const sent = { ...envelope("A", "<ä@höme.example>", ['<"a b"@There.Example>']), notes: { tag: "x" }, smtpUtf8: true };
  await first.queue.accept(sent, mail("A", "\x00\x01body"));
  const b = await bench({ disk: killed(first.disk) });
  let seen;
  b.courier.verdicts = (_, item) => {
    seen = item.envelope;
    return "delivered";
  };
  await b.clock.advance(100);
  assert.deepEqual(JSON.parse(JSON.stringify(seen)), JSON.parse(JSON.stringify(sent)));
  assert.ok(b.courier.deliveries[0]!.text.endsWith("\r\n\r\n\x00\x01body"));
  await b.queue.stop(0);
});

test("there is one item per domain, and with always_split one per recipient [row 188]", async () => {
  const b = await bench({ start: false });
  await b.accept("A", ["1@a.example", "2@b.example", "3@a.example"]);
  b.set({ alwaysSplit: true });
  await b.accept("B", ["1@a.example", "3@a.example"]);
  assert.deepEqual(b.queue.list().map(({ id, recipients }) => [id, ...recipients]), [
    ["A.1", "1@a.example", "3@a.example"],
    ["A.2", "2@b.example"],
    ["B.1", "1@a.example"],
    ["B.2", "3@a.example"],
  ]);
  await b.queue.stop(0);
});

test("no more than concurrency_max deliveries run at one time [row 189]", async () => {
  const b = await bench({ settings: { concurrencyMax: 3 }, verdicts: () => settled().then(() => "delivered") });
  for (let i = 0; i < 20; i++) await b.accept(`M${i}`, [`x@d${i}.example`]);
  while (b.courier.delivered.length < 20) await b.clock.advance(10);
  assert.equal(b.courier.mostAtOnce, 3);
  await b.queue.stop(0);
});

test("one destination gets no more than its share of slots", async () => {
  const b = await bench({
    settings: { sites: sitesOf({ connections: 2 }) },
    verdicts: () => settled().then(() => "delivered"),
  });
  await Promise.all(Array.from({ length: 9 }, (_, i) => b.accept(`M${i}`, ["x@d.example"])));
  while (b.courier.delivered.length < 9) await b.clock.advance(10);
  assert.equal(b.courier.mostAtOnce, 2);
  await b.queue.stop(0);
});

test("disabled takes mail in and delivers none, until a reload says otherwise [row 190]", async () => {
  const b = await bench({ settings: { disabled: true } });
  await b.accept("A", ["you@there.example"]);
  await b.clock.advance(DAY);
  assert.equal(b.courier.deliveries.length, 0);
  assert.equal(b.queue.stats().queued, 1);
  b.set({ disabled: false });
  await b.clock.advance(10);
  assert.deepEqual(b.courier.delivered, ["you@there.example"]);
  b.set({ disabled: true });
  await b.accept("B", ["you@there.example"]);
  await b.clock.advance(DAY);
  assert.equal(b.courier.delivered.length, 1);
  await b.queue.stop(0);
});

test("after a partial failure only those deferred stay in the queue [row 209]", async () => {
  const fate = { "good@r.example": "delivered", "bad@r.example": "failed", "soft@r.example": "deferred" } as const;
  const b = await bench({ verdicts: (address) => fate[address as keyof typeof fate] ?? "delivered" });
  await b.accept("A", Object.keys(fate));
  await b.clock.advance(100);
  const left = (disk: CrashDisk) => readQueue(disk.host, DIR).map(({ id, recipients }) => [id, ...recipients]);
  assert.deepEqual(left(killed(b.disk)), [["A.1", "soft@r.example"]]);
  await b.clock.advance(64_000);
  assert.deepEqual(b.courier.deliveries.at(-1)!.recipients, ["soft@r.example"]);
  assert.equal(b.courier.delivered.filter((one) => one === "good@r.example").length, 1);
  assert.equal(b.log.of("deferred")[0]!.err, "Some recipients temp failed: <soft@r.example> (451 4.2.1 not now)");
  assert.equal(b.log.of("bounced")[0]!.err, "Some recipients failed: <bad@r.example> (550 5.1.1 no such user)");
  await b.queue.stop(0);
});

test("a deferred item is listed with its next attempt and count, before and after a restart [row 211]", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  const began = b.clock.now();
  await b.accept("A", ["soft@r.example"]);
  await b.clock.advance(100);
  const expected = [[1, began + 64_000, "waiting", "451 4.2.1 not now"]];
  const shown = (items: ReturnType<typeof readQueue>) =>
    items.map(({ attempts, dueAt, state, lastError }) => [attempts, dueAt, state, lastError]);
  assert.deepEqual(shown(b.queue.list()), expected);
  const again = await bench({ disk: killed(b.disk), clock: b.clock });
  assert.deepEqual(shown(again.queue.list()), expected);
  await again.clock.advance(63_000);
  assert.equal(again.courier.deliveries.length, 0);
  await again.clock.advance(1_000);
  assert.equal(again.courier.deliveries[0]!.attempts, 1);
  await again.queue.stop(0);
});

test("with no intervals the first failure bounces as too many [row 212]", async () => {
  const b = await bench({
    settings: { intervals: [] },
    verdicts: (a) => a === "soft@r.example" ? "deferred" : "delivered",
  });
  await b.accept("A", ["soft@r.example"]);
  await b.clock.advance(100);
  assert.equal(b.log.of("bounced")[0]!.err, "Too many failures (451 4.2.1 not now)");
  const report = b.courier.deliveries.at(-1)!;
  assert.deepEqual([report.sender, report.recipients], ["", ["us@home.example"]]);
  assert.match(report.text, /\r\nStatus: 5\.2\.1\r\n/);
  await b.queue.stop(0);
});

test("a report has three parts, a block per recipient and the original's header [row 213]", async () => {
  const b = await bench({ verdicts: (a) => a.endsWith("@r.example") ? "failed" : "delivered" });
  await b.accept("A", ["one@r.example", "two@r.example"]);
  await b.clock.advance(100);
  const { text } = b.courier.deliveries.at(-1)!;
  const boundary = /^Content-Type: multipart\/report; report-type=delivery-status;\s+boundary="(.*?)"/m.exec(text)![1]!;
  const parts = text.split(`--${boundary}`).slice(1);
  assert.deepEqual(parts.map((part) => /^Content-Type: ([\w/-]+)/mi.exec(part)?.[1]), [
    "text/plain",
    "message/delivery-status",
    "text/rfc822-headers",
    undefined,
  ]);
  assert.equal(parts[3], "--\r\n");
  const status = parts[1]!.split("\r\n\r\n").map((block) => block.trim()).filter((block) => block !== "");
  assert.match(status[1]!, /^Reporting-MTA: dns; us\.example\r\nArrival-Date: /);
  for (const [i, name] of ["one", "two"].entries()) {
    const fields = `Final-Recipient: rfc822; ${name}@r.example\r\nAction: failed\r\nStatus: 5.1.1\r\n` +
      "Remote-MTA: dns; mx.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user";
    assert.equal(status[i + 2], fields);
  }
  assert.match(parts[2]!, /\r\nSubject: A\r\n/);
  assert.doesNotMatch(parts[2]!, /Hello/);
  await b.queue.stop(0);
});

test("a report that fails is dropped with a notice, not reported on [row 215]", async () => {
  const b = await bench({ verdicts: () => "failed" });
  await b.accept("A", ["bad@r.example"], "<>");
  await b.clock.advance(100);
  assert.equal(b.courier.deliveries.length, 1);
  assert.equal(b.log.of("double_bounce").length, 1);
  assert.deepEqual(readQueue(killed(b.disk).host, DIR), []);
  await b.queue.stop(0);
});

test("the bounce hook can stop the report [row 216]", async () => {
  const b = await bench({ verdicts: () => "failed", hooks: fakeHooks({ bounce: () => ok() }) });
  await b.accept("A", ["bad@r.example"]);
  await b.clock.advance(100);
  assert.equal(b.courier.deliveries.length, 1);
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});

test("the deferred hook can change the delay, and can drop the recipients [row 217]", async () => {
  const delays: number[] = [];
  let drop = false;
  const deferred = ({ delay }: { delay: number }) => {
    delays.push(delay);
    return drop ? ok() : answer(5);
  };
  const b = await bench({ verdicts: () => "deferred", hooks: fakeHooks({ deferred }) });
  await b.accept("A", ["soft@r.example"]);
  await b.clock.advance(4_900);
  assert.equal(b.courier.deliveries.length, 1);
  drop = true;
  await b.clock.advance(200);
  assert.equal(b.courier.deliveries.length, 2);
  assert.deepEqual(delays, [64, 128]);
  assert.deepEqual(b.queue.list(), []);
  assert.equal(b.log.of("bounced").length, 0);
  await b.queue.stop(0);
});

test("the send_email hook can put an item off without counting a failure [row 218]", async () => {
  let asked = 0;
  const b = await bench({ hooks: fakeHooks({ send_email: () => asked++ === 0 ? answer(3) : undefined }) });
  await b.accept("A", ["you@r.example"]);
  await b.clock.advance(2_900);
  assert.equal(b.courier.deliveries.length, 0);
  await b.clock.advance(200);
  assert.deepEqual(b.courier.deliveries.map(({ attempts }) => attempts), [0]);
  await b.queue.stop(0);
});

test("flush by domain retries that domain only [row 223]", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("A", ["x@one.example", "y@two.example"]);
  await b.clock.advance(100);
  b.courier.deliveries.splice(0);
  assert.equal(b.queue.flush("two.example"), 1);
  await b.clock.advance(10);
  assert.deepEqual(b.courier.deliveries.map(({ domain }) => domain), ["two.example"]);
  assert.equal(b.queue.flush(), 2);
  await b.clock.advance(10);
  assert.equal(b.courier.deliveries.length, 3);
  await b.queue.stop(0);
});

test("ten days of retries pass in a moment, by the intervals and no oftener", async () => {
  const b = await bench({ verdicts: (a) => a === "soft@r.example" ? "deferred" : "delivered" });
  const began = b.clock.now();
  await b.accept("A", ["soft@r.example"]);
  await b.clock.advance(10 * DAY);
  const tries = b.courier.deliveries.filter(({ sender }) => sender !== "");
  const gaps = tries.map(({ at }, i) => at - (tries[i - 1]?.at ?? began));
  assert.deepEqual(gaps, [0, ...Array.from({ length: 12 }, (_, i) => 2 ** (i + 6) * 1000)]);
  assert.equal(b.courier.deliveries.at(-1)!.sender, "");
  assert.equal(b.queue.stats().toString(), "0/0/0");
  assert.equal(b.clock.pending, 0);
  await b.queue.stop(0);
});

test("held items wait for their release, and survive a restart held", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(100);
  assert.equal(await b.queue.hold("A.1"), 1);
  const again = await bench({ disk: killed(b.disk), clock: b.clock });
  await again.clock.advance(DAY);
  assert.equal(again.courier.deliveries.length, 0);
  assert.equal(again.queue.stats().held, 1);
  assert.equal(await again.queue.release("A"), 1);
  await again.clock.advance(10);
  assert.equal(again.courier.deliveries.length, 1);
  await again.queue.stop(0);
});

test("a removed item is gone, also after a restart, and its delivery is aborted", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("A", ["x@one.example", "y@two.example"]);
  await b.clock.advance(100);
  assert.equal(await b.queue.remove("A.1"), 1);
  assert.deepEqual(readQueue(killed(b.disk).host, DIR).map(({ id }) => id), ["A.2"]);
  assert.equal(await b.queue.remove("B"), 0);
  await b.queue.stop(0);
});

test("a courier that throws defers the whole item and the queue goes on", async () => {
  const b = await bench();
  b.courier.verdicts = () => {
    throw new TypeError("a bug");
  };
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(100);
  assert.equal(b.log.of("deferred")[0]!.err, "Internal error");
  b.courier.verdicts = () => "delivered";
  await b.clock.advance(64_000);
  assert.deepEqual(b.courier.delivered, ["x@one.example"]);
  await b.queue.stop(0);
});

test("a large body lives in a file of its own, stored once, and goes with the last recipient", async () => {
  const b = await bench({
    settings: { bodyThreshold: 1000 },
    verdicts: (a) => a.startsWith("x") ? "deferred" : "delivered",
  });
  const body = "0123456789".repeat(30_000);
  const spool = b.queue.spool();
  for (let i = 0; i < body.length; i += 7000) {
    await spool.write(new TextEncoder().encode(`${i === 0 ? "Subject: big\r\n\r\n" : ""}${body.slice(i, i + 7000)}`));
  }
  const source = await spool.finish();
  const { loadMessage } = await import("../../src/mail/message.ts");
  await b.queue.accept(envelope("A", "us@home.example", ["x@one.example", "y@two.example"]), await loadMessage(source));
  spool.discard();
  await b.clock.advance(100);
  assert.equal(b.disk.names(`${DIR}/body`).length, 1);
  const again = await bench({ disk: killed(b.disk), clock: b.clock, settings: { bodyThreshold: 1000 } });
  await again.clock.advance(64_000);
  assert.deepEqual(again.courier.delivered, ["x@one.example"]);
  assert.ok(again.courier.deliveries[0]!.text.endsWith(`\r\n\r\n${body}`));
  assert.deepEqual(again.disk.names(`${DIR}/body`), []);
  await again.queue.stop(0);
});

test("stop waits for running deliveries, then aborts them; what was not done is tried after the next start", async () => {
  const b = await bench({ verdicts: () => new Promise(() => {}) });
  b.courier.deliver = (_item, _message, signal?: AbortSignal) =>
    new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)));
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(10);
  const stopping = b.queue.stop(1000);
  await assert.rejects(b.accept("B", ["x@one.example"]), { name: "QueueError", fault: "stopped" });
  await b.clock.advance(1000);
  await stopping;
  assert.equal(b.disk.openFiles, 0);
  const again = await bench({ disk: b.disk });
  await again.clock.advance(10);
  assert.deepEqual(again.courier.deliveries.map(({ id, attempts }) => [id, attempts]), [["A.1", 0]]);
  await again.queue.stop(0);
});

test("planted files of every wrong sort never stop the start [row 186]", async () => {
  const first = await bench({ start: false });
  await first.accept("A", ["x@one.example"]);
  const disk = killed(first.disk);
  const octets = disk.read(`${DIR}/000001.log`);
  disk.write(`${DIR}/000002.log`, new Uint8Array(0));
  disk.write(`${DIR}/000003.log`, octets.subarray(0, octets.length - 5));
  disk.write(`${DIR}/000004.log`, new Uint8Array(5000).fill(77));
  disk.write(`${DIR}/000005.log`, octets.subarray(0, 9));
  disk.write(`${DIR}/1490000000000_0_0_1_abcdef_1_host`, new Uint8Array(0));
  disk.write(`${DIR}/error.1490000000000_0_0_1_abcdef_1_host`, new Uint8Array(10));
  disk.write(`${DIR}/__tmp__.1490000000000_0_0_1_abcdef_1_host`, new Uint8Array(10));
  const b = await bench({ disk });
  await b.clock.advance(100);
  assert.deepEqual(b.courier.delivered, ["x@one.example"]);
  assert.deepEqual(
    b.log.of("queue_corrupt").map(({ segment }) => segment).filter((n, i, all) => all.indexOf(n) === i),
    [
      "000003.log",
      "000004.log",
      "000005.log",
    ],
  );
  const names = disk.names(DIR);
  assert.ok(names.includes("error.1490000000000_0_0_1_abcdef_1_host"));
  assert.ok(!names.some((name) => name.startsWith("__tmp__.")));
  await b.queue.stop(0);
});

test("the same transaction may be queued twice", async () => {
  const b = await bench();
  await Promise.all([b.accept("A", ["x@one.example"]), b.accept("A", ["y@one.example"])]);
  await b.clock.advance(100);
  assert.deepEqual(b.courier.deliveries.map(({ id }) => id).sort(), ["A-2.1", "A.1"]);
  await b.queue.stop(0);
});

test("a lock that another process holds stops the start", async () => {
  const fileLock = () => {
    throw new Error("Another process has this queue");
  };
  await assert.rejects(bench({ options: { fileLock } }), /Another process/);
});

test("what an operator asked for while the disk was full is told to have failed, holds, and survives once there is room", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  for (const id of ["REMOVED", "HELD"]) await b.accept(id, ["x@one.example"]);
  await b.clock.advance(100);
  b.disk.fail = (step) => {
    if (step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  await assert.rejects(b.queue.remove("REMOVED"), /No space left/);
  await assert.rejects(b.queue.hold("HELD"), /No space left/);
  b.disk.fail = () => {};
  await b.clock.advance(3000);
  const again = await bench({ disk: b.disk.afterCrash(() => 0.1), start: false });
  assert.deepEqual(again.queue.list().map(({ id, state }) => [id, state]), [["HELD.1", "held"]]);
  await again.queue.stop(0);
});
