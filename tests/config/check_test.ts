import assert from "node:assert/strict";
import { describeFault } from "../../src/base/config_error.ts";
import { checkSite } from "../../src/config/check.ts";
import { fileShape } from "../../src/config/shape.ts";
import { test } from "../kit/test.ts";
import { site } from "./kit.ts";

const PLUGIN = fileShape({
  file: "relay.ini",
  about: ".",
  shape: { relay: { acl: { type: "boolean", default: true, about: "." } } },
});
const PART = fileShape({
  file: "tls.ini",
  about: ".",
  shape: { main: { own: { type: "text", default: "", about: "." } } },
});

test("every fault of every known file is told, and names that are nearly known", async () => {
  const { config } = site({
    "site/smtp.ini": "lisen=25\nnodes=0\nwhat is this\n",
    "site/outbound.ini": "concurrency_max=0\nenable_tls=perhaps\n",
    "site/relay.ini": "[relay]\nacl=dunno\n",
    "site/tls.ini": "own=1\nciphers=x\n",
    "site/conection.ini": "",
    "site/my_own_plugin.ini": "",
    "site/tls/any.pem": "",
  }, { watch: false });
  assert.deepEqual((await checkSite(config, [PLUGIN, PART])).map(describeFault), [
    '/site/smtp.ini:1: [main] lisen: wanted: a setting of this section (did you mean "listen"?)',
    '/site/smtp.ini:3: current value is "what is this"; wanted: [section], key = value, or a comment',
    '/site/outbound.ini:1: [main] concurrency_max: current value is "0"; wanted: an integer, 1 or more',
    '/site/outbound.ini:2: [main] enable_tls: current value is "perhaps"; wanted: true or false',
    '/site/relay.ini:2: [relay] acl: current value is "dunno"; wanted: true or false',
    '/site/conection.ini: wanted: a file that something reads (did you mean "connection.ini"?)',
  ]);
});

test("what only shows in use is told too", async () => {
  const { config, log } = site({ "site/smtp.ini": "listen=a_b\n", "site/outbound.ini": "temp_fail_intervals=soon\n" }, {
    watch: false,
  });
  assert.deepEqual((await checkSite(config, [])).map(({ file, line, current }) => [file, line, current]), [
    ["/site/smtp.ini", 1, "a_b"],
    ["/site/outbound.ini", 1, "soon"],
  ]);
  assert.equal(log.of("config_fault").length, 0);
});

test("a site without a fault has none, whatever a plugin knows of the core's files", async () => {
  const files = { "site/tls.ini": "own=1\nciphers=x\n" };
  assert.deepEqual(await checkSite(site(files, { watch: false }).config, [PART]), []);
  const { config, faults } = site(files, { watch: false });
  assert.equal((await config.ini(PART)).value.main.own, "1");
  assert.deepEqual(faults, []);
});
