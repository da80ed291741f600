import assert from "node:assert/strict";
import { parseAddress } from "../../src/mail/address.ts";
import { addressText, recipientText, restoreEnvelope, splitByDomain, storeEnvelope } from "../../src/queue/stored.ts";
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
