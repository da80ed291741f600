import assert from "node:assert/strict";
import {
  type Damage,
  type Frame,
  guessMarker,
  HEADER_BYTES,
  prefixRoom,
  putChecksum,
  putMarker,
  putPrefix,
  readFrames,
  readJson,
  RECORD_VERSION,
} from "../../src/queue/record.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

const MARKER = 0x5a11b0a7;

function frame(json: string, content: Uint8Array = new Uint8Array(0), marker = MARKER): Uint8Array {
  const bytes = new Uint8Array(prefixRoom(json) + content.length);
  const at = putPrefix(bytes, 0, "accepted", json, content.length);
  bytes.set(content, at);
  putChecksum(bytes, 0, at + content.length);
  putMarker(bytes, 0, marker);
  return bytes.subarray(0, at + content.length);
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function read(bytes: Uint8Array, marker: number | undefined = MARKER) {
  const found: string[] = [];
  const damage: Damage[] = [];
  const frames: Frame[] = [];
  const told = readFrames(bytes, 0, bytes.length, marker, {
    frame: (one) => {
      frames.push(one);
      found.push(readJson(bytes, one));
    },
    damage: (one) => void damage.push(one),
  });
  return { found, damage, frames, told };
}

const A = frame('{"i":"ä"}', Uint8Array.of(1, 2, 3));
const B = frame('{"i":"b"}', new Uint8Array(300).fill(7));
const C = frame('{"i":"c"}');

test("frames come back in order with their JSON and their content", () => {
  const { found, frames, damage } = read(join(A, B, C));
  assert.deepEqual(found, ['{"i":"ä"}', '{"i":"b"}', '{"i":"c"}']);
  assert.deepEqual(frames.map(({ content, end }) => end - content), [3, 300, 0]);
  assert.deepEqual(damage, []);
});

test("a file cut at any octet gives the frames before the cut, and the rest as a torn tail", () => {
  const all = join(A, B);
  for (let cut = 0; cut < all.length; cut++) {
    const { found, damage } = read(all.subarray(0, cut));
    const whole = cut >= A.length ? A.length : 0;
    assert.equal(found.length, whole === 0 ? 0 : 1);
    assert.deepEqual(damage, cut === whole ? [] : [{ start: whole, end: cut, reason: "torn tail" }]);
  }
});

test("a flipped octet anywhere in a record sets aside that record and no other", () => {
  for (let at = 0; at < B.length; at++) {
    const all = join(A, B, C);
    all[A.length + at]! ^= 0x10;
    const { found, damage } = read(all);
    assert.deepEqual(found, ['{"i":"ä"}', '{"i":"c"}'], `octet ${at}`);
    assert.deepEqual(damage, [{ start: A.length, end: A.length + B.length, reason: "damaged record" }]);
  }
});

test("a mail that carries frames cannot slip them in behind damage: it does not know the marker", () => {
  const forged = frame('{"i":"forged"}', new Uint8Array(0), 0x12345678);
  const carrier = frame('{"i":"mail"}', forged);
  carrier[5]! ^= 1;
  const { found } = read(join(A, carrier, C));
  assert.deepEqual(found, ['{"i":"ä"}', '{"i":"c"}']);
});

test("without a known marker the first sound frame tells it", () => {
  const { found, told, damage } = read(join(Uint8Array.of(9, 9, 9), A, C), undefined);
  assert.equal(told, MARKER);
  assert.deepEqual(found, ['{"i":"ä"}', '{"i":"c"}']);
  assert.deepEqual(damage, [{ start: 0, end: 3, reason: "damaged record" }]);
});

test("when the header is gone, frames in a mail do not tell the marker, even where the record around them is damaged", () => {
  const forged = Array.from({ length: 9 }, () => frame('{"i":"forged"}', new Uint8Array(0), 0x12345678));
  const carrier = frame('{"i":"mail"}', join(...forged));
  carrier[5]! ^= 1;
  const all = join(carrier, A, B, C, B);
  assert.equal(guessMarker(all, 0, all.length), MARKER);
  assert.equal(guessMarker(all, 0, 30), undefined);
});

test("a mail of nothing but headers cannot hold up a start by the checksums it asks for", () => {
  const size = 1 << 20;
  const evil = new Uint8Array(size);
  for (let at = 0; at + 16 <= size; at += 16) {
    evil.set([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, RECORD_VERSION, 1, 0, 0], at);
    new DataView(evil.buffer).setUint32(at + 8, size - at - 16, true);
  }
  const began = performance.now();
  assert.equal(guessMarker(evil, 0, size), undefined);
  assert.ok(performance.now() - began < 2000);
});

test("records of another version or kind are reported whole", () => {
  for (const [offset, reason] of [[12, "record version 9"], [13, "record kind 9"]] as const) {
    const other = frame('{"i":"x"}');
    other[offset] = 9;
    putChecksum(other, 0, other.length);
    const { found, damage } = read(join(A, other, C));
    assert.equal(found.length, 2);
    assert.deepEqual(damage, [{ start: A.length, end: A.length + other.length, reason }]);
  }
});

test("a JSON length beyond the payload is damage", () => {
  const liar = frame('{"i":"x"}');
  liar[HEADER_BYTES] = 200;
  putChecksum(liar, 0, liar.length);
  assert.deepEqual(read(liar).damage.map(({ reason }) => reason), ["damaged record"]);
});

test("random octets and random damage never throw, and every octet is a frame's or reported", () => {
  const random = seeded(7);
  for (let n = 0; n < 300; n++) {
    const all = join(A, B, C, A);
    for (let k = 0; k < 5; k++) all[Math.floor(random() * all.length)] = Math.floor(random() * 256);
    const { frames, damage } = read(all, random() < 0.5 ? MARKER : undefined);
    const spans = [...frames, ...damage].sort((x, y) => x.start - y.start);
    let at = 0;
    for (const { start, end } of spans) {
      assert.equal(start, at);
      at = end;
    }
    assert.equal(at, all.length);
  }
});
