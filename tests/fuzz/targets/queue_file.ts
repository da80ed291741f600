/**
 * Queue files that are imported: whatever lies there, it is told of by an Unreadable, or is mail with recipients whose envelope can be written, exported
 * and read again.
 */
import assert from "node:assert/strict";
import { utf8Decode } from "../../../src/base/bytes.ts";
import { Unreadable } from "../../../src/queue/import/brought.ts";
import { exportFile, readExportFile } from "../../../src/queue/import/export_file.ts";
import { harakaEnvelopeEnd, parseHarakaName, readHarakaFile } from "../../../src/queue/import/haraka_file.ts";
import { restoreEnvelope, storeEnvelope } from "../../../src/queue/stored.ts";
import type { FuzzTarget } from "../target.ts";

const NAME = "1700000000000_1700000064000_1_812_wfiyQY_6_mx";
const TODO =
  `{"queue_time":1,"domain":"one.example","rcpt_to":[{"original":"a@one.example","original_host":"one.example","host":"one.example","user":"a"}],` +
  `"mail_from":{"original":"","user":"","host":""},"notes":{},"uuid":"A.1","force_tls":true}`;

/** With the length that belongs to it. */
const file = (todo: string, message: string) => {
  const length = [24, 16, 8, 0].map((shift) => String.fromCharCode((todo.length >> shift) & 255)).join("");
  return `${length}${todo}${message}`;
};

export default {
  seeds: [file(`\n${TODO}\n`, "Subject: x\r\n\r\nx\r\n"), file(TODO, "x\r\n"), file("{}", "x"), "\0\0\0\0", ""],
  words: [
    TODO,
    '"original":',
    '"user":',
    "null",
    "[",
    "]",
    "{",
    "}",
    '"',
    "\\",
    "\u00c3\u00bc",
    "\0",
    "\r\n",
    '"notes":',
  ],
  check(input) {
    const name = parseHarakaName(utf8Decode(input.subarray(0, 80)));
    if (name !== undefined) assert.ok(Number.isFinite(name.nextAttempt) && Number.isFinite(name.attempts));
    const brought = attempt(() => {
      const end = harakaEnvelopeEnd(input.subarray(0, 4), input.length);
      return readHarakaFile(NAME, parseHarakaName(NAME)!, input.subarray(0, end), 5);
    });
    if (brought === undefined) return void attempt(() => readExportFile(utf8Decode(input), input.length));
    assert.ok(brought.envelope.recipients.length > 0 && brought.offset < input.length);
    assert.match(brought.envelope.id, /^[\w.-]+$/);
    const stored = JSON.parse(JSON.stringify(storeEnvelope(brought.envelope)));
    assert.deepEqual(storeEnvelope(restoreEnvelope(stored)), stored);
    const again = readExportFile(exportFile(brought, 7), 7);
    assert.deepEqual(storeEnvelope(again.envelope), stored);
  },
} satisfies FuzzTarget;

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof Unreadable) return undefined;
    throw fault;
  }
}
