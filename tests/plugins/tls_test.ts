import assert from "node:assert/strict";
import plugin from "../../plugins/tls.ts";
import { hook, type HookOptions } from "../kit/hook.ts";
import { fakeCapabilities } from "../kit/fake_session.ts";
import { test } from "../kit/test.ts";

const files = {
  "tls.ini": "no_starttls_ports[]=2525\nno_starttls_ports[]=26\n[no_tls_hosts]\n192.0.2.7\n198.51.100.0/24\n",
};
async function offered(options: HookOptions, canStartTls = true): Promise<boolean> {
  const capabilities = fakeCapabilities(canStartTls);
  await hook(plugin, "capabilities", { files, ...options, event: { capabilities } });
  return capabilities.startTls;
}

test("STARTTLS is offered when the engine can, but not to listed hosts nor on listed ports", async () => {
  assert.equal(await offered({ ip: "192.0.2.8" }), true);
  assert.equal(await offered({ ip: "192.0.2.8" }, false), false);
  assert.equal(await offered({ ip: "192.0.2.7" }), false);
  assert.equal(await offered({ ip: "198.51.100.99" }), false);
  assert.equal(await offered({ ip: "192.0.2.8", port: 26 }), false);
  assert.equal(await offered({ ip: "192.0.2.8", port: 2525 }), false);
});
