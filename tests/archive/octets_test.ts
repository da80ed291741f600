import assert from "node:assert/strict";
import { memoryOctets, piecesOf } from "../../src/archive/octets.ts";
import { test } from "../kit/test.ts";
import { whole } from "./kit.ts";

test("a stretch of octets is read piece by piece, as far as there are any", async () => {
  const octets = memoryOctets(Uint8Array.from({ length: 100_000 }, (_, i) => i));
  assert.deepEqual([...await whole(piecesOf(octets, 3, 6))], [3, 4, 5]);
  assert.equal((await whole(piecesOf(octets, 10))).length, 99_990);
  assert.equal((await whole(piecesOf(octets, 99_999, 2_000_000))).length, 1);
  for (const from of [100_000, 5e9]) assert.equal((await whole(piecesOf(octets, from))).length, 0);
  assert.equal((await whole(piecesOf(octets, 7, 7))).length, 0);
});
