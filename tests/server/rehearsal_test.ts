import assert from "node:assert/strict";
import { PluginError } from "../../src/hooks/loader.ts";
import { rehearse } from "../../src/server/rehearsal.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

function site(plugins: string) {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  machine.host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\n");
  machine.host.writeTextFileSync("/site/config/plugins", plugins);
  return machine;
}

test("rehearse() sets plugins up without listening and without a queue", async () => {
  const machine = site("rcpt_to.in_host_list\n");
  const rehearsal = await rehearse({ machine, site: "/site", log: memoryLog().log, setUp: true });
  assert.ok(rehearsal.hooks.has("rcpt"));
  assert.throws(() => machine.host.statSync("/site/queue"));
  const listener = machine.host.listen({ hostname: "127.0.0.1", port: 25 });
  listener.close();
  await rehearsal.stop();
});

test("rehearse() throws what a start would throw", async () => {
  const machine = site("nonesuch\n");
  await assert.rejects(rehearse({ machine, site: "/site", log: memoryLog().log, setUp: false }), PluginError);
});
