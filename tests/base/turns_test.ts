import assert from "node:assert/strict";
import { turns } from "../../src/base/turns.ts";
import { test } from "../kit/test.ts";

/** Work that ends when it is told to. */
function job(began: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { work: () => (began.push(name), promise), end: () => resolve(name), fail: () => reject(new Error(name)) };
}
const settle = () => new Promise((resolve) => setTimeout(resolve));

test("no more work is under way than agreed, and it begins in the order it was asked for", async () => {
  const began: string[] = [];
  const take = turns(2);
  const jobs = ["a", "b", "c", "d"].map((name) => job(began, name));
  const results = jobs.map(({ work }) => take(work));
  await settle();
  assert.deepEqual(began, ["a", "b"]);
  jobs[1]!.end();
  assert.equal(await results[1], "b");
  assert.deepEqual(began, ["a", "b", "c"]);
  for (const { end } of jobs) end();
  assert.deepEqual(await Promise.all(results), ["a", "b", "c", "d"]);
  const late = job(began, "e");
  late.end();
  assert.equal(await take(late.work), "e", "all turns have come back");
});

test("work that fails gives its turn back", async () => {
  const began: string[] = [];
  const take = turns(1);
  const [bad, good] = [job(began, "bad"), job(began, "good")];
  const failed = assert.rejects(take(bad.work), /bad/);
  const result = take(good.work);
  bad.fail();
  good.end();
  await failed;
  assert.equal(await result, "good");
  await assert.rejects(
    take(() => {
      throw new Error("at once");
    }),
    /at once/,
  );
  assert.equal(await take(good.work), "good");
});

test("who is aborted while waiting leaves the line; who is aborted before never enters it", async () => {
  const began: string[] = [];
  const take = turns(1);
  const [first, second, third] = [job(began, "1"), job(began, "2"), job(began, "3")];
  const results = [take(first.work)];
  const leaving = new AbortController();
  const gone = assert.rejects(take(second.work, leaving.signal), /gone/);
  results.push(take(third.work, new AbortController().signal));
  leaving.abort(new Error("gone"));
  await gone;
  first.end();
  third.end();
  assert.deepEqual(await Promise.all(results), ["1", "3"]);
  await assert.rejects(take(second.work, leaving.signal), /gone/);
  assert.deepEqual(began, ["1", "3"]);
});
