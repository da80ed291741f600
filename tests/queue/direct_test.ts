import assert from "node:assert/strict";
import type { Attempt, Envelope, Item } from "../../src/hooks/outbound.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { type Bench, bench, envelope, mail } from "./queue_kit.ts";

function asking(id: string, sender: string, names: readonly string[]): Envelope {
  const plain = envelope(id, sender, names);
  return { ...plain, recipients: plain.recipients.map((one) => ({ ...one, notify: ["SUCCESS"] })) };
}

/** Whom the reports name, and as what. */
async function told(b: Bench): Promise<readonly string[]> {
  await b.clock.advance(1000);
  const reports = b.courier.deliveries.filter(({ sender }) => sender === "");
  return reports.flatMap(({ text }) =>
    [...text.matchAll(/\r\nFinal-Recipient: rfc822; (\w+)@.*\r\nAction: (\w+)/g)].map(([, who, what]) =>
      `${who} ${what}`
    )
  );
}

test("who asked is told of what a plugin delivered, but of no recipient that is the queue's", async () => {
  const b = await bench();
  const sent = asking("A", "us@home.example", ["here@home.example", "away@one.example"]);
  const silent = envelope("A", "us@home.example", ["silent@home.example"]).recipients;
  b.courier.deliver = ((deliver) => async (item, message) => {
    const attempt = await deliver.call(b.courier, item, message);
    const outcomes = attempt.outcomes.map((one) => ({ ...one, onward: "dsn-passed" }));
    return { ...attempt, outcomes } as Attempt;
  })(b.courier.deliver);
  await b.queue.accept({ ...sent, recipients: [sent.recipients[1]!] }, mail("A"));
  await b.queue.delivered({ ...sent, recipients: [...sent.recipients, ...silent] }, mail("A"));
  assert.deepEqual(await told(b), ["here delivered"]);
  await b.queue.stop(0);
});

test("what a plugin forwarded is told of as the next host lets us", async () => {
  const b = await bench();
  const sent = asking("A", "us@home.example", ["passed@one.example", "last@one.example", "soft@one.example"]);
  const forwarder = b.queue.heeding({
    begin: () => Promise.reject(new Error("not here")),
    send: ({ recipients }) => {
      const reply = { code: 250, text: "ok" };
      return Promise.resolve({
        outcomes: [
          { kind: "delivered", recipient: recipients[0]!, reply, onward: "dsn-passed" },
          { kind: "delivered", recipient: recipients[1]!, reply, onward: "no-dsn" },
          { kind: "deferred", recipient: recipients[2]!, reason: { text: "later", status: "4.0.0" } },
        ],
        via: { host: "hop.example", ip: "192.0.2.1", port: 25, mode: "SMTP", tls: false, authenticated: false },
      });
    },
  });
  const item: Item = {
    id: "A.1",
    domain: "one.example",
    envelope: sent,
    recipients: sent.recipients,
    attempts: 0,
    queuedAt: 0,
    size: 1,
    log: memoryLog().log,
  };
  await forwarder.send(item, mail("A"), [], new AbortController().signal);
  await b.queue.accept({ ...sent, recipients: [sent.recipients[2]!] }, mail("A"));
  b.courier.verdicts = (address) => address.startsWith("soft") ? "deferred" : "delivered";
  await b.queue.delivered(sent, mail("A"));
  assert.deepEqual(await told(b), ["last relayed"]);
  assert.match(b.courier.deliveries.at(-1)!.text, /\r\nRemote-MTA: dns; hop\.example\r\n/);
  await b.queue.stop(0);
});

test("the null sender is told nothing, and a full disk is no fault of the message", async () => {
  const b = await bench();
  await b.queue.delivered(asking("A", "<>", ["here@home.example"]), mail("A"));
  assert.deepEqual(await told(b), []);
  b.disk.fail = (step) => {
    if (step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  await b.queue.delivered(asking("B", "us@home.example", ["here@home.example"]), mail("B"));
  assert.match(b.log.text(), /Cannot queue a report/);
  await b.queue.stop(0);
});

test("what a plugin handed on step by step is told of in the same way", async () => {
  const b = await bench();
  const sent = asking("A", "us@home.example", ["taken@one.example", "refused@one.example"]);
  const reply = { code: 250, text: "ok" };
  const via = {
    host: "hop.example",
    ip: "192.0.2.1",
    port: 25,
    mode: "SMTP",
    tls: false,
    authenticated: false,
  } as const;
  let closed = false;
  const forwarder = b.queue.heeding({
    send: () => Promise.reject(new Error("not here")),
    begin: () =>
      Promise.resolve({
        kind: "taken",
        reply,
        hop: {
          open: true,
          rcpt: ({ address }) =>
            Promise.resolve(
              address.user === "taken"
                ? { kind: "taken", reply }
                : { kind: "refused", verdict: "failed", reason: { text: "no", status: "5.1.1" } },
            ),
          data: () => Promise.resolve({ kind: "taken", reply }),
          content: () => Promise.resolve({ kind: "taken", reply, via, onward: { onward: "no-dsn" } }),
          close: () => void (closed = true),
        },
      }),
  });
  const { signal } = new AbortController();
  const begun = await forwarder.begin({ envelope: sent, log: memoryLog().log }, [], signal);
  assert.equal(begun.kind, "taken");
  const { hop } = begun as Extract<typeof begun, { kind: "taken" }>;
  for (const recipient of sent.recipients) await hop.rcpt(recipient, signal);
  await hop.data(signal);
  assert.equal((await hop.content(mail("A"), signal)).kind, "taken");
  hop.close();
  await b.queue.delivered({ ...sent, recipients: [sent.recipients[0]!] }, mail("A"));
  assert.deepEqual([await told(b), hop.open, closed], [["taken relayed"], true, true]);
  assert.match(b.courier.deliveries.at(-1)!.text, /\r\nRemote-MTA: dns; hop\.example\r\n/);
  await b.queue.stop(0);
});

test("an alias for several is told of as expanded once its message is taken, by the queue or by a plugin, and once (RFC 3461 §5.2.7.3)", async () => {
  const b = await bench();
  const alias = parseAddress("list@home.example")!;
  const plain = envelope("A", "us@home.example", ["one@one.example", "two@one.example"]);
  const [first, second] = plain.recipients.map((one) => ({ ...one, notify: ["FAILURE"] as const }));
  const sent: Envelope = {
    ...plain,
    recipients: [
      { ...first!, expandedFrom: alias, originalRecipient: { type: "rfc822", address: "all@b.org" } },
      second!,
    ],
  };
  await b.queue.accept(sent, mail("A"));
  await b.queue.delivered(sent, mail("A"));
  assert.deepEqual(await told(b), ["list expanded"]);
  assert.match(b.courier.deliveries.at(-1)!.text, /\r\nOriginal-Recipient: rfc822; all@b\.org\r\nFinal-Recipient/);
  await b.queue.delivered({ ...sent, recipients: sent.recipients.map((one) => ({ ...one })) }, mail("A"));
  assert.deepEqual(await told(b), ["list expanded", "list expanded"]);
  await b.queue.accept({ ...sent, id: "B", sender: parseAddress("<>")! }, mail("B"));
  assert.equal((await told(b)).length, 2);
  await b.queue.stop(0);
});
