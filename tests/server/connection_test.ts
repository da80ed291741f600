import assert from "node:assert/strict";
import { latin1Decode } from "../../src/base/bytes.ts";
import { createConfig } from "../../src/config/config.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { serveConnection } from "../../src/server/connection.ts";
import { sessionSettings } from "../../src/server/session_settings.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

async function answersOn(port: number): Promise<{ greeting: string; log: string }> {
  const machine = memoryMachine();
  const { host, clock } = machine;
  host.mkdirSync("/config", { recursive: true });
  host.writeTextFileSync("/config/smtp.ini", "smtps_port=465\n");
  const memory = memoryLog();
  const config = createConfig({ host, clock, dir: "/config", log: memory.log, watch: false });
  const core = await loadCoreSettings(config);
  const stopping = new AbortController();
  const listener = host.listen({ hostname: "127.0.0.1", port });
  const [client, conn] = await Promise.all([host.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
  listener.close();
  const served = serveConnection(conn, { kind: "tcp", host: "127.0.0.1", port }, {
    machine,
    core,
    hooks: new HookRunner({ clock, log: memory.log }),
    log: memory.log,
    settings: sessionSettings(core, "0"),
    tls: () => undefined,
    queue: {} as never,
    signal: stopping.signal,
  });
  const reader = client.readable.getReader();
  const { value } = await reader.read();
  stopping.abort(new Error("enough"));
  await clock.advance(60_000);
  await reader.cancel();
  await served;
  return { greeting: value === undefined ? "" : latin1Decode(value), log: memory.text() };
}

test("serveConnection() greets on a plain port", async () => {
  assert.match((await answersOn(25)).greeting, /^220 /);
});

test("serveConnection() closes a port of implicit TLS when there is no certificate, and says why", async () => {
  const { greeting, log } = await answersOn(465);
  assert.equal(greeting, "");
  assert.match(log, /No certificate is loaded for the implicit TLS of port 465/);
});
