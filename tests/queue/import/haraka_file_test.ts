import assert from "node:assert/strict";
import { Unreadable } from "../../../src/queue/import/brought.ts";
import { harakaEnvelopeEnd, parseHarakaName, readHarakaFile } from "../../../src/queue/import/haraka_file.ts";
import { test } from "../../kit/test.ts";
import { address, harakaFile, type HarakaFileOptions } from "./import_kit.ts";

const NAME = "1700000000000_1700000064000_1_812_wfiyQY_6_mx.example";
const NOW = 1_800_000_000_000;

function read(options: HarakaFileOptions = {}, name = NAME) {
  const file = harakaFile(options);
  const end = harakaEnvelopeEnd(file.subarray(0, 4), file.length);
  return readHarakaFile(name, parseHarakaName(name)!, file.subarray(0, end), NOW);
}

test("names of seven parts and of the older four are read, others are not [row 183] [row 184]", () => {
  const cases: readonly [string, object | undefined][] = [
    [NAME, { arrival: 1_700_000_000_000, nextAttempt: 1_700_000_064_000, attempts: 1 }],
    ["1_2_0_9_A1b2C3_0_a\\137b", { arrival: 1, nextAttempt: 2, attempts: 0 }],
    ["1484878079415_3_12345_8888.mta1.example.com", {
      arrival: undefined,
      nextAttempt: 1_484_878_079_415,
      attempts: 3,
    }],
    ["1484878079415_0_12345_.mta1", undefined],
    ["1484878079415_0_12345_x1.mta1", undefined],
    ["1_2_x_9_A1b2C3_0_mx", undefined],
    ["1_2_0_9_A1-2C3_0_mx", undefined],
    ["1_2_0_9_A1b2C3_x_mx", undefined],
    ["1_2_0_9_A1b2C3_0_", undefined],
    ["1_2_0_9_A1b2C3_0_mx_y", undefined],
    ["1_2_3", undefined],
    ["000001.log", undefined],
    ["", undefined],
  ];
  for (const [name, wanted] of cases) assert.deepEqual(parseHarakaName(name), wanted, name);
});

test("an envelope keeps its attempts, times, notes, reason and addresses [row 183]", () => {
  const { envelope, queuedAt, items, stuffed } = read({
    todo: {
      rcpt_to: [
        { ...address("a", "one.example"), reason: "451 not now", dsn_status: "4.2.1" },
        address("b", "one.example"),
      ],
      notes: { from: "here" },
      domain: "One.example",
    },
  });
  assert.match(envelope.id, /^E9A1C516-2F26-4C01-B71F-A604BA6810AA\.1-[0-9a-f]{8}$/);
  assert.deepEqual([`${envelope.sender}`, ...envelope.recipients.map(({ address }) => `${address}`)], [
    "<us@home.example>",
    "<a@one.example>",
    "<b@one.example>",
  ]);
  assert.deepEqual([envelope.notes, envelope.smtpUtf8, queuedAt, stuffed], [
    { from: "here" },
    false,
    1_700_000_000_000,
    true,
  ]);
  assert.deepEqual(items, [{
    domain: "one.example",
    recipients: [0, 1],
    attempts: 1,
    dueAt: 1_700_000_064_000,
    held: false,
    lastError: "451 not now",
    lastStatus: "4.2.1",
  }]);
});

test("a file of the older form arrived when its envelope says, or now [row 184]", () => {
  const old = "1484878079415_3_12345_8888.mta1.example.com";
  assert.equal(read({}, old).queuedAt, 1_700_000_000_000);
  assert.equal(read({ todo: { queue_time: undefined } }, old).queuedAt, NOW);
  assert.deepEqual([read({}, old).items[0]!.attempts, read({}, old).items[0]!.dueAt], [3, 1_484_878_079_415]);
});

test("the length counts octets: addresses of many octets a letter [row 185]", () => {
  const utf8 = {
    original: "jürgen@bücher.example",
    original_host: "bücher.example",
    is_utf8: true,
    host: "xn--bcher-kva.example",
    user: "jürgen",
  };
  const { envelope, offset } = read({
    todo: { mail_from: utf8, rcpt_to: [address("zoë", "one.example")], notes: { n: "日本語" } },
  });
  assert.equal(envelope.sender.format({ utf8: true }), "<jürgen@bücher.example>");
  assert.equal(envelope.recipients[0]!.address.address, "zoë@one.example");
  assert.deepEqual([envelope.smtpUtf8, envelope.notes], [true, { n: "日本語" }]);
  const file = harakaFile({
    todo: { mail_from: utf8, rcpt_to: [address("zoë", "one.example")], notes: { n: "日本語" } },
  });
  assert.equal(new TextDecoder().decode(file.subarray(offset)), "Subject: x\r\n\r\nHello\r\n");
});

test("the null sender in each of its forms, and quoted local parts", () => {
  for (
    const mail_from of [{ original: "", user: "", host: "" }, {
      original: "<>",
      user: null,
      host: null,
      original_host: null,
    }]
  ) {
    assert.equal(read({ todo: { mail_from } }).envelope.sender.isNull(), true);
  }
  const odd = {
    original: '"odd name"@home.example',
    original_host: "home.example",
    host: "home.example",
    user: '"odd name"',
  };
  assert.equal(`${read({ todo: { mail_from: odd } }).envelope.sender}`, '<"odd name"@home.example>');
});

test("force_tls is kept, where delivery heeds it", () => {
  assert.deepEqual(read({ todo: { force_tls: true, notes: { a: 1 } } }).envelope.notes, { a: 1, force_tls: true });
  assert.deepEqual(read({ todo: { notes: { force_tls: true } } }).envelope.notes, { force_tls: true });
});

test("an id is the same each time, and another for another file of the same transaction", () => {
  const id = read().envelope.id;
  assert.equal(read().envelope.id, id);
  assert.notEqual(read({}, NAME.replace("wfiyQY", "wfiyQZ")).envelope.id, id);
  assert.match(read({ todo: { uuid: "../../etc" } }).envelope.id, /^imported-[0-9a-f]{8}$/);
});

test("whatever is wrong is told in words, and thrown as Unreadable [row 186]", () => {
  const whole = harakaFile();
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["empty", () => harakaEnvelopeEnd(new Uint8Array(0), 0), /^it is empty$/],
    ["three octets", () => harakaEnvelopeEnd(new Uint8Array(3), 3), /cut off: 3 octets/],
    [
      "cut in the envelope",
      () => harakaEnvelopeEnd(whole.subarray(0, 4), 200),
      /cut off: its envelope has \d+ octets, the whole file 200/,
    ],
    ["no message", () => read({ message: "" }), /it has no message/],
    ["a length that lies", () => read({ length: 50 }), /its envelope cannot be read/],
    ["no addresses", () => read({ todo: { rcpt_to: [] } }), /no recipients/],
    ["a strange recipient", () => read({ todo: { rcpt_to: ["x"] } }), /a recipient is no address: "x"/],
    [
      "a null recipient",
      () => read({ todo: { rcpt_to: [{ original: "<>", user: "", host: "" }] } }),
      /a recipient is no address/,
    ],
    ["a strange sender", () => read({ todo: { mail_from: 7 } }), /its sender is no address: 7/],
    ["no sender", () => read({ todo: { mail_from: undefined } }), /its sender is no address/],
  ];
  for (const [what, run, reason] of cases) {
    assert.throws(run, (fault) => fault instanceof Unreadable && reason.test(fault.message), what);
  }
  // Cut or changed anywhere, nothing but Unreadable comes of it.
  for (let at = 0; at < whole.length; at++) {
    const broken = whole.slice();
    broken[at] = broken[at]! ^ 0x15;
    for (const file of [whole.subarray(0, at), broken]) {
      try {
        const end = harakaEnvelopeEnd(file.subarray(0, 4), file.length);
        readHarakaFile(NAME, parseHarakaName(NAME)!, file.subarray(0, end), NOW);
      } catch (fault) {
        assert.ok(fault instanceof Unreadable, `${at}: ${fault}`);
      }
    }
  }
});
