import assert from "node:assert/strict";
import plugin from "../../plugins/process_title.ts";
import { startPlugin } from "../kit/hook.ts";
import { pluginOperations } from "../../src/server/plugin_operations.ts";
import { settled } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

test("[row 241] the title and the server's notes tell totals and rates, each second, until the server stops", async () => {
  const queue = { inProgress: 1, queued: 2, tempFail: 3, held: 0, oldest: undefined };
  const stats = { sessions: 0, queue, delivery: {} as never, threads: 1 };
  const operations = pluginOperations(() => Promise.resolve([stats, stats]) as never, () => 2);
  const { run, machine, host } = await startPlugin(plugin, { operations });
  const { clock, titles } = machine;
  await run("init_master");
  await run("init_child");
  for (let i = 0; i < 4; i++) await run("connect_init");
  await run("disconnect");
  for (let i = 0; i < 3; i++) await run("rcpt_ok", { from: "me@far.test", to: "a@b.test" });
  for (let i = 0; i < 2; i++) await run("data_post", { from: "me@far.test", to: "a@b.test" });
  await clock.advance(1000);
  await settled();
  await clock.advance(1000);
  assert.equal(
    titles.at(-1),
    "Kasi cn=4 cc=3 cps=4/2/4 rcpts=3/1.5 rps=3/1.5/3 msgs=2/0.5 mps=2/1/2 out=2/4/6 respawn=2",
  );
  await clock.advance(2000);
  assert.match(titles.at(-1)!, /^Kasi cn=4 cc=3 cps=0\/1\/4 /);
  const notes = ["pt_connections", "pt_concurrent", "pt_recipients", "pt_messages", "pt_cps_max", "pt_out_stats"];
  assert.deepEqual(notes.map((name) => host.server.notes.get(name)), [4, 3, 3, 2, 4, "2/4/6"]);
  assert.deepEqual(["pt_rps_max", "pt_mps_max", "pt_child_exits"].map((name) => host.server.notes.get(name)), [
    3,
    2,
    2,
  ]);
  plugin.stop();
  assert.equal(clock.pending, 0);
});
