import assert from "node:assert/strict";
import { Chains } from "../../src/base/chains.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

test("each list keeps its numbers in the order in which they came, whichever go and come back", () => {
  const random = seeded(13);
  const chains = new Chains();
  const model: number[][] = [[], [], []];
  const where = new Map<number, number>();
  for (let n = 0; n < 5000; n++) {
    const number = Math.floor(random() * 200);
    const list = where.get(number);
    if (list === undefined) {
      const into = Math.floor(random() * 3);
      chains.push(into, number);
      model[into]!.push(number);
      where.set(number, into);
    } else {
      chains.remove(list, number);
      model[list]!.splice(model[list]!.indexOf(number), 1);
      where.delete(number);
    }
  }
  model.forEach((numbers, list) => {
    assert.equal(chains.count(list), numbers.length);
    assert.deepEqual([...chains.numbers(list)], numbers);
  });
  assert.deepEqual([...chains.numbers(99)], []);
});
