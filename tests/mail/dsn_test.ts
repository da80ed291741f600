import assert from "node:assert/strict";
import { type Bytes, latin1Decode, latin1Encode, utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { buildReport, type ReportOptions } from "../../src/mail/dsn.ts";
import { decodeBase64 } from "../../src/mail/encoded_words.ts";
import { createMessage, type Message } from "../../src/mail/message.ts";
import { parseMediaType } from "../../src/mail/mime.ts";
import { memorySource } from "../../src/mail/source.ts";
import { decodeTransfer } from "../../src/mail/transfer.ts";
import { test } from "../kit/test.ts";

const parse = (text: string | Bytes): Message =>
  createMessage(memorySource(typeof text === "string" ? utf8Encode(text) : text));
const bodyOf = (message: Message): string => {
  const text = latin1Decode(message.bytes()!);
  return text.slice(text.indexOf("\r\n\r\n") + 4);
};

/** The parts of a multipart, each read as a message. */
function parts(message: Message): Message[] {
  const boundary = parseMediaType(message.header.get("Content-Type")!).parameters.get("boundary")!;
  const pieces = `\r\n${bodyOf(message)}`.split(`\r\n--${boundary}`);
  assert.equal(pieces.pop()!.trim(), "--", "the last boundary closes");
  return pieces.slice(1).map((piece) =>
    createMessage(memorySource(Uint8Array.from(piece.slice(2), (c) => c.charCodeAt(0))))
  );
}

/** Field blocks of a delivery-status body. */
const blocks = (body: string): Message["header"][] =>
  body.split("\r\n\r\n").filter((block) => block.trim() !== "").map((block) => parse(`${block}\r\n\r\n`).header);

const own = (text: string, html = "", image = "") => ({ text, html, image });

const original = parse("Received: by x\r\nSubject: Greetings\r\nMessage-ID: <orig@a>\r\n\r\nnever shown\r\n").header;
/** Only SMTPUTF8 can carry it. */
const WIDE = parseAddress("<ä@a.org>")!;
const options: ReportOptions = {
  me: "mx.test",
  to: parseAddress("<sender@a.org>")!,
  recipients: [
    {
      address: parseAddress("<bad@b.org>")!,
      action: "failed",
      status: "5.1.1",
      reason: "550 no such user",
      remote: "mail.b.org",
      reply: { code: 550, enhanced: "5.1.1", text: ["no such", "user\r\nX: y"] },
    },
    { address: parseAddress("<late@b.org>")!, action: "failed", status: "5.4.7", reason: "Too many failures" },
  ],
  original,
  arrivedAt: Date.UTC(2026, 0, 1),
  time: Date.UTC(2026, 0, 2),
  pid: 42,
  id: "ID",
};

test("a report has three parts: a text, the delivery status, the header of the original", () => {
  const report = parse(buildReport(options));
  const { header } = report;
  assert.equal(header.get("To"), "<sender@a.org>");
  assert.equal(header.get("From"), "MAILER-DAEMON@mx.test");
  assert.equal(header.get("Auto-Submitted"), "auto-replied");
  assert.equal(header.get("Subject"), "failure notice");
  assert.equal(header.get("References"), "<orig@a>");
  assert.equal(header.get("Message-Id"), "<ID@mx.test>");
  const type = parseMediaType(header.get("Content-Type")!);
  assert.equal(type.type, "multipart/report");
  assert.equal(type.parameters.get("report-type"), "delivery-status");
  const [text, status, headers, ...more] = parts(report);
  assert.equal(more.length, 0);
  assert.equal(text!.header.get("Content-Type"), "text/plain; charset=us-ascii");
  assert.match(bodyOf(text!), /<bad@b\.org>, <late@b\.org>/);
  assert.match(bodyOf(text!), /<late@b\.org>: Too many failures/);
  assert.equal(status!.header.get("Content-Type"), "message/delivery-status");
  const [perMessage, bad, late, ...none] = blocks(bodyOf(status!));
  assert.equal(none.length, 0);
  assert.equal(perMessage!.get("Reporting-MTA"), "dns; mx.test");
  assert.equal(perMessage!.has("Original-Envelope-Id"), false, "nothing stands in for an ENVID");
  assert.match(perMessage!.get("Arrival-Date")!, /Jan 2026|Dec 2025/);
  assert.equal(bad!.get("Final-Recipient"), "rfc822; bad@b.org");
  assert.equal(bad!.get("Action"), "failed");
  assert.equal(bad!.get("Status"), "5.1.1");
  assert.equal(bad!.get("Remote-MTA"), "dns; mail.b.org");
  assert.equal(bad!.get("Diagnostic-Code"), "smtp; 550 5.1.1 no such user X: y");
  assert.equal(late!.has("Diagnostic-Code"), false);
  assert.equal(headers!.header.get("Content-Type"), "text/rfc822-headers");
  assert.equal(bodyOf(headers!).trimEnd(), latin1Decode(original.toBytes()).trimEnd());
});

test("a Remote-MTA that is an address stands in brackets, a socket is no name of the DNS", () => {
  const remotes = {
    "192.0.2.1": "dns; [192.0.2.1]",
    "2001:db8::1": "dns; [IPv6:2001:db8::1]",
    "/run/l": "x-unix; /run/l",
  };
  for (const [remote, said] of Object.entries(remotes)) {
    const report = parse(buildReport({ ...options, recipients: [{ ...options.recipients[0]!, remote }] }));
    assert.equal(blocks(bodyOf(parts(report)[1]!))[1]!.get("Remote-MTA"), said);
  }
});

test("a template of the site is filled in, a word nobody knows becomes ?", () => {
  const template =
    "Subject: {subject} for {to}\nFrom: post@{me}\nContent-Type: x/y\nX-Pid: {pid}\n\nHello {to}: {nothing} {reason}\n";
  const report = parse(buildReport({ ...options, templates: own(template), reason: "so it is" }));
  assert.equal(report.header.get("Subject"), "Greetings for <sender@a.org>");
  assert.deepEqual(report.header.getAll("From"), ["post@mx.test"]);
  assert.deepEqual(report.header.getAll("Content-Type").length, 1);
  assert.equal(report.header.get("X-Pid"), "42");
  assert.equal(report.header.get("To"), "<sender@a.org>");
  assert.equal(bodyOf(parts(report)[0]!), "Hello <sender@a.org>: ? so it is\r\n");
});

test("nothing of the original gets out of its field", () => {
  const evil = parse("Subject: =?utf-8?Q?a=0D=0ABcc:_x@y=0D=0A=0D=0Abody?=\r\nMessage-ID: <o@a>\r\n\r\n").header;
  const report = parse(
    buildReport({
      ...options,
      original: evil,
      templates: own("Subject: {subject}\n\n{subject}\n", "<b>{subject}</b>\n<i>"),
    }),
  );
  assert.equal(report.header.has("Bcc"), false);
  assert.equal(parts(report).length, 3);
});

test("text beyond ASCII travels in base64, an international address as RFC 6533 says", () => {
  const recipients = [{ ...options.recipients[1]!, address: parseAddress("<ü@bücher.org>")! }];
  const ascii = parse(buildReport({ ...options, recipients }));
  const [text, status] = parts(ascii);
  assert.equal(text!.header.get("Content-Transfer-Encoding"), "base64");
  assert.match(utf8Decode(decodeBase64(bodyOf(text!))), /<ü@xn--bcher-kva\.org>: Too many failures/);
  assert.match(bodyOf(status!), /Final-Recipient: utf-8; \\x\{FC\}@b\\x\{FC\}cher\.org\r\n/);
  const wide = parse(buildReport({ ...options, recipients, smtpUtf8: true, to: WIDE }));
  assert.equal(wide.header.get("To"), "<ä@a.org>");
  assert.equal(
    parseMediaType(wide.header.get("Content-Type")!).parameters.get("report-type"),
    "global-delivery-status",
  );
  const [, wideStatus, wideHeaders] = parts(wide);
  assert.equal(wideStatus!.header.get("Content-Type"), "message/global-delivery-status");
  assert.equal(
    blocks(utf8Decode(Uint8Array.from(bodyOf(wideStatus!), (c) => c.charCodeAt(0))))[1]!.get("Final-Recipient"),
    "utf-8; ü@bücher.org",
  );
  assert.equal(wideHeaders!.header.get("Content-Type"), "message/global-headers");
});

test("a report of a delay or a delivery says so, and what the sender set", () => {
  const [bad] = options.recipients;
  const delayed = parse(buildReport({
    ...options,
    kind: "delayed",
    envelopeId: "QQ 1",
    deliverBy: Date.UTC(2026, 0, 3),
    holdUntil: Date.UTC(2026, 0, 1, 12),
    recipients: [{
      ...bad!,
      action: "delayed",
      originalRecipient: { type: "rfc822", address: "first@b.org" },
      retryUntil: Date.UTC(2026, 0, 5),
    }],
  }));
  assert.equal(delayed.header.get("Subject"), "delay notice");
  assert.match(bodyOf(parts(delayed)[0]!), /goes on trying/);
  const [message, recipient] = blocks(bodyOf(parts(delayed)[1]!));
  assert.equal(message!.get("Original-Envelope-Id"), "QQ 1");
  assert.equal(Date.parse(message!.get("Deliver-By-Date")!), Date.UTC(2026, 0, 3));
  assert.equal(message!.get("Future-Release-Request"), "until; 2026-01-01T12:00:00Z");
  assert.equal(recipient!.get("Original-Recipient"), "rfc822; first@b.org");
  assert.equal(recipient!.get("Action"), "delayed");
  assert.equal(Date.parse(recipient!.get("Will-Retry-Until")!), Date.UTC(2026, 0, 5));
  const done = parse(buildReport({ ...options, kind: "delivered", recipients: [{ ...bad!, action: "delivered" }] }));
  assert.equal(done.header.get("Subject"), "delivery notice");
});

test("a message that goes back whole stands in the place of its header", () => {
  const full = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const whole = parse(buildReport({ ...options, full: full("Subject: x\r\n\r\nbody\xfc\r\n") }));
  const [, , part] = parts(whole);
  assert.equal(part!.header.get("Content-Type"), "message/rfc822");
  assert.equal(part!.header.get("Content-Transfer-Encoding"), "8bit");
  assert.equal(bodyOf(part!), "Subject: x\r\n\r\nbody\xfc\r\n");
  const wide = parse(buildReport({ ...options, to: WIDE, smtpUtf8: true, full: full("Subject: x\r\n\r\nno end") }));
  assert.equal(parts(wide)[2]!.header.get("Content-Type"), "message/global");
  assert.equal(bodyOf(parts(wide)[2]!), "Subject: x\r\n\r\nno end");
});

test("an original recipient in UTF-8 is written by RFC 6533, in ASCII where the report is", () => {
  const originalRecipient = { type: "utf-8", address: "ü@b.org" };
  const recipients = [{ ...options.recipients[0]!, originalRecipient }];
  assert.match(
    bodyOf(parts(parse(buildReport({ ...options, recipients })))[1]!),
    /Original-Recipient: utf-8; \\x\{FC\}@b\.org\r\n/,
  );
  const wide = bodyOf(parts(parse(buildReport({ ...options, recipients, to: WIDE })))[1]!);
  assert.match(utf8Decode(Uint8Array.from(wide, (c) => c.charCodeAt(0))), /Original-Recipient: utf-8; ü@b\.org\r\n/);
});

test("to a sender whose address is ASCII a report is ASCII, whatever the original holds; nothing of it is lost", () => {
  const utf8Header = parse("Subject: grüße\r\nMessage-ID: <o@a>\r\n\r\n").header;
  const latin1Header = parse(Uint8Array.from("Subject: gr\xfc\xdfe\r\n\r\n", (c) => c.charCodeAt(0))).header;
  const report = (o: Partial<ReportOptions>) => {
    const bytes = buildReport({ ...options, ...o });
    assert.equal(bytes.every((byte) => byte < 128), true);
    const [, , part] = parts(parse(bytes));
    const encoding = part!.header.get("Content-Transfer-Encoding")!;
    return [
      part!.header.get("Content-Type"),
      encoding,
      latin1Decode(decodeTransfer(latin1Encode(bodyOf(part!)), encoding)),
    ];
  };
  const utf8 = (text: string) => latin1Decode(utf8Encode(text));
  assert.deepEqual(report({ original: utf8Header, smtpUtf8: true }), [
    "message/global-headers",
    "quoted-printable",
    utf8("Subject: grüße\r\nMessage-ID: <o@a>\r\n"),
  ]);
  assert.deepEqual(report({ original: latin1Header }), [
    "text/rfc822-headers",
    "quoted-printable",
    "Subject: gr\xfc\xdfe\r\n",
  ]);
  const whole = utf8("Subject: grüße\r\n\r\nä\r\n");
  assert.deepEqual(report({ original: utf8Header, smtpUtf8: true, full: latin1Encode(whole) }), [
    "message/global",
    "base64",
    whole,
  ]);
});

const HTML = '<p>To {to}, about {subject}:</p>\n<pre>{extended_reason}</pre>\n<img src="cid:icon.png">\n';
const IMAGE =
  "Content-Type: image/png\nContent-Transfer-Encoding: base64\nContent-ID: <icon.png>\n\nR0lGODlhAQABAAAAACw=\n";

test("HTML and image of the site stand beside the text, values escaped [row 214]", () => {
  const tricky = parse("Subject: <b>\"a\" & 'b'</b>\r\nMessage-ID: <o@a>\r\n\r\n").header;
  const report = parse(
    buildReport({
      ...options,
      original: tricky,
      templates: own("Subject: {reason}\n\nplain {subject}\n", HTML, IMAGE),
    }),
  );
  assert.equal(report.header.get("Subject"), "550 no such user");
  const [words, status, headers, ...more] = parts(report);
  assert.equal(more.length, 0);
  assert.equal(parseMediaType(words!.header.get("Content-Type")!).type, "multipart/related");
  assert.equal(status!.header.get("Content-Type"), "message/delivery-status");
  assert.equal(headers!.header.get("Content-Type"), "text/rfc822-headers");
  const [both, image] = parts(words!);
  assert.equal(parseMediaType(both!.header.get("Content-Type")!).type, "multipart/alternative");
  assert.equal(image!.header.get("Content-ID"), "<icon.png>");
  assert.equal(bodyOf(image!).trim(), "R0lGODlhAQABAAAAACw=");
  const [text, html] = parts(both!);
  assert.equal(bodyOf(text!), "plain <b>\"a\" & 'b'</b>\r\n");
  assert.equal(html!.header.get("Content-Type"), "text/html; charset=us-ascii");
  assert.equal(
    bodyOf(html!),
    "<p>To &#60;sender@a.org&#62;, about &#60;b&#62;&#34;a&#34; &#38; &#39;b&#39;&#60;/b&#62;:</p>\r\n" +
      "<pre>&#60;bad@b.org&#62;: 550 no such user&#13;&#10;&#60;late@b.org&#62;: Too many failures</pre>\r\n" +
      '<img src="cid:icon.png">\r\n',
  );
});

test("HTML without an image is one of two; files of one line are none; a broken image is left out [row 214]", () => {
  const typeOf = (html: string, image: string) => {
    const [words] = parts(parse(buildReport({ ...options, templates: own("", html, image) })));
    return parseMediaType(words!.header.get("Content-Type")!).type;
  };
  assert.equal(typeOf(HTML, ""), "multipart/alternative");
  assert.equal(typeOf(HTML, "one line"), "multipart/alternative");
  assert.equal(typeOf(HTML, "Content-Type: image/png\n\nno base64 here\n"), "multipart/alternative");
  assert.equal(typeOf("<p>one line</p>\n", IMAGE), "text/plain");
});
