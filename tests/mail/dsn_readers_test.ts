/** A report of ours read by a bounce parser from npm that never heard of us: recipient, action, status. */
import assert from "node:assert/strict";
import { latin1Decode } from "../../src/base/bytes.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { buildReport, type ReportOptions } from "../../src/mail/dsn.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { NO_TEMPLATES } from "../../src/mail/report_template.ts";
import { test } from "../kit/test.ts";
import bounceHandler from "bounce-handler";

interface Found {
  readonly action: string;
  readonly status: string;
  readonly recipient: string;
}
const { BounceHandler } = bounceHandler as unknown as {
  BounceHandler: new () => {
    parse_email(text: string): readonly Found[];
    readonly looks_like_a_bounce: boolean;
    readonly looks_like_an_autoresponse: boolean;
  };
};

const original = createMessage(
  memorySource(new TextEncoder().encode("Subject: Greetings\r\nMessage-ID: <o@a.org>\r\nTo: x@y.org\r\n\r\nHello\r\n")),
);
const base: ReportOptions = {
  me: "mx.kasi.test",
  to: parseAddress("me@a.org")!,
  recipients: [
    {
      address: parseAddress("never@b.org")!,
      action: "failed",
      status: "5.1.1",
      reason: "550 5.1.1 No such user here",
      remote: "mx.b.org",
      reply: { code: 550, enhanced: "5.1.1", text: "No such user here" },
    },
    { address: parseAddress("full@c.org")!, action: "failed", status: "5.2.2", reason: "Too many failures (full)" },
  ],
  original: original.header,
  arrivedAt: Date.UTC(2026, 0, 1),
  time: Date.UTC(2026, 0, 2),
  id: "ID",
};

const html = "<p>Sorry:</p>\n<pre>{extended_reason}</pre>\n";
const image =
  "Content-Type: image/png\nContent-Transfer-Encoding: base64\nContent-ID: <icon.png>\n\nR0lGODlhAQABAAAAACw=\n";
const REPORTS: readonly (readonly [what: string, options: ReportOptions, found: readonly string[]])[] = [
  ["two failures", base, ["never@b.org failed 5.1.1", "full@c.org failed 5.2.2"]],
  ["a whole message", { ...base, full: original.bytes()! }, ["never@b.org failed 5.1.1", "full@c.org failed 5.2.2"]],
  [
    "HTML and an image of the site's",
    { ...base, templates: { ...NO_TEMPLATES, html, image } },
    ["never@b.org failed 5.1.1", "full@c.org failed 5.2.2"],
  ],
  [
    "a delay",
    {
      ...base,
      kind: "delayed",
      recipients: [{
        address: parseAddress("late@b.org")!,
        action: "delayed",
        status: "4.4.1",
        reason: "cannot connect",
        retryUntil: Date.UTC(2026, 0, 5),
      }],
    },
    ["late@b.org delayed 4.4.1"],
  ],
];

for (const [what, options, wanted] of REPORTS) {
  test(`npm's bounce-handler finds recipient, action and status in a report of ${what} [row 213]`, () => {
    const handler = new BounceHandler();
    const found = handler.parse_email(latin1Decode(buildReport(options)));
    assert.deepEqual(found.map(({ recipient, action, status }) => `${recipient} ${action} ${status}`), wanted);
    assert.equal(handler.looks_like_a_bounce, true);
  });
}
