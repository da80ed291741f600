import assert from "node:assert/strict";
import plugin from "../../plugins/reseed_rng.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

test("reseed_rng starts, listens at nothing and says why it may go", async () => {
  const { log, host } = await startPlugin(plugin);
  assert.match(log.text(), /reseed_rng does nothing: /);
  assert.deepEqual(plugin.setup(host), {});
});
