import assert from "node:assert/strict";
import { utf8Encode } from "../../../src/base/bytes.ts";
import { suspensionFile } from "../../../src/queue/sites/suspension_file.ts";
import { memoryMachine } from "../../kit/memory_host.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";

function kit() {
  const { host } = memoryMachine();
  const log = memoryLog();
  host.mkdirSync("/q", { recursive: true });
  return { host, log, file: suspensionFile(host, "/q/sites.json", log.log, "0") };
}

test("what was written is read again; no file is no suspension", () => {
  const { file, log } = kit();
  assert.equal(file.read().size, 0);
  const given = new Map([
    ["a.example", { reason: "maintenance", since: 5 }],
    ["mx:*.b.example", { reason: "", since: 6, until: 7 }],
  ]);
  file.write(given);
  assert.deepEqual(file.read(), given);
  file.write(new Map());
  assert.equal(file.read().size, 0);
  assert.deepEqual(log.items, []);
});

test("damage is logged and never stops anybody; what makes sense of it counts", () => {
  const { host, file, log } = kit();
  for (const text of ["", "{", "[]", "null", '"x"', "\0\0\0"]) {
    host.writeFileSync("/q/sites.json", utf8Encode(text));
    assert.equal(file.read().size, 0, text);
  }
  assert.equal(log.items.length, 6);
  const mixed = {
    "good": { reason: "r", since: 1 },
    "no reason": { since: 1 },
    "no time": { reason: "r" },
    "odd": { reason: "r", since: 1, until: "x" },
    "none": null,
  };
  host.writeFileSync("/q/sites.json", utf8Encode(JSON.stringify(mixed)));
  assert.deepEqual([...file.read().keys()], ["good"]);
});

test("a disk that takes nothing is logged", () => {
  const { log } = kit();
  const { host } = memoryMachine();
  suspensionFile(host, "/nowhere/sites.json", log.log, "0").write(new Map());
  assert.match(log.items[0]!.message, /a restart will forget it/);
});
