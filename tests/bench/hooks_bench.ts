/**
 * What plugins that do nothing cost: `deno bench -A tests/bench/hooks_bench.ts`, or `deno run -A tests/bench/hooks_bench.ts` for the cost of one call.
 *
 * A transaction over the very session code (connect to QUIT, one message, in memory) with 0, 10 and 30 plugins. Each listens at the twelve hooks
 * that a typical filter listens at, and says nothing. The second form takes the rounds in turn and prints microseconds per transaction and
 * per hook call; wanted: below 1 µs a call.
 */
import process from "node:process";
import { latin1Encode } from "../../src/base/bytes.ts";
import type { HookRunner } from "../../src/hooks/hook_runner.ts";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { converse, relayRunner } from "./in_memory.ts";

const STEPS = [
  "MAIL FROM:<a@b.test>\r\n",
  "RCPT TO:<c@d.test>\r\n",
  "DATA\r\n",
  "From: a@b.test\r\nTo: c@d.test\r\nSubject: x\r\nDate: Sun, 22 Nov 2026 11:00:41 +0000\r\n" +
  "Message-Id: <1@b.test>\r\n\r\nhello\r\n.\r\n",
].map(latin1Encode);

let calls = 0;
const nothing = () => void calls++;
const FILTER: HookTable = {
  connect_init: nothing,
  lookup_rdns: nothing,
  connect: nothing,
  ehlo: nothing,
  capabilities: nothing,
  mail: nothing,
  rcpt: nothing,
  data: nothing,
  data_post: nothing,
  queue_outbound: nothing,
  reset_transaction: nothing,
  disconnect: nothing,
};

function runnerWith(plugins: number): HookRunner {
  const hooks = relayRunner();
  for (let i = 0; i < plugins; i++) hooks.add({ name: `filter_${i}` }, FILTER);
  return hooks;
}

const CROWDS = [0, 10, 30];
const RUNNERS = CROWDS.map(runnerWith);

CROWDS.forEach((plugins, i) => {
  Deno.bench(`a session with one message, ${plugins} plugins`, { group: "plugins", baseline: i === 0 }, async () => {
    await converse(STEPS, 1, false, RUNNERS[i]!);
  });
});

async function main(): Promise<void> {
  const sessions = Number(process.argv[2] ?? 2000);
  const best = CROWDS.map(() => Infinity);
  const called = CROWDS.map(() => 0);
  for (let round = 0; round < 7; round++) {
    for (const [i, hooks] of RUNNERS.entries()) {
      calls = 0;
      const before = performance.now();
      await converse(STEPS, sessions, false, hooks);
      best[i] = Math.min(best[i]!, (performance.now() - before) * 1000 / sessions);
      called[i] = calls / sessions;
    }
  }
  CROWDS.forEach((plugins, i) => {
    const each = called[i] === 0 ? "" : `, ${((best[i]! - best[0]!) / called[i]!).toFixed(3)} µs a call`;
    console.log(`${plugins} plugins: ${best[i]!.toFixed(1)} µs a session, ${called[i]} hook calls${each}`);
  });
}

if (import.meta.main) await main();
