/** Whatever a segment holds, reading it ends, accounts for every octet once, and gives back only frames that are sound. */
import assert from "node:assert/strict";
import {
  frameEnd,
  prefixRoom,
  putChecksum,
  putMarker,
  putPrefix,
  readFrames,
  readJson,
} from "../../../src/queue/record.ts";
import type { FuzzTarget } from "../target.ts";

const MARKER = 0x5a11b0a7;

function frame(json: string, content: string): string {
  const bytes = new Uint8Array(prefixRoom(json) + content.length);
  const end = putPrefix(bytes, 0, "accepted", json, content.length);
  for (let i = 0; i < content.length; i++) bytes[end + i] = content.charCodeAt(i);
  putChecksum(bytes, 0, end + content.length);
  putMarker(bytes, 0, MARKER);
  return String.fromCharCode(...bytes.subarray(0, end + content.length));
}

const ONE = frame('{"i":"A"}', "Subject: x\r\n\r\nbody\r\n");
const TWO = frame('{"i":"A","n":0,"l":[]}', "");

export default {
  seeds: [ONE, ONE + TWO, ONE + ONE.slice(0, 30) + TWO, TWO.slice(3) + ONE],
  words: [ONE, TWO, ONE.slice(0, 16), "\xa7\xb0\x11\x5a", "\0\0\0\0", "\xff\xff\xff\xff"],
  check(input) {
    for (const marker of [MARKER, undefined]) {
      let at = 0;
      const told = readFrames(input, 0, input.length, marker, {
        frame(one) {
          assert.equal(one.start, at);
          assert.equal(frameEnd(input, one.start, input.length, marker), one.end);
          assert.ok(one.json <= one.content && one.content <= one.end);
          readJson(input, one);
          at = one.end;
        },
        damage(one) {
          assert.equal(one.start, at);
          assert.ok(one.end > one.start);
          at = one.end;
        },
      });
      assert.equal(at, input.length);
      if (marker !== undefined) assert.equal(told, marker);
    }
  },
} satisfies FuzzTarget;
