import assert from "node:assert/strict";
import { exists } from "../../src/host/exists.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("exists() tells files and folders from nothing, and passes other faults on", () => {
  const { host, disk } = memoryMachine();
  disk.mkdirSync("/dir", { recursive: true });
  disk.writeTextFileSync("/dir/file", "");
  assert.deepEqual(["/dir", "/dir/file", "/dir/gone", "/gone/file"].map((path) => exists(host, path)), [
    true,
    true,
    false,
    false,
  ]);
  const broken = {
    errors: host.errors,
    lstatSync: () => {
      throw new Error("Permission denied");
    },
  };
  assert.throws(() => exists(broken, "/dir"), /Permission denied/);
});
