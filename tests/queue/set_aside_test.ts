import assert from "node:assert/strict";
import { setAside } from "../../src/queue/set_aside.ts";
import { CrashDisk } from "../kit/crash_disk.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const WHAT = { segment: "000003.log", offset: 99, reason: "damaged record" };

test("damage is copied and logged once", () => {
  const disk = new CrashDisk();
  const log = memoryLog();
  for (let n = 0; n < 2; n++) {
    assert.equal(setAside(disk.host, "/q", log.log, WHAT, Uint8Array.of(1, 2)), "/q/corrupt/000003-99.bin");
  }
  assert.deepEqual([...disk.read("/q/corrupt/000003-99.bin")], [1, 2]);
  assert.deepEqual(log.of("queue_corrupt"), [{ ...WHAT, length: 2, kept: "/q/corrupt/000003-99.bin" }]);
});

test("where no copy can be written the event says so", () => {
  const disk = new CrashDisk();
  disk.fail = () => {
    throw new Error("No space left");
  };
  const log = memoryLog();
  assert.equal(setAside(disk.host, "/q", log.log, WHAT, Uint8Array.of(1, 2)), "");
  assert.equal(log.of("queue_corrupt")[0]!.kept, "");
});

test("other damage of the same place and length is kept beside the first", () => {
  const disk = new CrashDisk();
  const log = memoryLog();
  const aside = (...octets: number[]) => setAside(disk.host, "/q", log.log, WHAT, Uint8Array.from(octets));
  assert.deepEqual([aside(1, 2), aside(3, 4), aside(3, 4), aside(1, 2), aside(5)], [
    "/q/corrupt/000003-99.bin",
    "/q/corrupt/000003-99-2.bin",
    "/q/corrupt/000003-99-2.bin",
    "/q/corrupt/000003-99.bin",
    "/q/corrupt/000003-99-3.bin",
  ]);
  assert.deepEqual([...disk.read("/q/corrupt/000003-99-2.bin")], [3, 4]);
});
