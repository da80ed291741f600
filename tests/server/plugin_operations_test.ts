import assert from "node:assert/strict";
import { askAlone, pluginOperations, Tidings } from "../../src/server/plugin_operations.ts";
import { controlFace } from "../kit/control_face.ts";
import { test } from "../kit/test.ts";

test("a plugin's questions go to everybody, and their answers are put together", async () => {
  const asked: unknown[] = [];
  const answers: Record<string, unknown[]> = {
    stats: [{ sessions: 1 }, { sessions: 2 }],
    list: [[{ id: "b", queuedAt: 2 }], [{ id: "a", queuedAt: 1 }]],
    order: [{ items: 2, passed: 0 }, { items: 1, passed: 5 }],
    pools: [[{ name: "x:25", inUse: 1, size: 2 }], [{ name: "x:25", inUse: 0, size: 1 }, {
      name: "y:25",
      inUse: 1,
      size: 1,
    }]],
  };
  const operations = pluginOperations((verb, takes) => {
    asked.push([verb, takes]);
    return Promise.resolve(answers[verb]) as never;
  }, () => 3);
  assert.deepEqual(await operations.threads(), answers.stats);
  assert.deepEqual((await operations.list()).map(({ id }) => id), ["a", "b"]);
  assert.deepEqual([await operations.retry("T.1"), await operations.remove("T.1"), operations.replaced], [3, 3, 3]);
  assert.deepEqual(await operations.pools(), [{ name: "x:25", inUse: 1, size: 3 }, {
    name: "y:25",
    inUse: 1,
    size: 1,
  }]);
  assert.deepEqual(asked.slice(2, 4), [
    ["order", { verb: "retry", filter: { id: "T.1" } }],
    ["order", { verb: "remove", filter: { id: "T.1" } }],
  ]);
});

test("a server of one thread answers for itself, once it has started", async () => {
  const face = controlFace(2);
  let started = false;
  const operations = pluginOperations(askAlone(() => started ? face.operations : undefined));
  await assert.rejects(operations.threads(), /not started yet/);
  started = true;
  assert.equal((await operations.threads()).length, 1);
  assert.equal((await operations.list()).length, 2);
  assert.equal(await operations.retry("x"), 2);
  assert.deepEqual(await operations.pools(), [{ name: "192.0.2.1:25", inUse: 1, size: 2 }]);
});

test("what a plugin tells is heard by its own copy in the main thread", () => {
  const tidings = new Tidings();
  const heard: unknown[] = [];
  tidings.of("a").tell("nobody listens yet");
  tidings.of("a").onTold((value) => heard.push(value));
  tidings.of("b").tell(1);
  tidings.of("a").tell(2);
  tidings.deliver("a", 3);
  assert.deepEqual(heard, [2, 3]);
});
