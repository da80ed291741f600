import assert from "node:assert/strict";
import { Fifo } from "../../../src/queue/sites/fifo.ts";
import { seeded } from "../../kit/crash_disk.ts";
import { test } from "../../kit/test.ts";

test("whatever is put in and taken out, it is a plain array's order", () => {
  const random = seeded(7);
  const fifo = new Fifo<number>();
  const plain: number[] = [];
  for (let n = 0; n < 5000; n++) {
    const dice = random();
    if (dice < 0.5) {
      fifo.push(n);
      plain.push(n);
    } else if (dice < 0.6) {
      fifo.unshift(n);
      plain.unshift(n);
    } else assert.equal(fifo.shift(), plain.shift());
    assert.equal(fifo.size, plain.length);
    assert.equal(fifo.first, plain[0]);
    if (n % 500 === 0) assert.deepEqual([...fifo], plain);
  }
});
