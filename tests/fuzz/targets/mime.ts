/**
 * However the octets come cut, the same parts with the same octets are found; each lies within the one around it; and a message whose texts are
 * edited into themselves is the message. With a banner it still comes apart, and not one part is lost.
 */
import assert from "node:assert/strict";
import { type Bytes, equalBytes, latin1Decode } from "../../../src/base/bytes.ts";
import { makeBanner } from "../../../src/mail/banner.ts";
import { editBody } from "../../../src/mail/body_edits.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { createMessage } from "../../../src/mail/message.ts";
import { MimeScanner } from "../../../src/mail/mime_scanner.ts";
import { everyPart, type Part, TreeBuilder } from "../../../src/mail/parts.ts";
import { memorySource } from "../../../src/mail/source.ts";
import { cutUp } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

const EDIT = { clock: systemClock, timeoutMs: 30_000 };

export default {
  seeds: [
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n",
    "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--b--\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\n\r\n--c--\r\n--b--\r\n",
    "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeAoKeQ==\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; filename*0*=utf-8''%e4; filename*1=x\r\n\r\nz\r\n--b",
    "Subject: x\r\nno field\r\n",
  ],
  words: [
    "--b\r\n",
    "--c\r\n",
    "--b--\r\n",
    "\r\n--b",
    "\r\n",
    "\n",
    "\r",
    "--",
    "=",
    " ",
    "Content-Type: multipart/x; boundary=b\r\n",
    "Content-Type: message/rfc822\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "\r\n\r\n",
  ],
  async check(input, random) {
    const whole = tell([input]);
    const cut = tell(cutUp(input, random).map((piece) => piece.slice()));
    if (cut !== whole) assert.equal(cut, whole);

    // The dear parts, now and then: each run is another message.
    const dice = random.below(32);
    if (dice > 7) return;
    const builder = new TreeBuilder();
    builder.add(input);
    const tree = builder.finish(memorySource(input));
    within(tree, input.length);
    const before = [...everyPart(tree)];
    for (const part of before) part.text();

    if (dice > 0) return;
    const same = createMessage(memorySource(input));
    assert.equal(await editBody(same, { filters: [{ match: "", edit: ({ octets }) => octets }] }, EDIT), false);
    assert.ok(equalBytes(same.bytes()!, input));
    const bannered = createMessage(memorySource(input));
    if (!await editBody(bannered, { banner: makeBanner("bye"), filters: [] }, EDIT)) return;
    assert.equal(bannered.bytes()!.length, bannered.size);
    assert.ok([...before].some((part) => part.media.type === "text/plain" || part.media.type === "text/html"));
  },
} satisfies FuzzTarget;

/** The story of a message, one line an event; octets of a body joined. */
function tell(pieces: Iterable<Bytes>): string {
  let told = "";
  let octets = "";
  const scanner = new MimeScanner({
    begin({ index, media, start, body, filename }) {
      told += `${index} ${media.type} ${start} ${body} ${filename}\n`;
    },
    body: (_part, bytes) => void (octets += latin1Decode(bytes)),
    end({ index }, end) {
      told += `${index} ends ${end} ${octets}\n`;
      octets = "";
    },
  });
  for (const piece of pieces) scanner.add(piece);
  scanner.finish();
  return told;
}

/** Parts in an encoded message count from their own beginning. */
function within({ extent: { start, body, end }, children, encoding }: Part, last: number, first = 0): void {
  assert.ok(first <= start && start <= body && body <= end && end <= last);
  if (encoding === "base64" || encoding === "quoted-printable") return;
  for (const child of children) within(child, end, start);
}
