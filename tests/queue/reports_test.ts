/** Who is told of what: NOTIFY × what becomes of the recipient × the sender, as RFC 3461 §4.1 and §5.2 have it. The table is data. */
import assert from "node:assert/strict";
import type { Attempt, Item, Notify, Outcome } from "../../src/hooks/outbound.ts";
import type { Message } from "../../src/mail/message.ts";
import type { Courier } from "../../src/queue/courier.ts";
import { parseIntervals } from "../../src/config/intervals.ts";
import { test } from "../kit/test.ts";
import { bench, envelope, mail, MINUTE, readText } from "./queue_kit.ts";

/** `mailbox`: an LMTP server took it; `no-dsn`, `dsn`: a relay took it that tells of nothing, or of what it was asked to. */
type Fate = "mailbox" | "no-dsn" | "dsn" | "refused" | "late, asked" | "late, all" | "given up";
const FATES: readonly Fate[] = ["mailbox", "no-dsn", "dsn", "refused", "late, asked", "late, all", "given up"];

/** What the sender reads as Action; "" where it hears nothing. */
const TOLD: readonly (readonly [notify: readonly Notify[] | undefined, ...actions: string[]])[] = [
  // deno-fmt-ignore
  ...([
    //                           mailbox      no-dsn     dsn  refused   late, asked  late, all  given up
    [undefined,                  "",          "",        "",  "failed", "",          "delayed", "failed"],
    [["NEVER"],                  "",          "",        "",  "",       "",          "",        ""],
    [["SUCCESS"],                "delivered", "relayed", "",  "",       "",          "",        ""],
    [["FAILURE"],                "",          "",        "",  "failed", "",          "",        "failed"],
    [["DELAY"],                  "",          "",        "",  "",       "delayed",   "delayed", ""],
    [["SUCCESS", "FAILURE"],     "delivered", "relayed", "",  "failed", "",          "",        "failed"],
    [["SUCCESS", "DELAY"],       "delivered", "relayed", "",  "",       "delayed",   "delayed", ""],
    [["FAILURE", "DELAY"],       "",          "",        "",  "failed", "delayed",   "delayed", "failed"],
    [["SUCCESS", "FAILURE", "DELAY"], "delivered", "relayed", "", "failed", "delayed", "delayed", "failed"],
  ] as const),
];

class FateCourier implements Courier {
  readonly reports: { readonly sender: string; readonly to: readonly string[]; readonly text: string }[] = [];
  readonly #fate: Fate;
  constructor(fate: Fate) {
    this.#fate = fate;
  }

  async deliver(item: Item, message: Message): Promise<Attempt> {
    const { sender } = item.envelope;
    const isReport = item.domain === "home.example";
    if (isReport) {
      const to = item.recipients.map(({ address }) => address.address);
      this.reports.push({ sender: sender.address, to, text: await readText(message.open()) });
    }
    return { outcomes: item.recipients.map((recipient) => isReport ? taken(recipient) : this.#outcome(recipient)) };
  }

  #outcome(recipient: Item["recipients"][number]): Outcome {
    const fate = this.#fate;
    switch (fate) {
      case "mailbox":
        return taken(recipient);
      case "no-dsn":
        return { ...taken(recipient), onward: "no-dsn" };
      case "dsn":
        return { ...taken(recipient), onward: "dsn-passed" };
      case "refused":
        return { kind: "failed", recipient, reason: { text: "550 no", status: "5.1.1" } };
      default:
        return { kind: "deferred", recipient, reason: { text: "451 later", status: "4.2.1" } };
    }
  }
}

const taken = (recipient: Item["recipients"][number]) => ({
  kind: "delivered" as const,
  recipient,
  reply: { code: 250, text: "ok" },
});

async function actionsFor(notify: readonly Notify[] | undefined, fate: Fate, sender: string): Promise<string> {
  const b = await bench({
    start: false,
    settings: {
      intervals: fate === "given up" ? [] : [20 * MINUTE, 20 * MINUTE, 20 * MINUTE],
      delayWarningMs: 30 * MINUTE,
      delayWarningFor: fate === "late, all" ? "all" : "asked",
    },
  });
  const courier = new FateCourier(fate);
  b.queue.start(courier);
  const { recipients, ...rest } = envelope("A", sender, ["joe@r.example"]);
  await b.queue.accept(
    { ...rest, recipients: recipients.map((one) => ({ ...one, ...(notify && { notify }) })) },
    mail("A"),
  );
  // Past the warning, before the last attempt.
  await b.clock.advance(35 * MINUTE);
  await b.queue.stop(0);
  return courier.reports.map((report) => {
    assert.deepEqual([report.sender, report.to], ["", ["us@home.example"]]);
    assert.match(report.text, /\r\nFinal-Recipient: rfc822; joe@r\.example\r\n/);
    return /\r\nAction: (\w+)\r\n/.exec(report.text)![1]!;
  }).join();
}

test("NOTIFY, what becomes of a recipient and the sender decide what the sender is told", async () => {
  for (const [notify, ...actions] of TOLD) {
    const found: string[] = [];
    for (const fate of FATES) found.push(await actionsFor(notify, fate, "us@home.example"));
    assert.deepEqual(found, actions, String(notify));
  }
});

test("the null sender is told of nothing, whatever NOTIFY says", async () => {
  for (const [notify] of TOLD) {
    for (const fate of FATES) assert.equal(await actionsFor(notify, fate, "<>"), "", `${notify} ${fate}`);
  }
});

test("a report to a sender in ASCII asks for no SMTPUTF8; one whose address needs it gets the forms of RFC 6533", async () => {
  const sent: { readonly utf8: boolean; readonly text: string }[] = [];
  const b = await bench({ start: false });
  b.queue.start({
    async deliver({ envelope: { sender, smtpUtf8 }, recipients }, message) {
      if (!sender.isNull()) {
        const reason = { text: "550 no", status: "5.1.1" };
        return { outcomes: recipients.map((recipient) => ({ kind: "failed" as const, recipient, reason })) };
      }
      sent.push({ utf8: smtpUtf8, text: await readText(message.open()) });
      return { outcomes: recipients.map(taken) };
    },
  });
  for (const sender of ["us@home.example", "wir@bücher.example", "grüße@home.example"]) {
    await b.queue.accept({ ...envelope(sender, sender, ["ü@r.example"]), smtpUtf8: true }, mail("A"));
    await b.clock.advance(100);
  }
  await b.queue.stop(0);
  assert.deepEqual(sent.map(({ utf8 }) => utf8), [false, false, true]);
  const types = sent.map(({ text }) => /report-type=([\w-]+)/.exec(text)![1]);
  assert.deepEqual(types, ["delivery-status", "delivery-status", "global-delivery-status"]);
  assert.match(sent[0]!.text, /\r\nFinal-Recipient: utf-8; \\x\{FC\}@r\.example\r\n/);
});

test("ten days in the queue: every attempt at its time, one word when it is late, one at the end (RFC 5321 §4.5.4.1)", async () => {
  const parsed = parseIntervals("5m*12, 1h*24, 4h*53");
  const intervals = parsed.kind === "intervals" ? parsed.seconds.map((each) => each * 1000) : [];
  const b = await bench({ start: false, settings: { intervals, delayWarningFor: "all" } });
  const attempts: number[] = [];
  const reports: string[] = [];
  const begun = b.clock.now();
  b.queue.start({
    async deliver({ domain, recipients }, message) {
      if (domain === "home.example") {
        const text = await readText(message.open());
        const until = /\r\nWill-Retry-Until: (.*)\r\n/.exec(text)?.[1];
        const hours = (at: number) => Math.round((at - begun) / (60 * MINUTE));
        reports.push(
          `${hours(b.clock.now())} h: ${/\r\nAction: (\w+)\r\n/.exec(text)![1]}` +
            (until === undefined ? "" : `, until ${hours(Date.parse(until))} h`),
        );
        return { outcomes: recipients.map(taken) };
      }
      attempts.push(b.clock.now() - begun);
      const reason = { text: "451 later", status: "4.2.1" };
      return { outcomes: recipients.map((recipient) => ({ kind: "deferred" as const, recipient, reason })) };
    },
  });
  await b.accept("A", ["joe@r.example"]);
  await b.clock.advance(10 * 24 * 60 * MINUTE);
  let due = 0;
  const wanted = [0, ...intervals.map((each) => due += each)];
  assert.deepEqual(attempts.map((at) => Math.round(at / MINUTE)), wanted.map((at) => Math.round(at / MINUTE)));
  assert.deepEqual(reports, ["4 h: delayed, until 237 h", "237 h: failed"]);
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});
