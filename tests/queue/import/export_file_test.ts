import assert from "node:assert/strict";
import { parseAddress } from "../../../src/mail/address.ts";
import { type Brought, Unreadable } from "../../../src/queue/import/brought.ts";
import { exportFile, readExportFile } from "../../../src/queue/import/export_file.ts";
import { test } from "../../kit/test.ts";
import { envelope } from "../queue_kit.ts";

const item = { domain: "one.example", recipients: [0], attempts: 2, dueAt: 5, held: false };

const BROUGHT: Brought = {
  envelope: {
    ...envelope("A.1", "us@home.example", ["a@one.example", "b@two.example"]),
    recipients: [
      {
        address: parseAddress('"odd name"@One.example')!,
        parameters: new Map([["X", "1"], ["Y", null]]),
        notify: ["FAILURE", "DELAY"],
        originalRecipient: { type: "rfc822", address: "c@three.example" },
      },
      { address: parseAddress("zoë@bücher.example")!, parameters: new Map() },
    ],
    notes: { deep: { list: [1, "ä"] } },
    smtpUtf8: true,
    wanted: {
      ret: "FULL",
      envid: "E",
      requireTls: true,
      priority: 3,
      deliverBy: { at: 9, mode: "R", trace: true },
      holdUntil: 7,
    },
  },
  queuedAt: 1_700_000_000_000,
  items: [
    { ...item, lastError: "451 not now", lastStatus: "4.2.1", told: 1 },
    { ...item, domain: "xn--bcher-kva.example", recipients: [1], held: true },
  ],
  offset: 0,
  stuffed: false,
};

test("what is written is read back as it was, whatever the addresses", () => {
  for (const sender of ["us@home.example", "", '"q\\"uo te"@home.example', "jürgen@bücher.example", "x@[192.0.2.1]"]) {
    const brought = { ...BROUGHT, envelope: { ...BROUGHT.envelope, sender: parseAddress(sender)! } };
    assert.deepEqual(readExportFile(exportFile(brought, 77), 77), brought, sender);
  }
  const { wanted: _, ...plain } = BROUGHT.envelope;
  const least: Brought = { ...BROUGHT, envelope: { ...plain, recipients: [plain.recipients[1]!] }, items: [item] };
  assert.deepEqual(readExportFile(exportFile(least, 0), 0), least);
});

test("people can read it", () => {
  const text = exportFile(BROUGHT, 77);
  assert.match(text, /^ {2}"sender": "us@home\.example",$/m);
  assert.match(text, /^ {6}"address": "zoë@bücher\.example"$/m);
});

test("anything else is Unreadable, cut or changed wherever", () => {
  const text = exportFile(BROUGHT, 77);
  const cases: readonly [string, number, RegExp][] = [
    ["", 77, /not JSON, or cut off/],
    ["[]", 77, /no envelope that kasi queue export wrote/],
    ["null", 77, /no envelope that kasi queue export wrote/],
    ["{}", 77, /no "kasi queue export 1"/],
    [text, 76, /its message has 76 octets in place of 77/],
    [text.replace('"queuedAt": 1700000000000', '"queuedAt": "x"'), 77, /no time/],
    [text.replace('"id": "A.1"', '"id": "A\\n1"'), 77, /its id is none/],
    [text.replace('"id": "A.1"', '"id": 7'), 77, /its id is none/],
    [text.replace(/"recipients": \[\s*1\s*\]/, '"recipients": [5]'), 77, /do not go together/],
    [text.replace('"attempts": 2', '"attempts": "2"'), 77, /an item of it is none/],
    [text.replace(/"address": "zoë[^"]*"/, '"address": 7'), 77, /lacks something/],
  ];
  for (const [broken, size, reason] of cases) {
    assert.throws(
      () => readExportFile(broken, size),
      (fault) => fault instanceof Unreadable && reason.test(fault.message),
      `${reason}`,
    );
  }
  for (let at = 0; at < text.length - 1; at++) {
    assert.throws(() => readExportFile(text.slice(0, at), 77), Unreadable, `${at}`);
  }
});
