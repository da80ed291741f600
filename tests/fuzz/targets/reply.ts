/** Any split is the same; what was read can be written and reads again alike; any text at all is written as a well-formed reply. */
import assert from "node:assert/strict";
import { type Bytes, utf8Decode, utf8Encode } from "../../../src/base/bytes.ts";
import { parseCapabilities } from "../../../src/wire/capabilities.ts";
import { createReader } from "../../../src/wire/reader.ts";
import { formatReply } from "../../../src/wire/reply.ts";
import { type PeerReply, readReply } from "../../../src/wire/reply_reader.ts";
import { byteStream, quickStream } from "../../wire/pieces.ts";
import { cutUp } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

type Make = (pieces: readonly Uint8Array[]) => ReadableStream<Bytes>;

async function replies(pieces: readonly Uint8Array[], bareLf: "refuse" | "allow", make: Make): Promise<PeerReply[]> {
  const reader = createReader(make(pieces), { bareLf });
  const got: PeerReply[] = [];
  for (;;) {
    const reply = await readReply(reader);
    got.push(reply);
    if (reply.kind !== "reply") return got;
  }
}

export default {
  seeds: [
    "220 hi\r\n250-mx\r\n250-SIZE 10\r\n250 AUTH PLAIN\r\n",
    "550-5.7.1 a\r\n550 5.7.1 b\r\n",
    "250\r\n354 go\n421 bye\r\n",
  ],
  words: ["\r\n", "\n", "\r", "-", " ", "250 ", "550-5.1.1 ", "5.7.1 ", "\0", "\x1b[", "\u00c3\u00bc", "x".repeat(600)],
  async check(input, random) {
    const bareLf = random.pick(["refuse", "allow"] as const);
    const make: Make = random.below(10) > 0 ? (pieces) => quickStream(pieces, "byob") : byteStream;
    const whole = await replies(input.length > 0 ? [input] : [], bareLf, make);
    assert.deepEqual(await replies(cutUp(input, random), bareLf, make), whole);
    for (const got of whole) {
      if (got.kind !== "reply") continue;
      parseCapabilities(got.reply);
      const lines = [got.reply.text].flat();
      // Empty lines are left out and long ones wrapped in writing: only without them is it the inverse of reading.
      if (lines.some((line) => line === "" || line.length > 100)) continue;
      const again = await replies([utf8Encode(formatReply(got.reply))], "refuse", make);
      assert.deepEqual(again[0], got);
    }
    const text = utf8Decode(input);
    for (const part of [text, text.split(" ")]) {
      const written = formatReply({
        code: 200 + random.below(400),
        enhanced: random.pick(["5.7.1", "2.0.0", text]),
        text: part,
      });
      // deno-lint-ignore no-control-regex
      assert.match(written, /^(?:[0-9]{3}[ -][^\x00-\x1f\x7f]*\r\n)+$/);
      // A line of 170 characters has 510 octets at most.
      for (const line of written.split("\r\n")) assert.ok(line.length <= 170 || utf8Encode(line).length <= 510);
    }
  },
} satisfies FuzzTarget;
