import assert from "node:assert/strict";
import { utf8Encode } from "../../src/base/bytes.ts";
import { type CommandOptions, formatCommand, parseCommand } from "../../src/wire/command.ts";
import { formatReply } from "../../src/wire/reply.ts";
import { test } from "../kit/test.ts";

const TOLERANT: CommandOptions = { eightBit: true, strict: false, smtpUtf8: true };
const read = (line: string, options: Partial<CommandOptions> = {}) =>
  parseCommand(utf8Encode(line), { ...TOLERANT, ...options });

/** The reply to a faulty line. */
function refusal(line: string, options: Partial<CommandOptions> = {}): string {
  const parsed = read(line, options);
  assert.equal(parsed.verb, "FAULT", line);
  return parsed.verb === "FAULT" ? formatReply(parsed.reply) : "";
}

test("a hello keeps its first word and needs one", () => {
  assert.deepEqual(read("EHLO mx.example.com and more"), {
    verb: "EHLO",
    rest: "mx.example.com and more",
    host: "mx.example.com",
  });
  assert.deepEqual(read("helo x"), { verb: "HELO", rest: "x", host: "x" });
  assert.deepEqual(read("LhLo x"), { verb: "LHLO", rest: "x", host: "x" });
  assert.equal(refusal("EHLO"), "501 EHLO requires domain/address\r\n");
  assert.equal(refusal("HELO   "), "501 HELO requires domain/address\r\n");
});

test("MAIL and RCPT carry their path and parameters", () => {
  assert.deepEqual(read("MAIL FROM:<a@example.com> SIZE=12 body=8BITMIME"), {
    verb: "MAIL",
    rest: "FROM:<a@example.com> SIZE=12 body=8BITMIME",
    path: { original: "a@example.com", user: "a", host: "example.com", isUtf8: false },
    parameters: new Map([["SIZE", "12"], ["BODY", "8BITMIME"]]),
  });
  assert.deepEqual(read("rcpt to:<b@example.com>"), {
    verb: "RCPT",
    rest: "to:<b@example.com>",
    path: { original: "b@example.com", user: "b", host: "example.com", isUtf8: false },
    parameters: new Map(),
  });
});

test("verbs that stand alone refuse arguments, blanks behind them do not count", () => {
  for (const verb of ["DATA", "RSET", "QUIT", "STARTTLS"]) {
    assert.deepEqual(read(`${verb.toLowerCase()}  \t`), { verb, rest: "" });
    assert.equal(refusal(`${verb} x`), "501 5.5.4 Syntax error (no parameters allowed)\r\n");
  }
  for (const verb of ["NOOP", "HELP", "VRFY", "EXPN", "XCLIENT"]) {
    assert.deepEqual(read(`${verb} a b`), { verb, rest: "a b" });
  }
});

test("BDAT takes a size and LAST", () => {
  assert.deepEqual(read("BDAT 86 last"), { verb: "BDAT", rest: "86 last", size: 86, last: true });
  assert.deepEqual(read("BDAT 0"), { verb: "BDAT", rest: "0", size: 0, last: false });
  for (const rest of ["", "x", "-1", "1 LAS", "1 LAST x", "1e3", "0x10", "9999999999999999"]) {
    assert.equal(refusal(`BDAT ${rest}`), "501 5.5.4 Syntax error in BDAT parameters\r\n");
  }
});

test("AUTH names its mechanism and may bring a first answer", () => {
  assert.deepEqual(read("AUTH plain AGEAYg=="), {
    verb: "AUTH",
    rest: "plain AGEAYg==",
    mechanism: "PLAIN",
    initial: "AGEAYg==",
  });
  assert.deepEqual(read("auth CRAM-MD5"), {
    verb: "AUTH",
    rest: "CRAM-MD5",
    mechanism: "CRAM-MD5",
    initial: undefined,
  });
  assert.deepEqual(read("AUTH"), { verb: "AUTH", rest: "", mechanism: "", initial: undefined });
  assert.match(refusal("AUTH PLAIN a b"), /^501 5\.5\.4 /);
});

test("an unknown verb is no fault", () => {
  assert.deepEqual(read("Frob  x y "), { verb: "UNKNOWN", rest: "x y", name: "FROB" });
  assert.deepEqual(read(""), { verb: "UNKNOWN", rest: "", name: "" });
  assert.deepEqual(read(" QUIT"), { verb: "UNKNOWN", rest: "QUIT", name: "" });
  assert.deepEqual(read("constructor"), { verb: "UNKNOWN", rest: "", name: "CONSTRUCTOR" });
  assert.deepEqual(read("UNKNOWN x"), { verb: "UNKNOWN", rest: "x", name: "UNKNOWN" });
});

test("8-bit octets are refused where the caller says so, and UTF-8 that is none always", () => {
  assert.equal(
    refusal("MAIL FROM:<ü@example.com>", { eightBit: false }),
    "501 5.5.2 Syntax error (8-bit characters not allowed)\r\n",
  );
  assert.equal(read("EHLO münchen.de").verb, "EHLO");
  assert.equal(parseCommand(new Uint8Array([0x4e, 0x4f, 0x4f, 0x50, 0x20, 0xff]), TOLERANT).verb, "FAULT");
});

test("control characters are refused, a tab is not", () => {
  for (const code of [0, 1, 8, 11, 12, 14, 27, 31, 127]) {
    assert.equal(read(`NOOP ${String.fromCharCode(code)}`).verb, "FAULT");
  }
  assert.equal(read("NOOP a\tb").verb, "NOOP");
});

test("a very long line is read like any other", () => {
  assert.equal(read(`NOOP ${"x".repeat(300_000)}`).verb, "NOOP");
});

test("what formatCommand writes, parseCommand reads", () => {
  for (const [verb, rest] of [["DATA", ""], ["MAIL", "FROM:<a@b> SIZE=1"], ["BDAT", "5 LAST"]] as const) {
    const parsed = parseCommand(formatCommand(verb, rest), TOLERANT);
    assert.equal(parsed.verb, verb);
    assert.equal("rest" in parsed && parsed.rest, rest);
  }
});
