import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { createConfig } from "../../src/config/config.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { selfSigned } from "../../src/host/self_signed.ts";
import { loadServerTls } from "../../src/server/tls_store.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

async function storeWith(files: Readonly<Record<string, string>>) {
  const machine = memoryMachine();
  const { host, clock } = machine;
  host.mkdirSync("/site/config/tls", { recursive: true });
  for (const [name, text] of Object.entries({ "smtp.ini": "", ...files })) {
    host.writeTextFileSync(`/site/config/${name}`, text);
  }
  const memory = memoryLog();
  const config = createConfig({ host, clock, dir: "/site/config", log: memory.log, watch: false });
  const core = await loadCoreSettings(config);
  const load = () => loadServerTls({ machine, config, core, log: memory.log, dataDir: "/site" });
  return { host, clock, memory, load };
}

test("without certificates one is made, and the same one is used after a restart", async () => {
  const { host, load } = await storeWith({});
  const first = await load();
  const cert = host.readTextFileSync("/site/tls/cert.pem");
  const second = await load();
  assert.deepEqual([first.selfMade, second.selfMade], [true, true]);
  assert.equal(host.readTextFileSync("/site/tls/cert.pem"), cert);
  assert.equal(host.statSync("/site/tls/key.pem").mode! & 0o777, 0o600);
});

test("the operator's certificate is used, and a broken one at reload does not replace it", async () => {
  const pair = await selfSigned(["mx.example.com"], Date.UTC(2026, 0, 1));
  const { host, memory, load } = await storeWith({ "tls_key.pem": pair.key, "tls_cert.pem": pair.cert });
  const store = await load();
  assert.equal(store.selfMade, false);
  host.writeTextFileSync("/site/config/tls_cert.pem", "nonsense");
  store.reload();
  assert.match(memory.text(), /Keeping the certificates we have: .*tls_cert\.pem/);
});

test("a key that is missing or belongs to another certificate stops the start with the file's name", async () => {
  const [one, two] = [await selfSigned(["a.test"], Date.now()), await selfSigned(["b.test"], Date.now())];
  const missing = await storeWith({ "tls_cert.pem": one.cert });
  await assert.rejects(
    missing.load(),
    (error: unknown) => error instanceof ConfigError && error.fault.file.endsWith("tls_key.pem"),
  );
  const other = await storeWith({ "tls_cert.pem": one.cert, "tls_key.pem": two.key });
  await assert.rejects(
    other.load(),
    (error: unknown) => error instanceof ConfigError && error.fault.file.endsWith("tls_key.pem"),
  );
});

test("the self-made certificate is made anew a month before it ends, and sessions to come get it", async () => {
  const { host, clock, memory, load } = await storeWith({});
  const kept = await selfSigned(["old.test"], clock.now() + 60_000, 30);
  host.mkdirSync("/site/tls", { recursive: true });
  host.writeTextFileSync("/site/tls/key.pem", kept.key);
  host.writeTextFileSync("/site/tls/cert.pem", kept.cert);
  const store = await load();
  const first = host.readTextFileSync("/site/tls/cert.pem");
  await clock.advance(31_000);
  assert.equal(host.readTextFileSync("/site/tls/cert.pem"), first);
  await clock.advance(60_000);
  for (let turn = 0; turn < 200 && !memory.text().includes("Certificates are in use"); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.notEqual(host.readTextFileSync("/site/tls/cert.pem"), first);
  assert.equal(store.defaultPair.cert.trim(), host.readTextFileSync("/site/tls/cert.pem").trim());
  await store.close();
});

test("what lies in config/tls and is of no use is told of and left out", async () => {
  const [one, two] = [await selfSigned(["a.test"], Date.now()), await selfSigned(["b.test"], Date.now())];
  const { memory, load } = await storeWith({
    "tls/a.pem": one.key + one.cert,
    "tls/lone.crt": two.cert,
    "tls/mixed.pem": one.key + two.cert,
  });
  const store = await load();
  assert.equal(store.selfMade, false);
  assert.ok(store.pairFor("A.test"));
  assert.equal(store.pairFor("b.test"), undefined);
  assert.match(memory.text(), /Not used: .*lone\.crt/);
  assert.match(memory.text(), /Not used: .*mixed\.pem/);
  await store.close();
});
