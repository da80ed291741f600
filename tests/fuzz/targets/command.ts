/** A command line is a command or a fault, never a throw; a fault's reply is well-formed and repeats nothing; what is read reads again alike. */
import assert from "node:assert/strict";
import { utf8Decode } from "../../../src/base/bytes.ts";
import { formatCommand, parseCommand } from "../../../src/wire/command.ts";
import { formatReply } from "../../../src/wire/reply.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: [
    "EHLO mx.example.com",
    "MAIL FROM:<a@example.com> SIZE=10 BODY=8BITMIME",
    'RCPT TO:<"a b"@[IPv6:::1]> NOTIFY=NEVER',
    "RCPT TO:postmaster",
    "BDAT 100 LAST",
    "AUTH PLAIN AGEAYg==",
    "DATA",
  ],
  words: [
    " ",
    ":",
    "<",
    ">",
    "@",
    '"',
    "\\",
    "FROM:",
    "TO:",
    "=",
    "\u00c3\u00bc",
    "\t",
    "\0",
    "MAIL ",
    "LAST",
    "[127.0.0.1]",
  ],
  check(line, random) {
    const options = { eightBit: random.below(2) === 0, strict: random.below(2) === 0, smtpUtf8: random.below(2) === 0 };
    const parsed = parseCommand(line, options);
    if (parsed.verb === "FAULT") {
      assert.match(formatReply(parsed.reply), /^(?:5[0-9]{2}[ -][\x20-\x7e]+\r\n)+$/);
      assert.ok(parsed.reason.length > 0);
      return;
    }
    assert.doesNotMatch(parsed.rest, /^ |[ \t]$/);
    if (!options.eightBit) assert.ok(line.every((octet) => octet < 128));
    const name = parsed.verb === "UNKNOWN" ? parsed.name : parsed.verb;
    if (name === "") return;
    assert.deepEqual(parseCommand(formatCommand(name, parsed.rest), options), parsed, utf8Decode(line));
  },
} satisfies FuzzTarget;
