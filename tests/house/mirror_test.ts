/** The mirror: every file of a room has its test, `src/wire/path.ts` ↔ `tests/wire/path_test.ts`; exceptions are listed with a reason. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "../kit/test.ts";
import { readSource, ROOT, sourceFiles } from "./source_files.ts";

/** Files without a test of their own, and what tests them instead. */
export const EXCUSED: { readonly [file: string]: string } = {
  "src/archive/fault.ts": "tests/archive/search_test.ts",
  "src/archive/member.ts": "tests/archive/zip_test.ts",
  "src/archive/seven_zip_header.ts": "tests/archive/seven_zip_test.ts",
  "src/host/key_choice.ts": "tests/host/client_hello_test.ts",
  "src/host/der.ts": "tests/system/tls_rows_test.ts",
  "src/host/ocsp.ts": "tests/system/tls_rows_test.ts",
  "src/host/dh_parameters.ts": "tests/system/tls_rows_test.ts",
  "src/host/tls_limits.ts": "tests/system/tls_rows_test.ts",
  "src/server/staples.ts": "tests/system/tls_rows_test.ts",
  "src/server/tls_manners.ts": "tests/system/tls_rows_test.ts",
  "src/server/tls_unheeded.ts": "tests/system/tls_rows_test.ts",
  "src/server/tls_watch.ts": "tests/system/tls_rows_test.ts",
  "src/server/client_identities.ts": "tests/system/tls_rows_test.ts",
  "src/server/tls_files.ts": "tests/server/tls_store_test.ts",
  "src/server/own_certificate.ts": "tests/server/tls_store_test.ts",
  "src/host/commonjs.ts": "tests/hooks/haraka/adapter_test.ts",
  "src/hooks/haraka/body.ts": "tests/hooks/haraka/adapter_test.ts",
  "src/hooks/haraka/connection.ts": "tests/hooks/haraka/call_test.ts",
  "src/hooks/haraka/constants.ts": "a table; tests/hooks/haraka/adapter_test.ts",
  "src/hooks/haraka/dsn.ts": "a table; tests/hooks/haraka/verdict_test.ts",
  "src/hooks/haraka/header.ts": "tests/hooks/haraka/adapter_test.ts",
  "src/hooks/haraka/hmail.ts": "tests/hooks/haraka/call_test.ts",
  "src/hooks/haraka/is_commonjs.ts": "tests/hooks/haraka/modules_test.ts",
  "src/hooks/haraka/log.ts": "tests/hooks/haraka/call_test.ts",
  "src/hooks/haraka/net_utils.ts": "tests/hooks/haraka/modules_test.ts",
  "src/hooks/haraka/outbound.ts": "tests/hooks/haraka/modules_test.ts",
  "src/hooks/haraka/plugin.ts": "tests/hooks/haraka/adapter_test.ts",
  "src/hooks/haraka/stores.ts": "tests/hooks/haraka/call_test.ts",
  "src/hooks/haraka/transaction.ts": "tests/hooks/haraka/adapter_test.ts",
  "src/hooks/haraka/utils.ts": "tests/hooks/haraka/modules_test.ts",
  "src/host/duplex.ts": "tests/system/tls_test.ts",
  "src/host/secure_conn.ts": "tests/system/tls_test.ts",
  "src/host/socket_streams.ts": "tests/system/tls_test.ts",
  "src/host/tls_server.ts": "tests/system/tls_test.ts",
  "src/host/tls_client.ts": "tests/system/tls_test.ts",
  "src/host/dns_transport.ts": "tests/system/dns_test.ts",
  "src/host/resolver.ts": "tests/system/dns_test.ts",
  "src/host/dial.ts": "every system test goes through it",
  "src/host/udp.ts": "tests/system/plugins_syslog_test.ts",
  "src/host/local_log.ts": "tests/system/plugins_syslog_test.ts",
  "src/host/run.ts": "tests/system/plugins_qmail_test.ts",
  "src/host/threads.ts": "tests/system/workers_test.ts",
  "src/server/workers/main.ts": "tests/system/workers_test.ts",
  "src/host/machine.ts": "every system test goes through it",
  "src/host/http_client.ts": "tests/system/control_test.ts",
  "src/host/privileges.ts": "tests/system/process_test.ts",
  "src/host/detach.ts": "tests/system/process_test.ts",
  "src/cli/daemon.ts": "tests/system/process_test.ts",
  "src/host/http_server.ts": "tests/system/http_test.ts",
  "src/host/node/http_server.ts": "tests/system/http_test.ts",
  "src/host/node/conn.ts": "every system test under the Node door",
  "src/host/node/connect.ts": "every system test under the Node door",
  "src/host/node/listener.ts": "every system test under the Node door",
  "src/host/node/host.ts": "every system test under the Node door",
  "src/host/node/errors.ts": "every system test under the Node door",
  "src/host/node/watch.ts": "every system test under the Node door",
  "src/version.ts": "tests/house/version_test.ts",
  "src/config/files/smtp_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/connection_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/outbound_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/outbound_sites_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/tls_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/plugins_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/log_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/http_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/results_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/net_utils_ini.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/files/core_files.ts": "a declaration; tests/house/settings_test.ts",
  "src/config/core_groups.ts": "tests/config/core_settings_test.ts",
  "src/config/old_settings.ts": "tests/config/core_settings_test.ts",
  "src/config/layers.ts": "tests/config/config_test.ts",
  "src/config/formats.ts": "tests/config/config_test.ts",
  "src/config/overrides.ts": "tests/config/config_test.ts",
  "src/host/redis.ts": "tests/system/redis_test.ts",
  "src/server/common.ts": "tests/system/redis_test.ts",
  "src/session/auth_exchange.ts": "tests/session/auth_test.ts",
  "src/session/auth_passwords.ts": "tests/session/auth_test.ts",
  "src/config/shape.ts": "a declaration; tests/config/apply_shape_test.ts",
  "src/config/read_setting.ts": "tests/config/apply_shape_test.ts",
};

/** A file of nothing but types has nothing to run. */
function onlyTypes(source: string): boolean {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
  return !/\b(function|class|const|let)\b/.test(code);
}

test("every source file has its mirror test", () => {
  const missing: string[] = [];
  for (const file of sourceFiles("src")) {
    if (file.startsWith("src/std/") || file in EXCUSED || !file.endsWith(".ts")) continue;
    if (onlyTypes(readSource(file))) continue;
    const mirror = file.replace(/^src\//, "tests/").replace(/\.ts$/, "_test.ts");
    if (!existsSync(ROOT + mirror)) missing.push(file);
  }
  assert.deepEqual(missing, []);
});

test("nobody is excused who has a test or no longer exists", () => {
  const stale = Object.keys(EXCUSED).filter((file) => {
    const mirror = file.replace(/^src\//, "tests/").replace(/\.ts$/, "_test.ts");
    return !existsSync(ROOT + file) || existsSync(ROOT + mirror);
  });
  assert.deepEqual(stale, []);
});
