import assert from "node:assert/strict";
import { serverSecret } from "../../src/server/secret.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("the secret is made once and is the same for every start and worker", () => {
  const { host } = memoryMachine();
  const of = () => serverSecret(host, "/data", memoryLog().log)();
  const first = of();
  assert.equal(first.length, 32);
  assert.deepEqual(of(), first);
  assert.deepEqual([...host.readDirSync("/data")].map(({ name }) => name), ["secret"]);
});

test("a file that is too short is said to be, and not used", () => {
  const { host } = memoryMachine();
  host.mkdirSync("/data", { recursive: true });
  host.writeFileSync("/data/secret", new Uint8Array(3));
  const { log, text } = memoryLog();
  assert.equal(serverSecret(host, "/data", log)().length, 32);
  assert.match(text(), /3 octets, wanted: 32/);
});
