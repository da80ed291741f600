import assert from "node:assert/strict";
import type { Item } from "../../src/hooks/outbound.ts";
import { makeReport } from "../../src/queue/bounce.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { NO_TEMPLATES, type SiteTemplates } from "../../src/mail/report_template.ts";
import { test } from "../kit/test.ts";
import { envelope, mail, readText } from "./queue_kit.ts";

function bounce(templates: SiteTemplates = NO_TEMPLATES, { log } = memoryLog()) {
  const sent = envelope("A", "us@home.example", ["bad@one.example"]);
  const item: Item = {
    id: "A.1",
    domain: "one.example",
    envelope: sent,
    recipients: sent.recipients,
    attempts: 0,
    queuedAt: 0,
    size: 1,
    log,
  };
  const reason = { text: "550 no such user", status: "5.1.1" };
  return makeReport({
    kind: "failed",
    me: "us.example",
    templates,
    log,
    item,
    lines: [{ action: "failed", recipient: sent.recipients[0]!, reason: reason.text, status: reason.status }],
    original: mail("A"),
    error: "550 no such user",
    now: 0,
    pid: 42,
    id: "R",
  });
}

test("a report goes from the null sender to the sender alone", async () => {
  const { envelope, message } = bounce();
  assert.equal(envelope.id, "R");
  assert.equal(envelope.sender.isNull(), true);
  assert.deepEqual(envelope.recipients.map(({ address }) => address.address), ["us@home.example"]);
  const text = await readText(message.open());
  assert.match(text, /\r\nFinal-Recipient: rfc822; bad@one\.example\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/);
  assert.equal(message.header.get("Auto-Submitted"), "auto-replied");
});

test("an operator's template gives the fields and the text", async () => {
  const { message } = bounce({
    ...NO_TEMPLATES,
    text: "Subject: Sorry from {me}\nTo: {to}\n\nBecause: {reason}\n",
  });
  assert.equal(message.header.get("Subject"), "Sorry from us.example");
  assert.match(await readText(message.open()), /\r\nBecause: 550 no such user\r\n/);
});

test("templates that break the report give way to the built-in words, and the log says why [row 214]", async () => {
  const told = memoryLog();
  const broken: SiteTemplates = {
    text: "",
    image: "",
    get html(): string {
      throw new Error("no HTML today");
    },
  };
  const { message } = bounce(broken, told);
  assert.match(await readText(message.open()), /\r\nWhat went wrong: 550 no such user\r\n/);
  assert.match(told.text(), /no HTML today/);
});
