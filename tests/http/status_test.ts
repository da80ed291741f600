import assert from "node:assert/strict";
import { createApp } from "../../src/http/app.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { addStatus, type Snapshot } from "../../src/http/status.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const NOW: Snapshot = {
  uptimeSeconds: 61,
  sessions: 2,
  queue: { inProgress: 1, queued: 3, tempFail: 5, held: 7, oldestSeconds: 90 },
  sites: { well: 1, slow: 0, resting: 2, probing: 0, suspended: 0 },
  delivery: { connections: 4, idle: 2, waiting: 0, opened: 9, reused: 11 },
  memory: { rss: 1000, heapUsed: 500 },
  webSockets: 6,
};

function ask(path: string): Promise<Response> {
  const metrics = createMetrics();
  metrics.count("bounced", { file: "f", domain: "d", rcpts: "r", err: "e" });
  const app = createApp({ host: memoryMachine().host, log: memoryLog().log, docroot: "/none" });
  addStatus(app.face, { version: "1.2.3", metrics, snapshot: () => NOW });
  return Promise.resolve(app.handle(new Request(`http://x${path}`), {
    ip: "",
    upgrade() {
      throw new TypeError();
    },
  }));
}

test("/status is the state of the moment as JSON, never cached", async () => {
  const response = await ask("/status");
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const { counts, ...rest } = await response.json();
  assert.deepEqual(rest, { version: "1.2.3", ...NOW });
  assert.equal(counts.bounced, 1);
});

test("/metrics has a line for each counter and each gauge", async () => {
  const text = await (await ask("/metrics")).text();
  for (const line of ["kasi_bounced_total 1", "kasi_queue_waiting 5", "kasi_queue_held 7", "kasi_uptime_seconds 61"]) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
  for (const line of text.trimEnd().split("\n")) {
    assert.match(line, /^(# (HELP|TYPE) kasi_\w+ .+|kasi_\w+(\{.*\})? \d+(\.\d+)?)$/);
  }
});

test("the queue's depth by state and the age of its oldest item are gauges [wishes 29]", async () => {
  const text = await (await ask("/metrics")).text();
  const gauges = Object.fromEntries(
    text.matchAll(/^kasi_queue_(?!damages)(\w+) (\d+)$/gm).map(([, name, value]) => [name, Number(value)]),
  );
  assert.deepEqual(gauges, { in_progress: 1, ready: 3, waiting: 5, held: 7, oldest_seconds: 90 });
});

test("/health says ok", async () => {
  const response = await ask("/health");
  assert.deepEqual([response.status, await response.text()], [200, "ok\n"]);
});
