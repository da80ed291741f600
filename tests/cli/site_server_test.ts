import assert from "node:assert/strict";
import { siteServer } from "../../src/cli/site_server.ts";
import { ConfigError } from "../../src/base/config_error.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

function siteWith(smtpIni: string) {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  machine.host.writeTextFileSync("/site/config/smtp.ini", smtpIni);
  return machine;
}

test("siteServer() knows where the queue lies, and that no server runs where there is no socket", async () => {
  const machine = siteWith("nodes=2\n");
  machine.host.writeTextFileSync("/site/config/queue_dir", "spool\n");
  const server = await siteServer(machine, { site: "/site" });
  assert.deepEqual([server.queueDir, server.settings.nodes], ["/site/spool", 2]);
  assert.equal(await server.ask("/status"), undefined);
});

test("siteServer() is silent about the configuration, unless asked", async () => {
  const machine = siteWith("nodes=0\nspool_afters=1\n");
  await siteServer(machine, { site: "/site" });
  assert.equal(machine.printed.stderr, "");
  await siteServer(machine, { site: "/site", verbose: true });
  assert.match(machine.printed.stderr, /spool_afters/);
  await assert.rejects(siteServer(siteWith("nodes=many\n"), { site: "/site" }), ConfigError);
});
