import assert from "node:assert/strict";
import { type DirectoryLock, lockDirectory, LockedError } from "../../src/host/lock.ts";
import type { OpenOptions } from "../../src/host/types.ts";
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

test("of two that start at one time one gets the lock, though the other looks while the file is being written", () => {
  const { host, disk } = world();
  disk.writeTextFileSync("/proc/77/stat", stat(500));
  const held: DirectoryLock[] = [];
  const theirs = { ...host, pid: 77 } as typeof host;
  let first = true;
  const ours = {
    ...host,
    writeTextFileSync(path: string, text: string, options?: OpenOptions) {
      host.writeTextFileSync(path, "", options);
      if (first) held.push(lockDirectory(theirs, "/queue"));
      first = false;
      host.writeTextFileSync(path, text);
    },
  } as typeof host;
  assert.throws(() => held.push(lockDirectory(ours, "/queue")), { pid: 77 });
  assert.equal(held.length, 1);
});

test("a file system without links will do", () => {
  const { host, disk } = world();
  const linkSync = () => {
    throw new Error("Operation not permitted");
  };
  const lock = lockDirectory({ ...host, linkSync } as typeof host, "/queue");
  assert.equal(disk.readTextFileSync("/queue/lock"), `${host.pid} 1000\n`);
  lock.release();
  assert.deepEqual([...disk.files.keys()].filter((name) => name.startsWith("/queue")), []);
});

test("on a full disk the room of a stale lock is enough; where there is none, nothing is left behind", () => {
  const { host, disk } = world();
  const full = {
    ...host,
    writeTextFileSync(path: string, text: string, options?: OpenOptions) {
      const room = !disk.files.has("/queue/lock") && disk.files.has("/queue/body");
      host.writeTextFileSync(path, room ? text : "", options);
      if (!room) throw new Error("No space left on device");
    },
  } as typeof host;
  disk.writeTextFileSync("/queue/lock", "77 499\n");
  disk.writeTextFileSync("/queue/body", "a mail");
  lockDirectory(full, "/queue").release();
  disk.removeSync("/queue/body");
  assert.throws(() => lockDirectory(full, "/queue"), /No space left/);
  assert.deepEqual([...disk.files.keys()].filter((name) => name.startsWith("/queue")), []);
});

test("why a lock cannot be written is what the caller hears", () => {
  const { host } = world();
  const writeTextFileSync = () => {
    throw new Error("Read-only file system");
  };
  assert.throws(() => lockDirectory({ ...host, writeTextFileSync } as typeof host, "/queue"), /Read-only/);
});
