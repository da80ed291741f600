import assert from "node:assert/strict";
import { lockDirectory, LockedError } from "../../src/host/lock.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

const stat = (started: number) =>
  `1 (a name) with) ${["S", ...Array.from({ length: 18 }, (_, i) => i), started, 0].join(" ")}`;

function world() {
  const { host, disk } = memoryMachine();
  for (const pid of [host.pid, 77]) disk.mkdirSync(`/proc/${pid}`, { recursive: true });
  disk.writeTextFileSync(`/proc/${host.pid}/stat`, stat(1000));
  disk.mkdirSync("/queue");
  return { host, disk };
}

test("a lock is held by one and can be had again when it is released", () => {
  const { host, disk } = world();
  const lock = lockDirectory(host, "/queue");
  assert.equal(disk.readTextFileSync("/queue/lock"), `${host.pid} 1000\n`);
  assert.throws(() => lockDirectory(host, "/queue"), LockedError);
  lock.release();
  lock.release();
  lockDirectory(host, "/queue").release();
  assert.equal(disk.files.has("/queue/lock"), false);
});

test("a lock of a living process is respected; of a dead one, of its successor, and a torn one are taken over", () => {
  const { host, disk } = world();
  disk.writeTextFileSync("/proc/77/stat", stat(500));
  disk.writeTextFileSync("/queue/lock", "77 500\n");
  assert.throws(() => lockDirectory(host, "/queue"), { pid: 77 });
  for (const stale of ["77 499\n", "78 500\n", "", "rubbish"]) {
    disk.writeTextFileSync("/queue/lock", stale);
    lockDirectory(host, "/queue").release();
  }
  assert.deepEqual([...disk.files.keys()].filter((name) => name.startsWith("/queue")), []);
});
