import assert from "node:assert/strict";
import { createMetrics } from "../../src/http/metrics.ts";
import { test } from "../kit/test.ts";

test("events are counted under their labels and summed over them", () => {
  const metrics = createMetrics();
  const connect = { ip: "192.0.2.1", port: 1, local_ip: "192.0.2.2", local_port: 25 };
  metrics.count("connect", connect);
  metrics.count("connect", connect);
  for (const code of [250, 250, 550, 451]) {
    metrics.count("recipient", { address: "<a@example.com>", code, msg: "text", sender: "<b@example.com>" });
  }
  const text = metrics.text({});
  assert.match(text, /^# TYPE kasi_connections_total counter\nkasi_connections_total 2$/m);
  assert.match(
    text,
    /^kasi_recipients_total\{reply="2xx"\} 2\nkasi_recipients_total\{reply="5xx"\} 1\nkasi_recipients_total\{reply="4xx"\} 1$/m,
  );
  assert.equal(metrics.totals().recipients, 4);
  assert.equal(metrics.totals().connections, 2);
});

test("a counter without labels is there from the start, at zero", () => {
  assert.match(createMetrics().text({}), /^kasi_bounced_total 0$/m);
});

test("nobody's address or text can be read in them", () => {
  const metrics = createMetrics();
  metrics.count("sender", { address: "<me@secret.example>", code: 250, msg: "private" });
  metrics.count("connect", { ip: "203.0.113.99", port: 1, local_ip: "203.0.113.98", local_port: 25 });
  assert.doesNotMatch(metrics.text({}), /secret|private|203\.0/);
});

test("labels are escaped, and gauges stand behind the counters", () => {
  const metrics = createMetrics();
  metrics.count("plugin_fault", { plugin: 'a"b\\c\nd', hook: "rcpt", reason: "boom" });
  const text = metrics.text({ sessions: { help: "Open now.", value: 3 } });
  assert.ok(text.includes('kasi_plugin_faults_total{hook="rcpt",plugin="a\\"b\\\\c\\nd"} 1\n'), text);
  assert.ok(text.endsWith("# HELP kasi_sessions Open now.\n# TYPE kasi_sessions gauge\nkasi_sessions 3\n"));
});

test("events that no counter is for are passed over", () => {
  const metrics = createMetrics();
  metrics.count("config_reloaded", { file: "smtp.ini" });
  assert.ok(Object.values(metrics.totals()).every((total) => total === 0));
});
