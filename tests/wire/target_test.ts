import assert from "node:assert/strict";
import { formatReply } from "../../src/wire/reply.ts";
import { parseTarget, type TargetOptions } from "../../src/wire/target.ts";
import { test } from "../kit/test.ts";

const TOLERANT: TargetOptions = { strict: false, smtpUtf8: true };
const STRICT: TargetOptions = { strict: true, smtpUtf8: true };

/** `original params…`, or the reply's first line. */
function read(verb: "MAIL" | "RCPT", text: string, options = TOLERANT): string {
  const target = parseTarget(verb, text, options);
  if ("reply" in target) return formatReply(target.reply).split("\r\n")[0]!;
  return [`<${target.path.original}>`, ...[...target.parameters].map(([k, v]) => v === null ? k : `${k}=${v}`)].join(
    " ",
  );
}

const PARSING = "501-5.5.4 Command parsing failed";
const BAD_FROM = "501 5.1.7 Invalid MAIL FROM address";
const BAD_TO = "501 5.1.3 Invalid RCPT TO address";

test("tolerant and strict reading of MAIL", () => {
  const table: [string, string, string][] = [
    ["FROM:<a@b.c>", "<a@b.c>", "<a@b.c>"],
    ["from:<a@b.c> size=12 SMTPUTF8", "<a@b.c> SIZE=12 SMTPUTF8", "<a@b.c> SIZE=12 SMTPUTF8"],
    ["FROM: <a@b.c>", "<a@b.c>", PARSING],
    ["FROM : <a@b.c>", "<a@b.c>", PARSING],
    ["FROM:a@b.c SIZE=1", "<a@b.c> SIZE=1", PARSING],
    ["FROM:user size=1234", BAD_FROM, PARSING],
    ["FROM:", "<>", PARSING],
    ["FROM:<>", "<>", "<>"],
    ["FROM:<> SIZE=5", "<> SIZE=5", "<> SIZE=5"],
    ["FROM:user=name@b.c", "<user=name@b.c>", PARSING],
    ['FROM:<"a> b"@b.c> SIZE=1', '<"a> b"@b.c> SIZE=1', '<"a> b"@b.c> SIZE=1'],
    ['FROM:"a b"@b.c SIZE=1', '<"a b"@b.c> SIZE=1', PARSING],
    ['FROM:<"a\\" > b"@b.c>', '<"a\\" > b"@b.c>', '<"a\\" > b"@b.c>'],
    ["FROM:<a@b@c>", BAD_FROM, BAD_FROM],
    ["FROM:<a@ b.c>", BAD_FROM, BAD_FROM],
    ["FROM:a@ b.c", BAD_FROM, PARSING],
    ["FROM:<a b@c.d>", BAD_FROM, BAD_FROM],
    ["FROM:<a@b.c", PARSING, PARSING],
    ["FROM:<a@b.c>SIZE=1", PARSING, PARSING],
    ["FROM:<a@b.c> SIZE=", PARSING, PARSING],
    ["FROM:<a@b.c> SIZE=1 size=2", PARSING, PARSING],
    ["FROM:<a@b.c> =1", PARSING, PARSING],
    ["FROM <a@b.c>", PARSING, PARSING],
    ["TO:<a@b.c>", PARSING, PARSING],
    ["", PARSING, PARSING],
    ["FROM", PARSING, PARSING],
  ];
  for (const [text, tolerant, strict] of table) {
    assert.equal(read("MAIL", text), tolerant, text);
    assert.equal(read("MAIL", text, STRICT), strict, `strict ${text}`);
  }
});

test("tolerant and strict reading of RCPT", () => {
  const table: [string, string, string][] = [
    ["TO:<a@b.c>", "<a@b.c>", "<a@b.c>"],
    ["TO: 0@x.biz 0=9 1=9", "<0@x.biz> 0=9 1=9", PARSING],
    ["TO:<user=name@domain.com> foo=bar", "<user=name@domain.com> FOO=bar", "<user=name@domain.com> FOO=bar"],
    ["TO:<postmaster>", "<postmaster>", "<postmaster>"],
    ["to:<PostMaster> NOTIFY=NEVER", "<PostMaster> NOTIFY=NEVER", "<PostMaster> NOTIFY=NEVER"],
    ["TO:postmaster", "<postmaster>", PARSING],
    ["TO:<>", BAD_TO, BAD_TO],
    ["TO:", BAD_TO, PARSING],
    ["TO:<abuse>", BAD_TO, BAD_TO],
    ["TO:<@relay.example,@b.c:a@d.e>", "<@relay.example,@b.c:a@d.e>", "<@relay.example,@b.c:a@d.e>"],
    ["TO:<a@[127.0.0.1]>", "<a@[127.0.0.1]>", "<a@[127.0.0.1]>"],
  ];
  for (const [text, tolerant, strict] of table) {
    assert.equal(read("RCPT", text), tolerant, text);
    assert.equal(read("RCPT", text, STRICT), strict, `strict ${text}`);
  }
});

test("UTF-8 in an address is kept, or refused by 5.6.7 where SMTPUTF8 is off", () => {
  assert.equal(read("MAIL", "FROM:<grüße@münchen.de> SMTPUTF8"), "<grüße@münchen.de> SMTPUTF8");
  assert.equal(
    read("MAIL", "FROM:<grüße@x.de>", { strict: false, smtpUtf8: false }),
    "553 5.6.7 Non-ASCII addresses are not permitted",
  );
});

test("a fault says why, and repeats nothing of what the peer sent", () => {
  const target = parseTarget("MAIL", "FROM:<marker@b.c", TOLERANT);
  assert.ok("reply" in target && target.reason.length > 0);
  assert.ok("reply" in target && !formatReply(target.reply).includes("marker"));
});
