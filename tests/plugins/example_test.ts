import assert from "node:assert/strict";
import plugin from "../../plugins/example.ts";
import { hook } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

test("listed local parts are refused with the text of the settings", async () => {
  const files = { "example.ini": "local_parts = noreply, Nobody2\ntext = Write to info@ instead\n" };
  const { verdict, results } = await hook(plugin, "rcpt", { to: "NoReply@example.com", files });
  assert.deepEqual(verdict, { kind: "deny", reply: { enhanced: "5.1.1", text: "Write to info@ instead" } });
  assert.deepEqual(results?.fail, ["NoReply"]);
});

test("others pass", async () => {
  assert.equal((await hook(plugin, "rcpt", { to: "info@example.com" })).verdict, undefined);
  assert.equal((await hook(plugin, "rcpt", { to: "nobody@example.com" })).verdict?.kind, "deny");
});
