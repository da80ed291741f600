/** A client's first words of TLS: nothing throws; once they are read, more octets change nothing, and fewer are never read otherwise. */
import assert from "node:assert/strict";
import { latin1Decode } from "../../../src/base/bytes.ts";
import { readClientHello } from "../../../src/host/client_hello.ts";
import type { FuzzTarget } from "../target.ts";

const extension = (type: number, body: string) =>
  `\0${String.fromCharCode(type)}\0${String.fromCharCode(body.length)}${body}`;
const EXTENSIONS = extension(0, "\0\x0a\0\0\x07mx.test") + extension(13, "\0\x04\x04\x03\x08\x04") +
  extension(43, "\x04\x03\x04\x03\x03");
const BODY = `\x03\x03${"r".repeat(32)}\0\0\x04\x13\x01\xc0\x2b\x01\0\0${
  String.fromCharCode(EXTENSIONS.length)
}${EXTENSIONS}`;
const MESSAGE = `\x01\0\0${String.fromCharCode(BODY.length)}${BODY}`;
const record = (text: string) => `\x16\x03\x01\0${String.fromCharCode(text.length)}${text}`;

export default {
  seeds: [
    record(MESSAGE),
    record(MESSAGE.slice(0, 30)) + record(MESSAGE.slice(30)),
    record("\x02\0\0\0"),
    "EHLO me\r\n",
  ],
  words: [
    "\x16\x03\x01",
    "\x01\0\0",
    "\0",
    "\xff\xff",
    "\0\0",
    EXTENSIONS,
    extension(0, ""),
    extension(43, "\x02\x03\x04"),
  ],
  check(input, random) {
    const whole = readClientHello(input);
    if (typeof whole === "number") return assert.ok(whole > 0);
    const longer = Uint8Array.from([...input, random.below(256), random.below(256)]);
    assert.deepEqual(readClientHello(longer), whole);
    const shorter = readClientHello(input.subarray(0, random.below(input.length + 1)));
    assert.ok(typeof shorter === "number" || JSON.stringify(shorter) === JSON.stringify(whole), latin1Decode(input));
  },
} satisfies FuzzTarget;
