/** Only CRLF . CRLF ends a message; encoding and decoding are inverses; encoded text never holds an end of its own. */
import assert from "node:assert/strict";
import { type Bytes, concat, latin1Decode, latin1Encode } from "../../../src/base/bytes.ts";
import { DotDecoder, DotEncoder } from "../../../src/wire/data.ts";
import { wordsOf } from "../../../src/wire/scan.ts";
import { cutUp, type Random } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

function encode(pieces: readonly Uint8Array[]): Bytes {
  const encoder = new DotEncoder();
  const out = pieces.map((piece) => encoder.encode(new Uint8Array(piece)));
  return concat([...out, encoder.end()]);
}

function decode(input: Bytes, bareLf: "refuse" | "allow", random: Random) {
  const decoder = new DotDecoder({ limit: Infinity, bareLf });
  const words = wordsOf(input);
  let text = "";
  let fault: string | undefined;
  for (let from = 0, to = 0;;) {
    const event = decoder.step(input, words, from, to);
    assert.ok(decoder.at >= from && (decoder.at <= to || event?.kind === "done"), "the decoder went out of its bounds");
    from = decoder.at;
    if (event === undefined) {
      assert.ok(to - from <= 2, "more than two octets undecided");
      if (to === input.length) return { text, fault, end: -1 };
      to = Math.min(input.length, to + 1 + random.below(50));
    } else if (event.kind === "chunk") {
      assert.equal(fault, undefined, "a chunk after a fault");
      text += latin1Decode(event.bytes);
    } else if (event.kind === "fault") {
      assert.equal(fault, undefined, "a second fault");
      fault = event.fault;
    } else return { text, fault, end: from };
  }
}

export default {
  seeds: [
    "Subject: x\r\n\r\nhello\r\n..dot\r\n.\r\n",
    "\r\n.\r\n",
    ".\r\n",
    "a\nb\r\n.\n",
    "a\r.\rb\n.\r\n",
    ".a\r\n.\r\n.b",
  ],
  words: [
    "\r",
    "\n",
    "\r\n",
    ".",
    "..",
    "\r\n.\r\n",
    "\n.\n",
    "\r.\r",
    "\r\n.\r",
    "\r\n.\n",
    "\n.\r\n",
    "xxxxxxxxxxxxxxxx",
  ],
  check(input, random) {
    const raw = latin1Decode(input);
    const end = /(?:^|\r\n)\.\r\n/.exec(raw);
    for (const bareLf of ["refuse", "allow"] as const) {
      const got = decode(input, bareLf, random);
      assert.equal(got.end, end === null ? -1 : end.index + end[0].length);
      assert.doesNotMatch(got.text, /\r(?!\n$|\n)|(?<!\r)\n/, "a bare CR or LF came through");
    }
    const wire = encode([input]);
    assert.deepEqual(encode(cutUp(input, random)), wire);
    const sent = latin1Decode(wire);
    assert.equal(
      sent.search(/(?:^|\r\n|\r|\n)\.(?:\r\n|\r|\n)/),
      sent.search(/(?:^|\r\n)\.\r\n$/),
      "an end within the message",
    );
    const canonical = raw.replace(/\r\n|\r|\n/g, "\r\n");
    const back = decode(encode([latin1Encode(canonical)]), "refuse", random);
    assert.deepEqual(back.text, canonical === "" || canonical.endsWith("\r\n") ? canonical : `${canonical}\r\n`);
    assert.equal(back.fault, undefined);
  },
} satisfies FuzzTarget;
