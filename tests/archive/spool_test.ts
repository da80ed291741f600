import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Spool } from "../../src/archive/spool.ts";
import { thisMachine } from "../../src/host/machine.ts";
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

test("on a real disk the file has no name while it is read, and is gone when it is closed", async () => {
  const { host } = await thisMachine();
  const dir = mkdtempSync(join(tmpdir(), "kasi-spool-"));
  try {
    const spool = new Spool({ host, path: join(dir, "spool"), room: 10 });
    const octets = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
    for (let at = 0; at < octets.length; at += 777) await spool.write(octets.subarray(at, at + 777));
    assert.deepEqual(readdirSync(dir), []);
    assert.deepEqual([...await spool.read(99_990, 50)], [...octets.subarray(99_990)]);
    assert.deepEqual([...await spool.read(3, 5)], [3, 4, 5, 6, 7]);
    assert.equal((await spool.read(0, 1e6)).length, 100_000);
    spool.close();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
