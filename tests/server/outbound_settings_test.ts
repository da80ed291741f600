import assert from "node:assert/strict";
import { createConfig } from "../../src/config/config.ts";
import { loadCoreSettings } from "../../src/config/core_settings.ts";
import { deliverySettings, queueSettings } from "../../src/server/outbound_settings.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

async function siteWith(files: Readonly<Record<string, string>>) {
  const { host, clock } = memoryMachine();
  host.mkdirSync("/config", { recursive: true });
  for (const [name, text] of Object.entries({ "smtp.ini": "", me: "kasi.test\n", ...files })) {
    host.writeTextFileSync(`/config/${name}`, text);
  }
  const config = createConfig({ host, clock, dir: "/config", log: memoryLog().log, watch: false });
  return { host, config, core: await loadCoreSettings(config) };
}

test("queueSettings() takes schedule, concurrency and the site's report template", async () => {
  const { config, core } = await siteWith({
    "outbound.ini": "temp_fail_intervals=10s, 1m*2\nconcurrency_max=7\nreceived_header=disabled\n",
    "outbound.bounce_message": "Subject: sorry\n\n{reason}\n",
  });
  const { value } = await queueSettings(core, config, memoryLog().log);
  assert.deepEqual(value.intervals, [10_000, 60_000, 60_000]);
  assert.equal(value.concurrencyMax, 7);
  assert.equal(value.receivedHeader, "disabled");
  assert.equal(value.bounceTemplates.text, "Subject: sorry\n\n{reason}");
});

test("a site's templates are read again when they change; an image that is none is told of and left out", async () => {
  const machine = memoryMachine();
  const { host, clock } = machine;
  host.mkdirSync("/config", { recursive: true });
  const write = (name: string, text: string) => host.writeTextFileSync(`/config/outbound.${name}`, text);
  write("bounce_message_html", "<p>\n{reason}</p>\n");
  write("bounce_message_image", "Content-Type: image/png\n\nnot base64\n");
  const { log, text } = memoryLog();
  const config = createConfig({ host, clock, dir: "/config", log });
  const core = await loadCoreSettings(config);
  const settings = await queueSettings(core, config, log);
  assert.deepEqual(settings.value.bounceTemplates, { text: "", html: "<p>\n{reason}</p>", image: "" });
  assert.match(text(), /outbound\.bounce_message_image is left out of reports: .*not base64/);
  const image = "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nR0lG";
  write("bounce_message_image", `${image}\n`);
  write("bounce_message", "Subject: sorry\n\nnew\n");
  config.reload();
  assert.deepEqual(settings.value.bounceTemplates, {
    text: "Subject: sorry\n\nnew",
    html: "<p>\n{reason}</p>",
    image,
  });
  core.close();
  config.close();
});

test("deliverySettings() takes outbound.ini and the outbound part of tls.ini", async () => {
  const { host, config, core } = await siteWith({
    "outbound.ini": "enable_tls=false\ninet_prefer=v4\nlocal_mx_ok=true\n",
    "tls.ini": "[outbound]\nforce_tls_hosts[]=mx.example.com\nno_tls_hosts[]=192.0.2.0/24\n",
  });
  const settings = deliverySettings(core, config, host)();
  assert.equal(settings.helo, "kasi.test");
  assert.deepEqual([settings.enableTls, settings.inetPrefer, settings.localMxOk], [false, "v4", true]);
  assert.deepEqual(settings.forceTlsHosts, ["mx.example.com"]);
  assert.deepEqual(settings.noTlsHosts, ["192.0.2.0/24"]);
  assert.equal(settings.identityFor, undefined);
});
