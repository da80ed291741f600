import assert from "node:assert/strict";
import { Questions } from "../../../src/server/workers/questions.ts";
import { test } from "../../kit/test.ts";

test("an answer goes to the question of its number, once; a fault rejects it, and a number nobody asked is passed over", async () => {
  const questions = new Questions<string>();
  const said: number[] = [];
  const [first, second] = [questions.ask((id) => void said.push(id)), questions.ask((id) => void said.push(id))];
  questions.hear(2, "", "gone");
  questions.hear(1, "one", undefined);
  questions.hear(1, "two", undefined);
  questions.hear(3, "three", undefined);
  assert.deepEqual(said, [1, 2]);
  assert.equal(await first, "one");
  await assert.rejects(second, /gone/);
});
