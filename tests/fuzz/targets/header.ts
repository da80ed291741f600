/** A header's untouched fields keep their octets, added ones are exactly one field each, decoding never throws, size is what is written. */
import assert from "node:assert/strict";
import { concat, equalBytes, latin1Decode } from "../../../src/base/bytes.ts";
import { findHeaderEnd } from "../../../src/mail/header_block.ts";
import { createMessage } from "../../../src/mail/message.ts";
import { parseMediaType } from "../../../src/mail/mime.ts";
import { memorySource } from "../../../src/mail/source.ts";
import { parseDate } from "../../../src/mail/date.ts";
import type { FuzzTarget } from "../target.ts";

const NAME = "x-fuzz-own";

export default {
  seeds: [
    "Received: from a\r\n\tby b; Sun, 22 Nov 2026 11:00:41 +0000\r\nSubject: =?utf-8?Q?a=C3=BC?=\r\n =?utf-8?B?w7w=?=\r\n\r\nbody",
    'Content-Type: text/plain; name*0*=utf-8\'\'%c3; name*1*=%bc; x="a\\"b"\r\n\r\n',
    "no field\r\nA: b\r\n",
    "A: b\n\nc",
    "\r\nbody",
    "",
  ],
  words: [
    "\r\n",
    "\r",
    "\n",
    ":",
    " ",
    "\t",
    "=?utf-8?Q?",
    "?=",
    "=?x?B?",
    ";",
    "*0*=",
    '"',
    "\\",
    "%",
    "'",
    "(",
    "x-fuzz-own: 1\r\n",
    "\xff",
    "\0",
  ],
  check(input, random) {
    const message = createMessage(memorySource(input));
    const { header } = message;
    const end = findHeaderEnd(input, true);
    assert.ok(end.fields <= end.body && end.body <= input.length);
    for (const field of header.fields) {
      assert.ok(header.has(field.name));
      assert.equal(
        createMessage(memorySource(input)).header.get(field.name),
        header.get(field.name),
        "unparsed as parsed",
      );
      assert.equal(typeof header.getDecoded(field.name), "string");
      parseMediaType(field.value);
      parseDate(field.value);
    }
    const names = header.fields.map((field) => field.name);
    assert.ok(equalBytes(message.bytes()!, input));
    // The input as a value: whatever is in it, one field comes of it, at the right end.
    const value = latin1Decode(input.subarray(0, 2000));
    header.addLeading(NAME, value);
    const leading = createMessage(memorySource(message.bytes()!));
    assert.deepEqual(leading.header.fields.map((field) => field.name), [NAME, ...names]);
    assert.equal(message.size, message.bytes()!.length);
    header.remove(NAME);
    header.add(NAME, value);
    header.addLeading(NAME, "top");
    const { head, offset } = message.render();
    const whole = concat([head, input.subarray(offset)]);
    assert.equal(message.size, whole.length);
    assert.ok(equalBytes(whole.subarray(head.length), input.subarray(end.body)), "the body is untouched");
    const again = createMessage(memorySource(whole));
    const kept = names.filter((name) => name.toLowerCase() !== NAME);
    assert.deepEqual(again.header.fields.map((field) => field.name), [NAME, ...kept, NAME]);
    if (kept.length > 0) {
      header.remove(kept[Math.abs(value.length + random.below(kept.length)) % kept.length]!);
      assert.equal(message.size, message.bytes()!.length);
    }
  },
} satisfies FuzzTarget;
