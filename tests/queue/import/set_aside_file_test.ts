import assert from "node:assert/strict";
import { setAside } from "../../../src/queue/import/set_aside_file.ts";
import { CrashDisk } from "../../kit/crash_disk.ts";
import { test } from "../../kit/test.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function disk(files: Readonly<Record<string, string>>): CrashDisk {
  const made = new CrashDisk();
  made.host.mkdirSync("/in/imported");
  for (const [name, text] of Object.entries(files)) made.write(`/in/${name}`, bytes(text));
  return made;
}

test("files move to imported/; one that is not there was moved before", async () => {
  const d = disk({ a: "1", b: "2" });
  assert.equal(await setAside(d.host, "/in", ["a", "gone"]), undefined);
  assert.deepEqual([d.names("/in"), d.names("/in/imported")], [["b", "imported"], ["a"]]);
});

test("a file of the same name that lies there stays; the same file is not kept twice", async () => {
  const d = disk({ a: "new", b: "same", "imported/a": "old", "imported/b": "same" });
  assert.equal(await setAside(d.host, "/in", ["a", "b"]), undefined);
  assert.deepEqual([d.names("/in"), d.names("/in/imported")], [["imported"], ["a", "a-2", "b"]]);
  assert.equal(new TextDecoder().decode(d.read("/in/imported/a-2")), "new");
});

test("without links files are renamed, and a fault is a value", async () => {
  const d = disk({ a: "1" });
  const host = {
    ...d.host,
    linkSync: () => {
      throw new Error("Operation not supported");
    },
  };
  assert.equal(await setAside(host, "/in", ["a"]), undefined);
  assert.deepEqual(d.names("/in/imported"), ["a"]);
  d.write("/in/b", bytes("2"));
  d.fail = () => {
    throw new Error("Read-only file system");
  };
  assert.match((await setAside(d.host, "/in", ["b"]))!.message, /Read-only/);
  assert.deepEqual(d.names("/in"), ["b", "imported"]);
});

test("a crash at any step leaves the file in one of the two, whatever was synced of it", async () => {
  for (let crashAt = 1;; crashAt++) {
    const d = disk({ a: "1" });
    d.crashAt = d.steps + crashAt;
    await setAside(d.host, "/in", ["a"]);
    if (!d.dead) {
      assert.ok(crashAt > 4);
      return;
    }
    for (const chance of [0, 0.3, 0.49, 0.51, 0.79, 0.99]) {
      let turn = 0;
      const next = d.afterCrash(() => turn++ % 2 === 0 ? chance : 1 - chance);
      const places = [...next.names("/in"), ...next.names("/in/imported")].filter((name) => name === "a");
      assert.ok(places.length > 0, `crash at ${crashAt}, ${chance}`);
    }
  }
});
