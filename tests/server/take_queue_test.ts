import assert from "node:assert/strict";
import { LockedError } from "../../src/host/lock.ts";
import { takeQueue } from "../../src/server/take_queue.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("the queue's directory is made with its shards and is ours until it is given up", async () => {
  const { host } = memoryMachine();
  host.mkdirSync(`/proc/${host.pid}`, { recursive: true });
  host.writeTextFileSync(
    `/proc/${host.pid}/stat`,
    `${host.pid} (kasi) ${Array.from({ length: 30 }, (_, i) => i).join(" ")}`,
  );
  const release = await takeQueue(host, "/data/queue", 2);
  const names = () => [...host.readDirSync("/data/queue")].map(({ name }) => name).sort();
  assert.deepEqual(names(), ["lock", "w1", "w2"]);
  await assert.rejects(takeQueue(host, "/data/queue", 2), LockedError);
  release();
  assert.deepEqual(names(), ["w1", "w2"]);
  (await takeQueue(host, "/data/queue", 0))();
});
