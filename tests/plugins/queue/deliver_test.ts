import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/deliver.ts";
import { startPlugin } from "../../kit/hook.ts";
import { test } from "../../kit/test.ts";

test("queue/deliver starts, listens at nothing and says why it may go", async () => {
  const { log, host } = await startPlugin(plugin);
  assert.match(log.text(), /queue\/deliver does nothing: /);
  assert.deepEqual(plugin.setup(host), {});
});
