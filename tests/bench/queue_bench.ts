/**
 * The queue on the real disk: accepts a second beside a bare loop of append and fdatasync, and a start with many queued items.
 *
 *   deno run -A tests/bench/queue_bench.ts [DIR] [ITEMS]
 */
import process from "node:process";
import { systemClock } from "../../src/base/clock.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import type { Host } from "../../src/host/types.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { Queue } from "../../src/queue/queue.ts";
import { QUEUE_DEFAULTS } from "../../src/queue/types.ts";
import { memoryLog } from "../kit/memory_log.ts";

const deno = (globalThis as unknown as { Deno: Host & { readonly args: string[] } }).Deno;
const root = `${deno.args[0] ?? "/tmp"}/kasi-queue-bench-${deno.pid}`;
const items = Number(deno.args[1] ?? 100_000);
const SECONDS = 2;
const LEVELS = [1, 20, 100];

const quiet = memoryLog("EMERG").log;
const settings = { value: { me: "bench.example", ...QUEUE_DEFAULTS, disabled: true }, onChange: () => () => {} };
const hooks = { has: () => false, run: () => ({ verdict: undefined, by: undefined }) };
const sender = parseAddress("sender@here.example")!;
const recipient = { address: parseAddress("user@there.example")!, parameters: new Map() };
const text = utf8Encode(
  "Received: from a by b\r\nMessage-Id: <1@x>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nSubject: bench\r\n\r\n" +
    "The quick brown fox jumps over the lazy dog.\r\n".repeat(106),
);

function open(dir: string, memoryBudget?: number): Promise<Queue> {
  const value = memoryBudget === undefined ? settings.value : { ...settings.value, memoryBudget };
  return Queue.open({ host: deno, clock: systemClock, dir, log: quiet, hooks, settings: { ...settings, value } });
}

let serial = 0;
function acceptOne(queue: Queue): Promise<void> {
  const id = `5E4A3F7C-2B1D-4C6E-9F80-${String(serial++).padStart(12, "0")}.1`;
  const envelope = { id, sender, recipients: [recipient], notes: {}, smtpUtf8: false };
  return queue.accept(envelope, createMessage(memorySource(text))).then(() => {});
}

/** `width` loops at once for a while; how often they went round in a second, and the CPU microseconds of one round. */
async function rate(
  width: number,
  once: () => Promise<void>,
): Promise<{ readonly perSecond: number; readonly cpu: number }> {
  let count = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  const until = began + SECONDS * 1000;
  await Promise.all(Array.from({ length: width }, async () => {
    for (; performance.now() < until; count++) await once();
  }));
  const used = process.cpuUsage(cpu);
  return { perSecond: count / (performance.now() - began) * 1000, cpu: (used.user + used.system) / count };
}

/** The floor: join what waits, write it, sync it. No frames, no checksums, no queue. */
function bareLog(path: string): { append(): Promise<void>; close(): void } {
  const file = deno.openSync(path, { create: true, write: true, truncate: true });
  let waiting: (() => void)[] = [];
  let flushing = false;
  const flush = async () => {
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const all = new Uint8Array(batch.length * text.length);
      for (let i = 0; i < batch.length; i++) all.set(text, i * text.length);
      for (let done = 0; done < all.length;) done += file.writeSync(all.subarray(done));
      await file.syncData();
      for (const resolve of batch) resolve();
    }
    flushing = false;
  };
  const append = () =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (!flushing) void flush();
    });
  return { append, close: () => file.close() };
}

deno.mkdirSync(root, { recursive: true });
try {
  console.log(`message of ${text.length} octets, ${SECONDS} s a run, on ${root}`);
  console.log("width   bare/s  (us CPU)   queue/s  (us CPU)   ratio");
  for (const width of LEVELS) {
    // In turn and twice: the disk's mood changes.
    const bare: { perSecond: number; cpu: number }[] = [];
    const ours: typeof bare = [];
    for (let round = 0; round < 2; round++) {
      const log = bareLog(`${root}/bare.log`);
      bare.push(await rate(width, log.append));
      log.close();
      const queue = await open(`${root}/q${width}-${round}`);
      ours.push(await rate(width, () => acceptOne(queue)));
      await queue.stop(0);
      deno.removeSync(`${root}/q${width}-${round}`, { recursive: true });
    }
    const mean = (of: typeof bare, key: "perSecond" | "cpu") => of.reduce((sum, one) => sum + one[key], 0) / of.length;
    const [b, q] = [mean(bare, "perSecond"), mean(ours, "perSecond")];
    const show = (n: number) => n.toFixed(0).padStart(8);
    console.log(
      `${String(width).padStart(5)} ${show(b)} ${show(mean(bare, "cpu"))}   ${show(q)} ${show(mean(ours, "cpu"))}     ${
        (q / b * 100).toFixed(0).padStart(4)
      } %`,
    );
  }
  const dir = `${root}/many`;
  const filled = await open(dir, 0);
  for (let done = 0; done < items; done += 1000) {
    await Promise.all(Array.from({ length: Math.min(1000, items - done) }, () => acceptOne(filled)));
  }
  await filled.stop(0);
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  const before = deno.memoryUsage();
  const began = performance.now();
  const again = await open(dir);
  const ms = performance.now() - began;
  collect?.();
  const after = deno.memoryUsage();
  console.log(
    `start with ${items} items: ${ms.toFixed(0)} ms, ${(ms / items * 1000).toFixed(1)} us and ${
      ((after.heapUsed - before.heapUsed) / items).toFixed(0)
    } octets of heap an item, RSS ${(after.rss / 1e6).toFixed(0)} MB${
      collect ? "" : " (run with --v8-flags=--expose-gc for true heap)"
    }`,
  );
  await again.stop(0);
} finally {
  deno.removeSync(root, { recursive: true });
}
