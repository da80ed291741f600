import assert from "node:assert/strict";
import { CrashDisk, NotFound, seeded } from "./crash_disk.ts";
import { test } from "./test.ts";

/** Everything that was not synced is lost. */
const forget = () => {
  let calls = 0;
  return () => calls++ === 0 ? 0.1 : 0.99;
};
const text = (disk: CrashDisk, path: string) => new TextDecoder().decode(disk.read(path));
const bytes = (content: string) => new TextEncoder().encode(content);

async function put(disk: CrashDisk, path: string, content: string): Promise<void> {
  const file = disk.host.openSync(path, { write: true, create: true });
  file.writeSync(bytes(content));
  await file.sync();
  file.close();
}

async function sync(disk: CrashDisk, path: string): Promise<void> {
  const file = disk.host.openSync(path, { read: true });
  await file.sync();
  file.close();
}

function forgetful(): CrashDisk {
  const disk = new CrashDisk();
  disk.lasting = false;
  return disk;
}

test("a synced file is lost as long as its name is not synced, and a name without its octets is an empty file", async () => {
  const disk = forgetful();
  disk.host.mkdirSync("/d");
  await sync(disk, "/");
  await put(disk, "/d/synced", "all of it");
  assert.deepEqual(disk.afterCrash(forget()).names("/d"), []);
  disk.host.openSync("/d/empty", { write: true, create: true }).writeSync(bytes("nothing of it"));
  await sync(disk, "/d");
  const after = disk.afterCrash(forget());
  assert.equal(text(after, "/d/synced"), "all of it");
  assert.equal(text(after, "/d/empty"), "");
});

test("a directory is lost, with all in it, as long as the one it lies in is not synced", async () => {
  const disk = forgetful();
  disk.host.mkdirSync("/a/b", { recursive: true });
  await put(disk, "/a/b/file", "x");
  await sync(disk, "/a/b");
  await sync(disk, "/a");
  assert.throws(() => disk.afterCrash(forget()).names("/a"), NotFound);
  await sync(disk, "/");
  assert.equal(text(disk.afterCrash(forget()), "/a/b/file"), "x");
});

test("a rename is undone or done, never half, and a sync of either directory makes it safe", async () => {
  for (const which of ["/from", "/to"]) {
    const disk = forgetful();
    for (const dir of ["/from", "/to"]) disk.host.mkdirSync(dir);
    await sync(disk, "/");
    await put(disk, "/from/file", "x");
    await sync(disk, "/from");
    disk.host.renameSync("/from/file", "/to/file");
    for (let seed = 0; seed < 50; seed++) {
      const after = disk.afterCrash(seeded(seed));
      assert.equal(after.names("/from").length + after.names("/to").length, 1);
    }
    assert.deepEqual(disk.afterCrash(forget()).names("/from"), ["file"]);
    await sync(disk, which);
    assert.deepEqual(disk.afterCrash(forget()).names("/to"), ["file"]);
    assert.deepEqual(disk.afterCrash(forget()).names("/from"), []);
  }
});

test("octets that are not synced may be there, be missing, be zeros or be turned over", async () => {
  const disk = forgetful();
  await put(disk, "/file", "safe ");
  await sync(disk, "/");
  const file = disk.host.openSync("/file", { append: true });
  file.writeSync(new Uint8Array(3 * 512).fill(7));
  const found = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const left = disk.afterCrash(seeded(seed)).read("/file");
    assert.equal(new TextDecoder().decode(left.subarray(0, 5)), "safe ");
    const rest = left.subarray(5);
    if (rest.length === 0) found.add("nothing");
    else if (rest.length < 3 * 512) found.add("torn");
    else if (rest.every((octet) => octet === 7)) found.add("all");
    else if (rest.every((octet) => octet === 7 || octet === 0)) found.add("holes");
    else found.add("turned");
  }
  assert.deepEqual([...found].sort(), ["all", "holes", "nothing", "torn", "turned"]);
});

test("what a failed sync should have saved is never saved, though programs still read it", async () => {
  const disk = forgetful();
  await put(disk, "/file", "safe ");
  await sync(disk, "/");
  const file = disk.host.openSync("/file", { append: true });
  file.writeSync(bytes("lost "));
  disk.fail = (step) => {
    if (step === "synced") throw new Error("EIO");
  };
  await assert.rejects(file.sync(), /EIO/);
  disk.fail = () => {};
  assert.ok(disk.deceives);
  await file.sync();
  assert.equal(text(disk, "/file"), "safe lost ");
  assert.equal(text(disk.afterCrash(forget()), "/file"), "safe ");
});

test("when only the process dies everything is there, and is as unsafe as it was", async () => {
  const disk = forgetful();
  await put(disk, "/file", "safe ");
  await sync(disk, "/");
  const file = disk.host.openSync("/file", { append: true });
  file.writeSync(bytes("unsafe"));
  const next = disk.afterKill();
  assert.throws(() => file.writeSync(bytes("!")), /died/);
  assert.equal(text(next, "/file"), "safe unsafe");
  assert.equal(text(next.afterCrash(forget()), "/file"), "safe ");
  await sync(next, "/file");
  assert.equal(text(next.afterCrash(forget()), "/file"), "safe unsafe");
});
