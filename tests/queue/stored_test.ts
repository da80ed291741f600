import assert from "node:assert/strict";
import { parseAddress } from "../../src/mail/address.ts";
import type { MailOptions } from "../../src/hooks/outbound.ts";
import {
  addressText,
  asksForDelay,
  recipientText,
  restoreEnvelope,
  splitByDomain,
  storeEnvelope,
} from "../../src/queue/stored.ts";
import { test } from "../kit/test.ts";

const ADDRESSES = [
  "<>",
  "<a@b.example>",
  "<A.b+c@B.Example>",
  '<"a b"@c.example>',
  '<"a@b"@c.example>',
  "<ä@höme.example>",
  "<a@[192.0.2.1]>",
  "<postmaster>",
];
const recipient = (text: string, parameters = {}) => ({
  address: parseAddress(text)!,
  parameters: new Map<string, string | null>(Object.entries(parameters)),
});

test("envelopes come back as they were, whatever the address", () => {
  for (const text of ADDRESSES) {
    const envelope = {
      id: "A.1",
      sender: parseAddress(text)!,
      recipients: [recipient(text), recipient(text, { NOTIFY: "NEVER", X: null })],
      notes: { deep: { list: [1, "two"] } },
      smtpUtf8: true,
      report: true as const,
    };
    const json = JSON.stringify({ ...storeEnvelope(envelope), t: 0, z: 0, d: [] });
    const stored = JSON.parse(json);
    assert.deepEqual(restoreEnvelope(stored), envelope, text);
    assert.equal(addressText(stored.s), envelope.sender.address);
    assert.deepEqual(stored.r.map(recipientText), [envelope.sender.address, envelope.sender.address]);
  }
});

test("recipients are grouped by domain in order of first appearance", () => {
  const list = ["<1@a.x>", "<2@b.x>", "<3@A.x>"].map((text) => recipient(text));
  assert.deepEqual(splitByDomain(list, false), { d: ["a.x", "b.x"], g: [0, 1, 0] });
  assert.deepEqual(splitByDomain(list.slice(0, 1), false), { d: ["a.x"] });
  assert.deepEqual(splitByDomain(list, true), { d: ["a.x", "b.x", "a.x"], g: [0, 1, 2] });
});

test("what a sender wants beside transport comes back as it was", () => {
  const plain = { id: "A.1", sender: parseAddress("<a@b.x>")!, notes: {}, smtpUtf8: false };
  const wishes: readonly MailOptions[] = [
    { ret: "HDRS", envid: "an id", body: "BINARYMIME", requireTls: true, priority: -9, holdUntil: 7 },
    { deliverBy: { at: 5, mode: "R", trace: true } },
    { deliverBy: { at: -5, mode: "N", trace: false } },
    { priority: 3 },
  ];
  for (const wanted of wishes) {
    const recipients = [
      { ...recipient("<c@d.x>"), notify: ["NEVER"] as const },
      { ...recipient("<e@d.x>", { X: "y" }), notify: ["SUCCESS", "FAILURE", "DELAY"] as const },
      { ...recipient("<f@d.x>"), originalRecipient: { type: "utf-8", address: "ü@d.x" } },
    ];
    const envelope = { ...plain, recipients, wanted };
    const stored = JSON.parse(JSON.stringify({ ...storeEnvelope(envelope), t: 0, z: 0, d: [] }));
    assert.deepEqual(restoreEnvelope(stored), envelope);
    assert.deepEqual(stored.r.map(asksForDelay), [false, true, false]);
  }
});

test("records of a Kasi that knew of no wishes are read as ever", () => {
  const stored = { i: "A.1", s: "a@b.x", r: ["c@d.x", { a: "e@d.x", p: { NOTIFY: "NEVER" } }], t: 1, z: 2, d: ["d.x"] };
  const { wanted, recipients } = restoreEnvelope(stored);
  assert.equal(wanted, undefined);
  assert.deepEqual(recipients.map(({ address, notify }) => [address.address, notify]), [
    ["c@d.x", undefined],
    ["e@d.x", undefined],
  ]);
});
