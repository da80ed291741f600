import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { order, orderTable } from "../../src/cli/order.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir, writeSite } from "../kit/site.ts";
import { test } from "../kit/test.ts";

test("orderTable() parts the hooks by rules", () => {
  const text = orderTable([
    { hook: "mail", plugin: "a", priority: -5, timeoutMs: 30_000 },
    { hook: "mail", plugin: "b", priority: 5, timeoutMs: 0 },
    { hook: "rcpt", plugin: "a", priority: 0, timeoutMs: 1_500 },
  ]);
  assert.deepEqual(text.split("\n").map((line) => line.trim().split(/\s+/)), [
    ["Plugin", "Hook", "Prio", "T/O"],
    ["-".repeat(80)],
    ["a", "mail", "-5", "30"],
    ["b", "mail", "5", "0"],
    ["-".repeat(80)],
    ["a", "rcpt", "0", "1.5"],
  ]);
});

test("order() prints functions of one hook in the order they run, without opening a queue", async () => {
  const dir = temporaryDir();
  writeSite(dir, { files: { "config/plugins": "late\nearly\n" } });
  mkdirSync(`${dir}/plugins`, { recursive: true });
  for (const [name, priority] of [["late", 5], ["early", -5]] as const) {
    writeFileSync(
      `${dir}/plugins/${name}.ts`,
      `export default { name: "${name}", hooks: { mail: { priority: ${priority}, run: () => undefined } } };\n`,
    );
  }
  const at = await captured();
  await order({ site: dir }, at);
  assert.ok(at.said[0]!.indexOf("early") < at.said[0]!.indexOf("late"));
  assert.throws(() => at.machine.host.statSync(`${dir}/queue`));
  rmSync(dir, { recursive: true });
});
