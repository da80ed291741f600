import assert from "node:assert/strict";
import { Spool } from "../../src/archive/spool.ts";
import { MemoryDisk, noSpace } from "../kit/memory_disk.ts";
import { test } from "../kit/test.ts";

test("few octets stay in memory, many go into a file that has no name; both are read at any place", async () => {
  for (const room of [0, 10, 1000]) {
    const disk = new MemoryDisk();
    const spool = new Spool({ host: disk, path: "/spool", room });
    const reused = new Uint8Array(7);
    for (let i = 0; i < 9; i++) await spool.write(reused.fill(i));
    assert.equal(spool.size, 63);
    assert.deepEqual([...await spool.read(12, 4)], [1, 1, 2, 2]);
    assert.deepEqual([...await spool.read(61, 100)], [8, 8]);
    assert.deepEqual([...await spool.read(0, 1)], [0]);
    assert.equal((await spool.read(63, 5)).length, 0);
    assert.equal((await spool.read(100, 5)).length, 0);
    assert.deepEqual([disk.files.size, disk.open], [0, room < 63 ? 1 : 0]);
    spool.close();
    spool.close();
    assert.deepEqual([spool.size, disk.open], [0, 0]);
  }
});

test("a disk that is full is a fault, and leaves nothing behind", async () => {
  const disk = new MemoryDisk();
  disk.before = (operation) => {
    if (operation.kind === "write") throw noSpace();
  };
  const spool = new Spool({ host: disk, path: "/spool", room: 0 });
  await assert.rejects(spool.write(Uint8Array.of(1)), /ENOSPC/);
  spool.close();
  assert.deepEqual([disk.files.size, disk.open], [0, 0]);
});
