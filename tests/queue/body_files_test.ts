import assert from "node:assert/strict";
import { BodyFiles } from "../../src/queue/body_files.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";
import { readText } from "./queue_kit.ts";

function bodies() {
  const disk = new CrashDisk();
  disk.host.mkdirSync("/q/body");
  let n = 0;
  return { disk, bodies: new BodyFiles(disk.host, "/q/body", () => `id${n++}`) };
}

test("a body arrives in chunks of any size and is safe on disk when finished", async () => {
  for (const size of [1, 4096, 300_000]) {
    const { disk, bodies: b } = bodies();
    const file = b.create();
    const all = new Uint8Array(700_000).map((_, i) => i % 251);
    const chunk = new Uint8Array(size);
    for (let at = 0; at < all.length; at += size) {
      // The same buffer each time, as a reader has it.
      const part = all.subarray(at, at + size);
      chunk.set(part);
      await file.write(chunk.subarray(0, part.length));
    }
    const source = await file.finish();
    let calls = 0;
    const after = disk.afterCrash(() => calls++ === 0 ? 0.1 : 0.99);
    assert.deepEqual(after.read("/q/body/id0.eml"), all);
    assert.equal((await readText(source.open(699_990))).length, 10);
    assert.equal(disk.openFiles, 0);
  }
});

test("discard removes the file, unless the queue has adopted it; twice does no harm", async () => {
  const { disk, bodies: b } = bodies();
  const early = b.create();
  early.discard();
  early.discard();
  const late = b.create();
  const source = await late.finish();
  assert.equal(b.adopt(source), "id1.eml");
  assert.equal(b.adopt(source), undefined);
  late.discard();
  assert.deepEqual(disk.names("/q/body"), ["id1.eml"]);
  b.disown(source);
  late.discard();
  assert.deepEqual(disk.names("/q/body"), []);
});

test("a full disk rejects the write with its name, and leaves neither file nor descriptor", async () => {
  const { disk, bodies: b } = bodies();
  const file = b.create();
  disk.fail = (step) => {
    if (step === "write") throw new Error("No space left on device (os error 28)");
  };
  await assert.rejects(async () => await file.write(new Uint8Array(300_000)), {
    name: "QueueError",
    fault: "disk-full",
  });
  assert.deepEqual(disk.names("/q/body"), []);
  assert.equal(disk.openFiles, 0);
  await assert.rejects(b.copy(new Blob(["x"]).stream()), { name: "QueueError" });
  assert.deepEqual(disk.names("/q/body"), []);
});

test("a body file read only in part gives its descriptor back", async () => {
  const { disk, bodies: b } = bodies();
  const name = await b.copy(new Blob(["x".repeat(200_000)]).stream());
  assert.equal(name, "id0.eml");
  const { fileSource } = await import("../../src/queue/body_store.ts");
  const reader = fileSource(disk.host, `/q/body/${name}`, 200_000).open(5).getReader();
  assert.equal((await reader.read()).value!.length, 65_536);
  await reader.cancel();
  assert.equal(disk.openFiles, 0);
});
