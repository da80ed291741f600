/** PROXY headers: never a throw, any split is the same, nothing behind the header is taken, and `more` keeps its promise. */
import assert from "node:assert/strict";
import { parseProxyHeader, readProxyHeader } from "../../../src/wire/proxy.ts";
import { cutUp } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

export default {
  seeds: [
    "PROXY TCP4 192.0.2.7 198.51.100.1 41000 25\r\nEHLO me\r\n",
    "PROXY TCP6 2001:db8::7 2001:db8::1 41000 25\r\n",
    "PROXY UNKNOWN\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xa0\x28\0\x19\x16\x03\x01",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x12\xc0\0\x02\x07\xc6\x33\x64\x01\xa0\x28\0\x19\x02\0\x03mx1",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xc0\0\x02\x07\xc6\x33\x64\x01\xa0\x28\0\x19\x03\0\x04abcd",
    "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0EHLO me\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\0\0\x03\x05\0\0",
  ],
  words: [
    "PROXY ",
    "TCP4",
    "TCP6",
    "UNKNOWN",
    "\r\n",
    " ",
    "::1",
    "192.0.2.1",
    "65535",
    "\x21\x11",
    "\x21\x21",
    "\0\x0c",
    "\x03\0\x04",
  ],
  async check(input, random) {
    const direct = parseProxyHeader(input);
    const pieces = cutUp(input, random);
    let piece = 0, at = 0, taken = 0;
    const read = await readProxyHeader((length) => {
      while (piece < pieces.length && at === pieces[piece]!.length) at = 0, piece++;
      const from = pieces[piece];
      if (from === undefined) return Promise.resolve(undefined);
      const part = from.slice(at, at + length);
      at += part.length;
      taken += part.length;
      return Promise.resolve(part);
    });
    switch (direct.kind) {
      case "more":
        assert.equal(read, undefined);
        break;
      case "fault":
        assert.equal(read?.kind, "fault");
        break;
      case "header": {
        assert.deepEqual(read, direct);
        assert.equal(taken, direct.length);
        const { source, destination, speaksFor } = direct.header;
        assert.equal(speaksFor === "client", source !== undefined && destination !== undefined);
      }
    }
  },
} satisfies FuzzTarget;
