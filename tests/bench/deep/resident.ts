/**
 * A queue in a process of its own, for `deep_queue.ts`: opens DIR, says what that took, then does what it is told, a JSON line for each.
 *
 *   deno run -A --v8-flags=--expose-gc tests/bench/deep/resident.ts DIR
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { systemClock } from "../../../src/base/clock.ts";
import { utf8Encode } from "../../../src/base/bytes.ts";
import { thisMachine } from "../../../src/host/machine.ts";
import { createMessage } from "../../../src/mail/message.ts";
import { parseAddress } from "../../../src/mail/address.ts";
import { memorySource } from "../../../src/mail/source.ts";
import type { Courier } from "../../../src/queue/courier.ts";
import { readQueue } from "../../../src/queue/list.ts";
import { Queue } from "../../../src/queue/queue.ts";
import { QUEUE_DEFAULTS } from "../../../src/queue/types.ts";
import { memoryLog } from "../../kit/memory_log.ts";

const dir = process.argv[2]!;
const { host } = await thisMachine();
const { log } = memoryLog("EMERG");
const settings = { value: { me: "bench.example", ...QUEUE_DEFAULTS }, onChange: () => () => {} };
const hooks = { has: () => false, run: () => ({ verdict: undefined, by: undefined }) };
const sender = parseAddress("sender@here.example")!;
const recipients = Array.from({ length: 100 }, (_, n) => ({
  address: parseAddress(`user@fresh${n}.example`)!,
  parameters: new Map(),
}));
const textOf = (lines: number) =>
  utf8Encode(
    "Message-Id: <1@x>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nSubject: bench\r\n\r\n" +
      "The quick brown fox jumps over the lazy dog.\r\n".repeat(lines),
  );
const text = textOf(106);
const large = textOf(10_000);

const say = (value: unknown) => console.log(JSON.stringify(value));
const cpuMs = (since?: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

interface Memory {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
}

/** After what is garbage has gone. Twice, and a breath between: typed arrays go late. */
async function memory(): Promise<Memory> {
  const gc = (globalThis as { gc?: () => void }).gc;
  for (let n = 0; n < 3; n++) {
    gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external };
}

let serial = 0;
let waiting = 0;
let done = () => {};
const sink: Courier = {
  deliver(item) {
    if (--waiting === 0) queueMicrotask(() => done());
    const reply = { code: 250, text: "taken" } as const;
    return Promise.resolve({
      outcomes: item.recipients.map((recipient) => ({ kind: "delivered" as const, recipient, reply })),
    });
  },
} as Courier;

const before = await memory();
const [began, cpu] = [performance.now(), process.cpuUsage()];
let longest = 0;
let beat = performance.now();
const pulse = setInterval(() => {
  longest = Math.max(longest, performance.now() - beat);
  beat = performance.now();
}, 2);
const queue = await Queue.open({ host, clock: systemClock, dir, log, hooks, settings });
const ms = performance.now() - began;
await new Promise((resolve) => setTimeout(resolve, 5));
const startCpu = cpuMs(cpu);
const startBlock = longest;
const peak = process.memoryUsage().rss;
queue.start(sink);
const after = await memory();
say({ ms, cpu: startCpu, longestBlock: startBlock, before, after, peak });

async function run(count: number, width: number, octets = text) {
  waiting = count;
  const delivered = new Promise<void>((resolve) => done = resolve);
  let left = count;
  const [from, used] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: width }, async () => {
    while (left-- > 0) {
      const recipient = recipients[serial % recipients.length]!;
      const id = `F${(serial++).toString(16).padStart(8, "0")}-2B1D-4C6E-9F80-000000000000.1`;
      await queue.accept(
        { id, sender, recipients: [recipient], notes: {}, smtpUtf8: false },
        createMessage(memorySource(octets)),
      );
    }
  }));
  await delivered;
  const seconds = (performance.now() - from) / 1000;
  return { rate: count / seconds, cpu: cpuMs(used) * 1000 / count };
}

/** How long it takes, and the longest time that nothing else could happen meanwhile. */
async function timed(act: () => unknown): Promise<{ ms: number; cpu: number; longestBlock: number; answer: unknown }> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  [longest, beat] = [0, performance.now()];
  const [from, used] = [performance.now(), process.cpuUsage()];
  const answer = await act();
  const took = performance.now() - from;
  const cpu = cpuMs(used);
  await new Promise((resolve) => setTimeout(resolve, 10));
  return { ms: took, cpu, longestBlock: longest, answer };
}

const COMMANDS: { readonly [name: string]: (...args: never[]) => Promise<unknown> } = {
  run: (count: number, width: number) => run(count, width),
  /** Leaves about so many dead octets behind. */
  burden: (octets: number) => run(Math.ceil(octets / large.length), 4, large),
  list: (domain: string) => timed(() => queue.list({ domain }).length),
  listAll: () => timed(() => queue.list({ limit: 100 }).length),
  stats: () => timed(() => String(queue.stats())),
  flush: (domain: string) => timed(() => (waiting = Infinity, queue.flush(domain))),
  hold: (domain: string) =>
    timed(async () => {
      const ids = queue.list({ domain }).map(({ id }) => id);
      return (await Promise.all(ids.map((id) => queue.hold(id)))).length;
    }),
  release: () =>
    timed(async () => {
      const ids = queue.list({ state: "held" }).map(({ id }) => id);
      return (await Promise.all(ids.map((id) => queue.release(id)))).length;
    }),
  memory,
  disk: (domain: string) => timed(() => readQueue(host, dir, { domain }).length),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line) as [string, ...never[]];
  if (name === "stop") break;
  say(await COMMANDS[name]!(...args));
}
clearInterval(pulse);
await queue.stop(1000);
process.exit(0);
