import assert from "node:assert/strict";
import { ByteReader } from "../../src/archive/byte_reader.ts";
import { ArchiveFault } from "../../src/archive/fault.ts";
import { latin1Decode, utf8Encode } from "../../src/base/bytes.ts";
import { test } from "../kit/test.ts";
import { pieces, whole } from "./kit.ts";

test("octets are taken as asked for, however they come in pieces", async () => {
  for (let size = 1; size <= 12; size++) {
    let used = 0;
    const reader = new ByteReader(pieces(utf8Encode("abcdefghijkl"), size), { onTake: (octets) => used += octets });
    assert.equal(latin1Decode(await reader.peek(3)), "abc");
    assert.equal(used, 0);
    assert.equal(latin1Decode(await reader.take(2)), "ab");
    await reader.skip(3);
    assert.equal(latin1Decode((await reader.next(1))!), "f");
    assert.equal(latin1Decode(await reader.peek(100)), "ghijkl");
    assert.equal(latin1Decode(await whole(reader.rest())), "ghijkl");
    assert.equal(await reader.next(), undefined);
    assert.equal(used, 12);
    await assert.rejects(reader.take(1), { kind: "damaged" });
    await assert.rejects(reader.skip(1), { kind: "damaged" });
  }
});

test("the source is let go of, is paced, and its faults pass through", async () => {
  let ended = false;
  let rests = 0;
  async function* source() {
    try {
      for (;;) yield Uint8Array.of(1);
    } finally {
      ended = true;
    }
  }
  const reader = new ByteReader(source(), { pace: () => void rests++ });
  await reader.take(5);
  await reader.close();
  assert.deepEqual([ended, rests, await reader.next()], [true, 5, undefined]);
  async function* broken() {
    yield Uint8Array.of(1);
    throw new Error("gone");
  }
  await assert.rejects(new ByteReader(broken()).take(2), /gone/);
});

test("a fault of the archive comes behind the octets in front of it", async () => {
  const broken = async function* () {
    yield Uint8Array.of(1, 2);
    throw new ArchiveFault("unknown", "is odd");
  };
  const reader = new ByteReader(broken());
  assert.deepEqual([...await reader.peek(5)], [1, 2]);
  await assert.rejects(reader.take(3), /is odd/);
  assert.deepEqual([...(await reader.next())!], [1, 2]);
  await assert.rejects(reader.peek(1), /is odd/);
  await assert.rejects(reader.next(), /is odd/);
});
