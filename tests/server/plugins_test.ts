import assert from "node:assert/strict";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { Notes } from "../../src/hooks/notes.ts";
import { deny, ok } from "../../src/hooks/verdict.ts";
import { createLogging } from "../../src/log/logging.ts";
import { attachLogHook, initialise } from "../../src/server/plugins.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

function runnerWith(table: Parameters<HookRunner["add"]>[1]): HookRunner {
  const clock = new FakeClock();
  const runner = new HookRunner({ clock, log: memoryLog().log });
  runner.add({ name: "test" }, table);
  return runner;
}
const face = { notes: new Notes(), version: "0", name: "kasi.test" };

test("initialise() stops the start when a plugin refuses, and says which", async () => {
  await initialise(runnerWith({ init_master: () => ok() }), face, memoryLog().log, "init_master");
  await assert.rejects(
    initialise(runnerWith({ init_master: () => deny() }), face, memoryLog().log, "init_master"),
    /plugin test failed: it refused to start at init_master/,
  );
  await assert.rejects(
    initialise(runnerWith({ init_child: async () => deny() }), face, memoryLog().log, "init_child"),
    /plugin test failed: it refused to start at init_child/,
  );
});

test("attachLogHook() gives every line to the plugin, those from before included [row 66]", () => {
  const heard: string[] = [];
  const written: string[] = [];
  const clock = new FakeClock();
  const sink = { handle: (record: { msg: string }) => void written.push(record.msg) };
  const logging = createLogging({ clock, sinks: [sink as never], level: "INFO", holdForHook: true });
  logging.root.notice("Starting up");
  attachLogHook(
    logging,
    runnerWith({
      log({ item }) {
        heard.push(item.message);
        return item.message.startsWith("secret") ? ok() : undefined;
      },
    }),
    logging.root,
  );
  logging.root.notice("secret things");
  assert.deepEqual(heard, ["Starting up", "secret things"]);
  assert.equal(written.length, 1);
});
