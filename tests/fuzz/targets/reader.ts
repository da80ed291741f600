/** Any split is the same: whatever a peer sends and in whatever pieces, the dialogue comes out alike. */
import assert from "node:assert/strict";
import { latin1Decode } from "../../../src/base/bytes.ts";
import { createReader } from "../../../src/wire/reader.ts";
import { byteStream, drain, plainStream, quickStream, readData } from "../../wire/pieces.ts";
import { cutUp } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

/** Lines; `DATA` and `BDAT n` change the mode as in a session. */
async function dialogue(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<unknown[]> {
  const reader = createReader(stream);
  const said: unknown[] = [];
  for (;;) {
    const atHand = reader.hasLine();
    const taken = reader.takeLine(64);
    if (atHand) assert.notEqual(taken, undefined, "hasLine promised a line");
    const line = taken ?? await reader.line(64);
    const text = line.kind === "line" ? latin1Decode(line.bytes) : line.kind;
    said.push(`${line.kind}: ${text}`);
    if (line.kind === "end" || line.kind === "too-long" || line.kind === "tls-hello") break;
    const size = /^BDAT ([0-9]{1,4})$/.exec(text)?.[1];
    if (text === "DATA") said.push(await readData(reader, { limit: 200, bareLf: "refuse" }));
    else if (text === "DATB") said.push(await readData(reader, { limit: 200, bareLf: "allow" }));
    else if (size !== undefined) said.push(await drain(reader.bytes(Number(size))));
  }
  reader.release();
  assert.equal(stream.locked, false);
  return said;
}

export default {
  seeds: [
    "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhello\r\n..\r\n.\r\nQUIT\r\n",
    "DATA\r\na\n.\r\nb\r\n.\nc\r\n.\r\nNOOP\r\n",
    "DATB\r\na\nb\n\n.x\r\n.\r\nBDAT 5\r\n.\r\n.\rNOOP\r\nDATA\r\n.\r\n",
    `${"x".repeat(70)}\r\n`,
  ],
  words: [
    "\r",
    "\n",
    "\r\n",
    ".",
    "\r\n.\r\n",
    "\n.\n",
    "DATA\r\n",
    "DATB\r\n",
    "BDAT 3\r\n",
    "\x16\x03",
    "x".repeat(60),
  ],
  async check(input, random) {
    const pieces = input.length > 0 ? [input] : [];
    const cut = cutUp(input, random);
    if (random.below(50) > 0) {
      const whole = JSON.stringify(await dialogue(quickStream(pieces, "byob")));
      assert.equal(JSON.stringify(await dialogue(quickStream(cut, random.pick(["byob", "plain"])))), whole);
    } else {
      const whole = await dialogue(byteStream(pieces));
      assert.deepEqual(await dialogue(byteStream(cut)), whole);
      assert.deepEqual(await dialogue(plainStream(cut)), whole);
    }
  },
} satisfies FuzzTarget;
