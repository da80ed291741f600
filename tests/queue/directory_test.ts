import assert from "node:assert/strict";
import { makeDirectory } from "../../src/queue/directory.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

const forget = () => {
  let calls = 0;
  return () => calls++ === 0 ? 0.1 : 0.99;
};

test("a new directory, and those above it, are there after a crash", async () => {
  const disk = new CrashDisk();
  disk.lasting = false;
  await makeDirectory(disk.host, "/srv/kasi/data/queue/w1");
  assert.deepEqual(disk.afterCrash(forget()).names("/srv/kasi/data/queue/w1"), []);
});

test("one that a process made and died over is made safe by the next", async () => {
  const disk = new CrashDisk();
  disk.lasting = false;
  disk.host.mkdirSync("/srv/queue/w1", { recursive: true });
  const next = disk.afterKill();
  await makeDirectory(next.host, "/srv/queue/w1");
  assert.deepEqual(next.afterCrash(forget()).names("/srv/queue/w1"), []);
});

test("a new directory that cannot be made safe is none; one that was there, or a file system that syncs none, is put up with", async () => {
  const disk = new CrashDisk();
  const failing = (text: string) => () => {
    throw new Error(text);
  };
  disk.fail = failing("EIO");
  await assert.rejects(makeDirectory(disk.host, "/new"), /EIO/);
  await makeDirectory(disk.host, "/new");
  disk.fail = failing("Invalid argument (os error 22)");
  await makeDirectory(disk.host, "/other");
});
