import assert from "node:assert/strict";
import { ConfigError } from "../../src/base/config_error.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { test } from "../kit/test.ts";
import { site } from "./kit.ts";
import type { Files } from "./kit.ts";

async function load(files: Files = {}) {
  const made = site(files, { watch: false });
  return { ...made, core: await loadCoreSettings(made.config) };
}
const notices = (log: { items: readonly { level: string; message: string }[] }) =>
  log.items.filter(({ level }) => level === "NOTICE").map(({ message }) => message).filter((m) =>
    m.includes("old place")
  );

test("nothing written: Haraka's listener, its limits, the machine's name", async () => {
  const { core, faults } = await load();
  assert.equal(core.me.value, "os.kasi.test");
  assert.deepEqual(core.server.value.listen, [{ kind: "tcp", host: "::", port: 25 }]);
  assert.equal(core.connection.value.limits.dataBytes, 26_214_400);
  assert.equal(core.connection.value.limits.lineLength, 512);
  assert.equal(core.outbound.value.tempFailIntervalsMs.length, 12);
  const { pins, ...plugins } = core.plugins.value;
  assert.deepEqual(plugins, { names: [], onFault: "defer", timeoutMs: 30_000, timeoutMsOf: new Map() });
  assert.deepEqual({ ...pins }, {});
  assert.deepEqual(core.logging.value, { level: "INFO", timestamps: false, format: "default" });
  assert.deepEqual(faults, []);
  core.close();
});

test("haproxy enabled=false: the list stays, and nobody is a proxy", async () => {
  const ini = (enabled: boolean) => ({ "site/connection.ini": `[haproxy]\nenabled=${enabled}\nhosts[]=10.0.0.1\n` });
  for (const [enabled, hosts] of [[true, ["10.0.0.1"]], [false, []]] as const) {
    const { core } = await load(ini(enabled));
    assert.deepEqual(core.connection.value.haproxyHosts, hosts);
    core.close();
  }
});

/** What is set, how 3.0 says it, how 3.1 does; both have the same effect. */
const EITHER_WAY: readonly { readonly old: Files; readonly now: string; readonly notices: number }[] = [
  { old: { "site/databytes": "1234" }, now: "[max]\nbytes=1234", notices: 1 },
  { old: { "site/max_mime_parts": "7" }, now: "[max]\nmime_parts=7", notices: 1 },
  { old: { "site/max_line_length": "600" }, now: "[max]\nline_length=600", notices: 1 },
  { old: { "site/max_data_line_length": "500" }, now: "[max]\ndata_line_length=500", notices: 1 },
  { old: { "site/max_received_count": "5" }, now: "[headers]\nmax_received=5", notices: 1 },
  { old: { "site/max_header_lines": "50" }, now: "[headers]\nmax_lines=50", notices: 1 },
  {
    old: { "site/haproxy_hosts": "10.0.0.1\n10.1.0.0/16" },
    now: "[haproxy]\nhosts[]=10.0.0.1\nhosts[]=10.1.0.0/16",
    notices: 1,
  },
  {
    old: { "site/smtpgreeting": "one line\nand another" },
    now: "[message]\ngreeting[]=one line\ngreeting[]=and another",
    notices: 1,
  },
  { old: { "site/ehlo_hello_message": "At your service." }, now: "[message]\nhelo=At your service.", notices: 1 },
  { old: { "site/connection_close_message": "bye" }, now: "[message]\nclose=bye", notices: 1 },
  { old: { "site/banner_includes_uuid": "true" }, now: "[uuid]\nbanner_chars=36", notices: 1 },
  { old: { "site/banner_includes_uuid": "false" }, now: "[uuid]\nbanner_chars=0", notices: 1 },
  { old: { "site/deny_includes_uuid": "1" }, now: "[uuid]\ndeny_chars=36", notices: 1 },
  { old: { "site/deny_includes_uuid": "8" }, now: "[uuid]\ndeny_chars=8", notices: 1 },
  { old: { "site/strict_rfc1869": "true" }, now: "strict_rfc1869=true", notices: 1 },
  {
    old: { "site/smtp.ini": "spool_dir=/var/tmp\nspool_after=-1\nsmtputf8=no\nstrict_rfc1869=1" },
    now: "spool_dir=/var/tmp\nspool_after=-1\nsmtputf8=no\nstrict_rfc1869=1",
    notices: 4,
  },
  {
    old: {
      "site/smtp.ini":
        "[headers]\nadd_received=no\nshow_version=no\nclean_auth_results=no\nmax_received=9\nmax_lines=8",
    },
    now: "[headers]\nadd_received=no\nshow_version=no\nclean_auth_results=no\nmax_received=9\nmax_lines=8",
    notices: 5,
  },
];

test("[row 52] 3.0's files and 3.1's connection.ini have the same effect; the old ones are told of once; the new ones win", async () => {
  const defaults = (await load()).core.connection.value;
  for (const { old, now, notices: count } of EITHER_WAY) {
    const before = await load(old);
    const after = await load({ "site/connection.ini": now });
    assert.notDeepEqual(before.core.connection.value, defaults, now);
    assert.deepEqual(before.core.connection.value, after.core.connection.value, now);
    assert.deepEqual([notices(before.log).length, notices(after.log).length], [count, 0], now);
    assert.deepEqual([...before.faults, ...after.faults], [], now);
  }
  const both = await load({ "site/databytes": "1", "site/connection.ini": "[max]\nbytes=2" });
  assert.equal(both.core.connection.value.limits.dataBytes, 2);
});

test("an old file with a wrong value stops the start", async () => {
  await assert.rejects(
    load({ "site/databytes": "lots" }),
    (reason) => reason instanceof ConfigError && reason.fault.file === "databytes",
  );
});

test("me comes from its file", async () => {
  const { core, write, config } = await load({ "site/me": "# us\nmx.example.com\n" });
  assert.equal(core.me.value, "mx.example.com");
  write("site/me", "");
  config.reload();
  assert.equal(core.me.value, "os.kasi.test");
});

test("listen: bad entries are told and left out, localhost is both, old keys come first, doubles fall away", async () => {
  const { core, faults } = await load({
    "site/smtp.ini": "listen_host=10.0.0.1\nport=26\nlisten=localhost:25, nonsense:x, 127.0.0.1:25, /run/s:660",
  });
  assert.deepEqual(core.server.value.listen, [
    { kind: "tcp", host: "10.0.0.1", port: 26 },
    { kind: "tcp", host: "127.0.0.1", port: 25 },
    { kind: "tcp", host: "::1", port: 25 },
    { kind: "unix", path: "/run/s", mode: 0o660 },
  ]);
  assert.deepEqual(faults.map(({ line, current }) => [line, current]), [[3, "nonsense:x"]]);
  const old = await load({ "site/smtp.ini": "port=26" });
  assert.deepEqual(old.core.server.value.listen, [{ kind: "tcp", host: "::", port: 26 }]);
});

test("nodes is a number or cpus", async () => {
  assert.equal((await load({ "site/smtp.ini": "nodes=cpus" })).core.server.value.nodes, "cpus");
  assert.equal((await load({ "site/smtp.ini": "nodes=4" })).core.server.value.nodes, 4);
  await assert.rejects(load({ "site/smtp.ini": "nodes=many" }), ConfigError);
});

test("[row 210] the retry schedule: its grammar, the default, and the old maxTempFailures", async () => {
  const schedule = async (files: Files) => {
    const { core, faults } = await load(files);
    return [core.outbound.value.tempFailIntervalsMs.map((ms) => ms / 1000), faults.length];
  };
  const twelve = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072];
  assert.deepEqual(await schedule({}), [twelve, 0]);
  assert.deepEqual(await schedule({ "site/outbound.ini": "temp_fail_intervals=1m, 5m*2, 1h*3" }), [[
    60,
    300,
    300,
    3600,
    3600,
    3600,
  ], 0]);
  assert.deepEqual(await schedule({ "site/outbound.ini": "temp_fail_intervals=10s, 1m*2" }), [[10, 60, 60], 0]);
  assert.deepEqual(await schedule({ "site/outbound.ini": "temp_fail_intervals=none" }), [[], 0]);
  for (const wrong of ["60 min", "60", "4s", "1m*x", "1m*2*3", "x"]) {
    assert.deepEqual(await schedule({ "site/outbound.ini": `temp_fail_intervals=${wrong}` }), [twelve, 1], wrong);
  }
  assert.deepEqual(await schedule({ "site/outbound.ini": "maxTempFailures=3" }), [[64, 128], 0]);
  assert.deepEqual(await schedule({ "site/outbound.maxTempFailures": "3" }), [[64, 128], 0]);
  assert.deepEqual(await schedule({ "site/outbound.temp_fail_intervals": "1d" }), [[86_400], 0]);
});

test("outbound's old files count where outbound.ini says nothing", async () => {
  const { core } = await load({
    "site/outbound.concurrency_max": "5",
    "site/outbound.disabled": "1",
    "site/outbound.enable_tls": "0",
    "site/outbound.received_header": "disabled",
    "site/outbound.ini": "concurrency_max=6",
  });
  const { concurrencyMax, disabled, enableTls, receivedHeader } = core.outbound.value;
  assert.deepEqual([concurrencyMax, disabled, enableTls, receivedHeader], [6, true, false, undefined]);
});

test("tls: [outbound] inherits what it does not say; keys and certificates come in pairs", async () => {
  const { core } = await load({
    "site/tls.ini":
      "key[]=a\nkey[]=b\ncert[]=c\ncert[]=d\nminVersion=TLSv1.3\nciphers=X\n[no_tls_hosts]\n10.0.0.0/8\n[outbound]\nciphers=Y\n[mutual_auth_hosts]\na.example\nb.example=cn\n",
  });
  const { inbound, outbound, noTlsHosts, mutualAuthHosts } = core.tls.value;
  assert.deepEqual([inbound.key, inbound.cert, inbound.ciphers], [["a", "b"], ["c", "d"], "X"]);
  assert.deepEqual([outbound.key, outbound.minVersion, outbound.ciphers], [["a", "b"], "TLSv1.3", "Y"]);
  assert.deepEqual([noTlsHosts, mutualAuthHosts], [["10.0.0.0/8"], { "a.example": "", "b.example": "cn" }]);
  await assert.rejects(load({ "site/tls.ini": "key[]=a\nkey[]=b\n" }), ConfigError);
});

test("[row 60] the log's level by name, number or Haraka's word; the file loglevel wins; an unknown one is WARN", async () => {
  const level = async (files: Files) => (await load(files)).core.logging.value.level;
  for (const text of ["debug", "7", "LOGDEBUG", "Debug"]) {
    assert.equal(await level({ "site/log.ini": `level=${text}` }), "DEBUG");
  }
  assert.equal(await level({ "site/log.ini": "level=debug", "site/loglevel": "error" }), "ERROR");
  const { core, faults } = await load({ "site/log.ini": "level=loud" });
  assert.deepEqual([core.logging.value.level, faults.length], ["WARN", 1]);
});

test("plugins: the list, the limit of all, the limit of one", async () => {
  const { core } = await load({
    "site/plugins": "# c\nrelay\nqueue/test\n",
    "site/plugin_timeout": "10",
    "site/queue/test.timeout": "1.5",
    "site/relay.timeout": "0",
  });
  assert.deepEqual(core.plugins.value.names, ["relay", "queue/test"]);
  assert.equal(core.plugins.value.timeoutMs, 10_000);
  assert.deepEqual([...core.plugins.value.timeoutMsOf], [["relay", 0], ["queue/test", 1500]]);
});

test("a group follows its files, and keeps the last good values", async () => {
  const { core, config, write, log } = await load({ "site/connection.ini": "[max]\nbytes=1" });
  const told: number[] = [];
  core.connection.onChange(({ limits }) => told.push(limits.dataBytes));
  write("site/connection.ini", "[max]\nbytes=2");
  config.reload();
  write("site/connection.ini", "[max]\nbytes=x");
  config.reload();
  write("site/tls.ini", "key[]=a\nkey[]=b\n");
  config.reload();
  assert.deepEqual([told, core.connection.value.limits.dataBytes, core.tls.value.inbound.key], [[2], 2, [
    "tls_key.pem",
  ]]);
  assert.equal(log.of("config_fault").length, 2);
  core.close();
  write("site/connection.ini", "[max]\nbytes=3");
  config.reload();
  assert.deepEqual(told, [2]);
});

test("extensions and the limits beside them are set in connection.ini, warnings of delays in outbound.ini", async () => {
  const { core } = await load();
  const { extensions, limits } = core.connection.value;
  assert.deepEqual(extensions, {
    dsn: true,
    requireTls: true,
    binaryMime: true,
    priority: true,
    deliverBy: true,
    deliverByMin: 0,
    futureRelease: 0,
    limits: true,
  });
  assert.deepEqual([limits.messages, limits.recipientDomains], [0, 0]);
  core.close();
  const names = ["dsn", "requiretls", "binarymime", "mt_priority", "deliverby", "limits"];
  const set = await load({
    "site/connection.ini": `[max]\nmessages=7\nrecipient_domains=8\n[extensions]\n${
      names.map((name) => `${name}=false\n`).join("")
    }deliverby_min=60\nfuturerelease=3600`,
    "site/outbound.ini": "delay_warning=60\ndelay_warning_for=all\nfull_report_size=5",
  });
  const { value } = set.core.connection;
  assert.deepEqual(Object.values(value.extensions), [false, false, false, false, false, 60, 3600, false]);
  assert.deepEqual([value.limits.messages, value.limits.recipientDomains], [7, 8]);
  const { delayWarningMs, delayWarningFor, fullReportBytes } = set.core.outbound.value;
  assert.deepEqual([delayWarningMs, delayWarningFor, fullReportBytes], [60_000, "all", 5]);
  set.core.close();
});
