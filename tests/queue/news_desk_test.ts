import assert from "node:assert/strict";
import { NewsDesk } from "../../src/queue/news_desk.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

function kit() {
  const clock = new FakeClock();
  const said: string[] = [];
  const ends = new Map<string, () => void>();
  const desk = new NewsDesk<string>({
    clock,
    tell: (item) => {
      said.push(`tell ${item}`);
      return new Promise((resolve) => ends.set(item, resolve));
    },
    told: (item) => void said.push(`told ${item}`),
  });
  return { clock, said, ends, desk };
}

test("an item is told of when its time comes, unless it is called off, or set for another time", async () => {
  const { clock, said, desk } = kit();
  desk.watch("a", clock.now() + 10);
  desk.watch("b", clock.now() + 10);
  desk.watch("c", clock.now() + 10);
  desk.watch("c", clock.now() + 30);
  desk.watch("d", Infinity);
  desk.unwatch("b");
  desk.unwatch("nobody");
  await clock.advance(20);
  assert.deepEqual(said, ["tell a"]);
  await clock.advance(20);
  assert.deepEqual(said, ["tell a", "tell c"]);
});

test("ten at a time, each once; whoever must wait for it can", async () => {
  const { said, ends, desk } = kit();
  for (let n = 0; n < 12; n++) desk.tell(`${n}`);
  desk.tell("0");
  assert.equal(said.length, 10);
  assert.equal(desk.telling("11"), undefined);
  const telling = desk.telling("0")!;
  ends.get("0")!();
  await telling;
  assert.deepEqual(said.slice(10), ["told 0", "tell 10"]);
  ends.get("1")!();
  await settled();
  assert.deepEqual(said.slice(12), ["told 1", "tell 11"]);
});

test("a stop waits for what is being told, and begins nothing", async () => {
  const { clock, said, ends, desk } = kit();
  desk.watch("later", clock.now() + 10);
  desk.tell("now");
  const stopped = desk.stop();
  ends.get("now")!();
  await stopped;
  desk.tell("after");
  desk.watch("after", 0);
  await clock.advance(100);
  assert.deepEqual([said, clock.pending], [["tell now"], 0]);
});
