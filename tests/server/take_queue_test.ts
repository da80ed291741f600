import assert from "node:assert/strict";
import { LockedError } from "../../src/host/lock.ts";
import { takeQueue } from "../../src/server/take_queue.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { harakaName } from "../queue/import/import_kit.ts";

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

test("queue files of Haraka's in the directory are told of at the start, with the command that takes them in", async () => {
  const { host } = memoryMachine();
  host.mkdirSync("/data/queue", { recursive: true });
  const { log, text } = memoryLog();
  (await takeQueue(host, "/data/queue", 0, log))();
  assert.equal(text(), "");
  for (const name of [harakaName(1), "1484878079415_0_12345_8888.mx", "000001.log", "README"]) {
    host.writeTextFileSync(`/data/queue/${name}`, "");
  }
  (await takeQueue(host, "/data/queue", 0, log))();
  assert.match(
    text(),
    /2 queue files of Haraka's lie in \/data\/queue .*: kasi queue import \/data\/queue takes them in/,
  );
});
