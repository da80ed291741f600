import assert from "node:assert/strict";
import { Arena, LONGEST_IN_ARENA } from "../../src/base/arena.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

test("strings of all lengths come back as they were put, whatever is freed and replaced meanwhile", () => {
  const random = seeded(3);
  const arena = new Arena();
  const held = new Map<number, Uint8Array>();
  for (let n = 0; n < 20_000; n++) {
    const bytes = new Uint8Array(Math.floor(random() ** 4 * 3000)).fill(Math.floor(random() * 256));
    const known = [...held.keys()][Math.floor(random() * 50)];
    if (known !== undefined && random() < 0.4) {
      held.delete(known);
      if (random() < 0.5) arena.free(known);
      else held.set(arena.replace(known, bytes, 0, bytes.length), bytes);
    } else {
      const ref = arena.put(bytes, 0, bytes.length);
      assert.ok(!held.has(ref));
      held.set(ref, bytes);
    }
  }
  for (const [ref, bytes] of held) {
    assert.deepEqual(arena.get(ref), bytes);
    assert.ok(arena.equals(ref, bytes, 0, bytes.length));
    assert.ok(!arena.equals(ref, Uint8Array.of(...bytes, 1), 0, bytes.length + 1));
  }
});

test("what is freed is used again: a million strings in turn take the room of one", () => {
  const arena = new Arena();
  const bytes = new Uint8Array(100);
  for (let n = 0; n < 100_000; n++) arena.free(arena.put(bytes, 0, bytes.length));
  assert.equal(arena.bytes, 1024 * 1024);
});

test("the longest string fits, a longer one is refused", () => {
  const arena = new Arena();
  const bytes = new Uint8Array(LONGEST_IN_ARENA + 1).fill(7);
  assert.equal(arena.get(arena.put(bytes, 0, LONGEST_IN_ARENA)).length, LONGEST_IN_ARENA);
  assert.throws(() => arena.put(bytes, 0, bytes.length), RangeError);
});
