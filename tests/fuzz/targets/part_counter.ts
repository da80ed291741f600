/** However the octets come cut, as many parts are counted; and never more than there are lines that begin with two hyphens. */
import assert from "node:assert/strict";
import { latin1Decode } from "../../../src/base/bytes.ts";
import { PartCounter } from "../../../src/mail/part_counter.ts";
import { cutUp } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: [
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\n--b--\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\n--c--\r\n--b--\r\n",
    'Content-Type: message/rfc822\r\n\r\nContent-Type:\r\n multipart/x;\r\n boundary="b c"\r\n\r\n--b c \r\n',
    "Subject: x\n\n--b\n",
  ],
  words: [
    "--b\r\n",
    "--c\r\n",
    "--b--\r\n",
    "\r\n",
    "\n",
    "-",
    "--",
    "Content-Type: multipart/x; boundary=b\r\n",
    " ",
    "\r\n\r\n",
  ],
  check(input, random) {
    const whole = new PartCounter();
    whole.add(input);
    const cut = new PartCounter();
    for (const piece of cutUp(input, random)) cut.add(piece.slice());
    assert.equal(cut.parts, whole.parts);
    assert.ok(whole.parts <= latin1Decode(input).split("\n").filter((line) => line.startsWith("--")).length);
  },
} satisfies FuzzTarget;
