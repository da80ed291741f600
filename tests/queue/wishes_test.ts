import assert from "node:assert/strict";
import type { Envelope, MailOptions, Outcome } from "../../src/hooks/outbound.ts";
import type { Recipient } from "../../src/hooks/session.ts";
import { test } from "../kit/test.ts";
import { type Bench, bench, envelope, mail, MINUTE, readText } from "./queue_kit.ts";
import { sitesOf } from "./sites/kit.ts";

const HOUR = 60 * MINUTE;

type Wishes = Partial<Pick<Recipient, "notify" | "originalRecipient">>;

/** Puts a mail with wishes into the queue. */
function accept(
  b: Bench,
  wanted: MailOptions | undefined,
  to: { readonly [address: string]: Wishes },
  extra: Partial<Envelope> = {},
) {
  const plain = envelope("A", "us@home.example", Object.keys(to));
  const recipients = plain.recipients.map((recipient) => ({ ...recipient, ...to[recipient.address.address] }));
  return b.queue.accept({ ...plain, recipients, wanted, ...extra }, mail("A", "The body.\r\n"));
}

const reportsOf = (b: Bench) => b.courier.deliveries.filter(({ sender }) => sender === "").map(({ text }) => text);

test("mail that is held is not tried before its time, not even when all is flushed", async () => {
  const b = await bench();
  await accept(b, { holdUntil: b.clock.now() + HOUR }, { "x@one.example": {} });
  await b.clock.advance(HOUR - 1000);
  assert.equal(b.queue.flush(), 0);
  await b.clock.advance(500);
  assert.equal(b.courier.deliveries.length, 0);
  assert.deepEqual(b.queue.list().map(({ state }) => state), ["waiting"]);
  await b.clock.advance(1000);
  assert.deepEqual(b.courier.delivered, ["x@one.example"]);
  await b.queue.stop(0);
});

test("a hold and all other wishes survive a restart", async () => {
  const b = await bench();
  const holdUntil = b.clock.now() + HOUR;
  const wanted: MailOptions = {
    ret: "FULL",
    envid: "an id",
    body: "8BITMIME",
    requireTls: true,
    priority: -3,
    deliverBy: { at: holdUntil + HOUR, mode: "N", trace: true },
    holdUntil,
  };
  const wishes: Wishes = {
    notify: ["FAILURE", "DELAY"],
    originalRecipient: { type: "rfc822", address: "z@y.example" },
  };
  await accept(b, wanted, { "x@one.example": wishes });
  await b.queue.stop(0);
  const again = await bench({ disk: b.disk, clock: b.clock });
  const seen: Envelope[] = [];
  const { deliver } = again.courier;
  again.courier.deliver = (item, message) => {
    seen.push(item.envelope);
    return deliver.call(again.courier, item, message);
  };
  await b.clock.advance(HOUR - 1000);
  assert.equal(seen.length, 0);
  await b.clock.advance(2000);
  assert.deepEqual(seen[0]!.wanted, wanted);
  const { notify, originalRecipient } = seen[0]!.recipients[0]!;
  assert.deepEqual({ notify, originalRecipient }, wishes);
  await again.queue.stop(0);
});

test("of a failure those hear who did not forbid it, with their own names for envelope and recipient", async () => {
  const b = await bench({ verdicts: (_, { envelope }) => envelope.sender.isNull() ? "delivered" : "failed" });
  await accept(b, { envid: "QQ 1" }, {
    "plain@one.example": {},
    "never@one.example": { notify: ["NEVER"] },
    "late@one.example": { notify: ["DELAY", "SUCCESS"] },
    "asked@one.example": { notify: ["FAILURE"], originalRecipient: { type: "rfc822", address: "first@home.example" } },
  });
  await b.clock.advance(1000);
  const [report, ...more] = reportsOf(b);
  assert.equal(more.length, 0);
  assert.match(report!, /\r\nOriginal-Envelope-Id: QQ 1\r\n/);
  assert.deepEqual([...report!.matchAll(/\r\nFinal-Recipient: rfc822; (\w+)@/g)].map(([, who]) => who), [
    "plain",
    "asked",
  ]);
  assert.match(report!, /\r\nOriginal-Recipient: rfc822; first@home\.example\r\nFinal-Recipient: rfc822; asked@/);
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});

test("when nobody wants to hear of a failure, it makes no report and leaves nothing behind", async () => {
  const b = await bench({ verdicts: () => "failed" });
  await accept(b, undefined, { "x@one.example": { notify: ["NEVER"] } });
  await b.clock.advance(1000);
  assert.equal(b.courier.deliveries.length, 1);
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});

test("RET=FULL returns the whole message, unless it is too large, secret or binary", async () => {
  const cases: [MailOptions, Partial<{ fullReportBytes: number }>, boolean][] = [
    [{ ret: "FULL" }, {}, true],
    [{ ret: "HDRS" }, {}, false],
    [{}, {}, false],
    [{ ret: "FULL" }, { fullReportBytes: 20 }, false],
    [{ ret: "FULL", requireTls: true }, {}, false],
    [{ ret: "FULL", body: "BINARYMIME" }, {}, false],
  ];
  for (const [wanted, settings, whole] of cases) {
    const b = await bench({
      settings,
      verdicts: (_, { envelope }) => envelope.sender.isNull() ? "delivered" : "failed",
    });
    await accept(b, wanted, { "x@one.example": {} });
    await b.clock.advance(1000);
    const [report] = reportsOf(b);
    assert.equal(report!.includes("\r\nContent-Type: message/rfc822\r\n\r\n"), whole, JSON.stringify(wanted));
    assert.equal(report!.includes("The body.\r\n"), whole);
    assert.match(report!, /\r\nSubject: A\r\n/);
    await b.queue.stop(0);
  }
});

test("a report is as urgent and as secret as what it tells of, and asks for none itself", async () => {
  const b = await bench();
  const seen: Envelope[] = [];
  b.courier.deliver = (item) => {
    seen.push(item.envelope);
    const reason = { text: "no", status: "5.0.0" };
    return Promise.resolve({ outcomes: item.recipients.map((recipient) => ({ kind: "failed", recipient, reason })) });
  };
  await accept(b, { priority: 3, requireTls: true, envid: "x", ret: "HDRS" }, { "x@one.example": {} });
  await b.clock.advance(1000);
  assert.equal(seen.length, 2, "a report that fails makes no report");
  assert.deepEqual(seen[1]!.wanted, { priority: 3, requireTls: true });
  assert.deepEqual(seen[1]!.recipients[0]!.notify, ["NEVER"]);
  await b.queue.stop(0);
});

test("of deliveries those hear who asked; not where the next host will tell", async () => {
  const b = await bench();
  b.courier.deliver = async (item, message) => {
    const outcomes = item.recipients.map((recipient): Outcome => {
      const onward = ({ dsn: "dsn-passed", none: "no-dsn" } as const)[recipient.address.user];
      return { kind: "delivered", recipient, reply: { code: 250, text: "ok" }, ...(onward && { onward }) };
    });
    if (item.envelope.sender.isNull()) texts.push(await readText(message.open()));
    return { outcomes };
  };
  const texts: string[] = [];
  const asked: Wishes = { notify: ["SUCCESS"] };
  await accept(b, { ret: "FULL" }, {
    "dsn@one.example": asked,
    "none@one.example": asked,
    "box@one.example": asked,
    "silent@one.example": { notify: ["FAILURE"] },
    "plain@one.example": {},
  });
  await b.clock.advance(1000);
  assert.equal(texts.length, 1);
  const found = [
    ...texts[0]!.matchAll(/\r\nFinal-Recipient: rfc822; (\w+)@one\.example\r\nAction: (\w+)\r\nStatus: ([\d.]+)\r\n/g),
  ];
  assert.deepEqual(found.map(([, ...words]) => words), [["none", "relayed", "2.1.9"], ["box", "delivered", "2.0.0"]]);
  assert.match(texts[0]!, /\r\nSubject: delivery notice\r\n/);
  assert.doesNotMatch(texts[0]!, /The body/, "RET is for failures");
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});

test("a report of a delivery and the delivery itself are one record: a crash gives neither twice", async () => {
  const b = await bench();
  await accept(b, undefined, { "x@one.example": { notify: ["SUCCESS"] } });
  b.courier.deliver = ((deliver) => (item, message) => {
    if (item.envelope.sender.isNull()) return new Promise(() => {});
    return deliver.call(b.courier, item, message);
  })(b.courier.deliver);
  await b.clock.advance(1000);
  b.disk.crashAt = b.disk.steps;
  const again = await bench({ disk: b.disk.afterCrash(() => 0.5), clock: b.clock });
  await b.clock.advance(1000);
  assert.deepEqual(again.courier.deliveries.map(({ sender, recipients }) => [sender, ...recipients]), [[
    "",
    "us@home.example",
  ]]);
  await again.queue.stop(0);
});

test("a higher priority goes first when there are not enough slots", async () => {
  const b = await bench({ settings: { disabled: true, sites: sitesOf({ connections: 1 }) } });
  for (const [id, priority] of [["low", -5], ["plain", 0], ["high", 5]] as const) {
    const sent = envelope(id, "us@home.example", [`${id}@one.example`]);
    await b.queue.accept({ ...sent, ...(priority === 0 ? {} : { wanted: { priority } }) }, mail(id));
  }
  b.set({ disabled: false });
  await b.clock.advance(1000);
  assert.deepEqual(b.courier.delivered, ["high@one.example", "plain@one.example", "low@one.example"]);
  await b.queue.stop(0);
});
