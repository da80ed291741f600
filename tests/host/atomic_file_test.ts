import assert from "node:assert/strict";
import { latin1Encode } from "../../src/base/bytes.ts";
import { writeAtomically } from "../../src/host/atomic_file.ts";
import { ioError, noSpace } from "../kit/memory_disk.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("a file is synced before it takes its name, and its folder after", async () => {
  const { host, disk } = memoryMachine();
  disk.mkdirSync("/a");
  const order: string[] = [];
  disk.before = ({ kind, path }) =>
    void (kind !== "open" && order.push(`${kind} ${path.endsWith(".tmp") ? "temp" : path}`));
  await writeAtomically(host, "/a/file", latin1Encode("new"));
  assert.deepEqual(order, ["write temp", "sync temp", "rename temp", "sync /a"]);
  assert.equal(disk.readTextFileSync("/a/file"), "new");
  assert.equal(disk.open, 0);
});

test("a disk that fails leaves the old file and nothing beside it", async () => {
  for (const fails of ["open", "write", "sync", "rename"]) {
    const { host, disk } = memoryMachine();
    disk.writeTextFileSync("/file", "old");
    disk.before = ({ kind }) => {
      if (kind === fails) throw fails === "write" ? noSpace() : ioError();
    };
    await assert.rejects(writeAtomically(host, "/file", latin1Encode("new")));
    disk.before = () => {};
    assert.equal(disk.readTextFileSync("/file"), "old");
    assert.deepEqual([...disk.files.keys()], ["/file"], fails);
    assert.equal(disk.open, 0);
  }
});

test("a short write is continued", async () => {
  const { host, disk } = memoryMachine();
  disk.before = ({ kind }) => kind === "write" ? 1 : undefined;
  await writeAtomically(host, "file", latin1Encode("whole"));
  assert.equal(disk.readTextFileSync("/file"), "whole");
});
