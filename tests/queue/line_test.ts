import assert from "node:assert/strict";
import { Line } from "../../src/queue/line.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

function line(...names: readonly string[]) {
  const made = new Line<string>();
  // A name is its level's letter (`a` the highest) and a number.
  for (const name of names) made.push(name, -name.charCodeAt(0));
  return made;
}

function drain(made: Line<string>): string {
  const out: string[] = [];
  for (let one = made.shift(); one !== undefined; one = made.shift()) out.push(one);
  return out.join(" ");
}

test("in a line of one level all go in order", () => {
  assert.equal(drain(line("a1", "a2", "a3")), "a1 a2 a3");
  assert.equal(new Line().shift(), undefined);
});

test("who is higher goes first, and of four that go one is of a lower level", () => {
  assert.equal(drain(line("b1", "a1", "b2", "a2", "c1", "a3")), "a1 a2 a3 b1 c1 b2");
  const many = Array.from({ length: 9 }, (_, i) => `a${i}`);
  assert.equal(drain(line("b1", "b2", "c1", ...many)), "a0 a1 a2 b1 c1 a3 a4 a5 b2 a6 a7 a8");
});

test("nobody waits for ever, however many come at higher levels", () => {
  const made = line("z1");
  let gone = 0;
  for (let n = 0; n < 100; n++) {
    for (const level of ["a", "k", "p"]) made.push(level + n, -level.charCodeAt(0));
    gone++;
    if (made.shift() === "z1") break;
  }
  assert.ok(gone < 20, String(gone));
});

test("who is put back is the next of its level", () => {
  const made = line("a1", "a2");
  const first = made.shift()!;
  made.unshift(first, -97);
  made.unshift("a0", -97);
  assert.equal(made.size, 3);
  assert.equal(made.highest, -97);
  assert.equal(drain(made), "a0 a1 a2");
  assert.equal(made.highest, undefined);
});

test("whatever comes and goes, everyone goes once, and equals in order", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed);
    const made = new Line<readonly [level: number, n: number]>();
    const last = new Map<number, number>();
    let count = 0;
    const take = () => {
      const [level, n] = made.shift()!;
      assert.ok(n > (last.get(level) ?? -1));
      last.set(level, n);
      count--;
    };
    for (let n = 0; n < 2000; n++) {
      const level = Math.floor(random() * 19) - 9;
      made.push([level, n], level);
      count++;
      if (random() < 0.9) take();
      assert.equal(made.size, count);
    }
    while (made.size > 0) take();
    assert.equal(count, 0);
  }
});
