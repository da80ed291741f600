/**
 * How long single mail takes beside a sender with 100 000 mails in line for 10 000 destinations, and beside dead hosts: the lanes as they are, in
 * simulated time (a delivery takes 25 to 75 ms, a dead host 30 s), so that the machine's mood does not count. Ends with 1 when any takes over 10 % longer.
 *
 *   deno run -A tests/bench/fairness_bench.ts
 */
import process from "node:process";
import type { Clock } from "../../src/base/clock.ts";
import { Heap } from "../../src/base/heap.ts";
import { NO_SITES } from "../../src/hooks/site.ts";
import { Lanes, type Lease } from "../../src/queue/lanes.ts";
import type { Queueing } from "../../src/queue/sites/strands.ts";
import { SiteBook } from "../../src/queue/sites/site_book.ts";
import { seeded } from "../kit/crash_disk.ts";
import { memoryLog } from "../kit/memory_log.ts";

const SLOTS = 100;
/** Least and most. */
const SERVICE_MS = [25, 75] as const;
const DEAD_MS = 30_000;
const BULK = 100_000;
const DESTINATIONS = 10_000;
const SINGLE = 4_000;
const EVERY_MS = 5;

interface Mail extends Queueing {
  readonly at: number;
  readonly single: boolean;
}
interface Burden {
  readonly bulk?: boolean;
  readonly dead?: number;
  /** All mail is one sender's: as it would be without turns. */
  readonly noTurns?: boolean;
}

/** Milliseconds from acceptance to delivery, of each single mail. */
function run({ bulk = false, dead = 0, noTurns = false }: Burden): number[] {
  let now = 0;
  const events = new Heap<{ readonly at: number; readonly run: () => void }>((a, b) => a.at < b.at);
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after(ms, run) {
      const entry = events.push({ at: now + ms, run });
      let live = true;
      return {
        cancel() {
          if (live) events.remove(entry);
          live = false;
        },
      };
    },
  };
  const took: number[] = [];
  const random = seeded(1);
  const go = (mail: Mail, lease: Lease) => {
    const isDead = mail.domain.startsWith("dead");
    events.push({
      at: now + (isDead ? DEAD_MS : SERVICE_MS[0] + (SERVICE_MS[1] - SERVICE_MS[0]) * random()),
      run() {
        if (mail.single) took.push(now - mail.at);
        lease.heard(isDead ? { kind: "unreachable", reason: "time out" } : { kind: "reached", replies: [] });
        lease.release();
      },
    });
  };
  const lanes = new Lanes<Mail>({
    clock,
    limits: () => ({ concurrencyMax: SLOTS }),
    book: new SiteBook({ clock, log: memoryLog("EMERG").log }),
    siteOf: ({ domain }) => NO_SITES.siteOf(domain),
    go,
    gone: () => false,
  });
  const add = (domain: string, sender: number, single: boolean) =>
    lanes.add({ domain, flow: noTurns ? 2 : sender, single, at: now });
  lanes.open = true;
  if (bulk) { for (let n = 0; n < BULK; n++) add(`d${n % DESTINATIONS}.example`, 7, false); }
  for (let n = 0; n < dead * 1000; n++) add(`dead${n % dead}.example`, 10 + n, false);
  for (let n = 0; n < SINGLE; n++) {
    // After a while, when all is under way.
    const arrive = () => add(`d${(n * 7) % DESTINATIONS}.example`, 1000 + n, true);
    events.push({ at: 5_000 + n * EVERY_MS, run: arrive });
  }
  while (took.length < SINGLE) {
    const next = events.pop()!;
    now = next.at;
    next.run();
  }
  return took.sort((a, b) => a - b);
}

const mean = (took: readonly number[]) => took.reduce((sum, each) => sum + each, 0) / took.length;
const show = (ms: number) => `${ms.toFixed(1)} ms`.padStart(12);

const quiet = run({});
console.log(`${SINGLE} single mails, one each ${EVERY_MS} ms, ${SLOTS} slots; from acceptance to delivery:`);
console.log(`${"".padEnd(52)}        mean         p50         p99         most   to quiet`);
let worst = 0;
const rows: readonly (readonly [string, Burden, boolean])[] = [
  ["nothing else", {}, true],
  [`a sender with ${BULK} mails for ${DESTINATIONS} destinations`, { bulk: true }, true],
  ["one dead host with 1000 mails", { dead: 1 }, true],
  ["twenty dead hosts with 1000 mails each", { dead: 20 }, true],
  ["the sender, and one dead host", { bulk: true, dead: 1 }, true],
  ["the sender, were there no turns", { bulk: true, noTurns: true }, false],
];
for (const [name, burden, counts] of rows) {
  const took = run(burden);
  const ratio = mean(took) / mean(quiet);
  if (counts) worst = Math.max(worst, ratio);
  const at = (part: number) => show(took[Math.min(took.length - 1, Math.floor(took.length * part))]!);
  console.log(`${name.padEnd(52)}${show(mean(took))}${at(0.5)}${at(0.99)} ${at(1)}   ${ratio.toFixed(3)}`);
}
if (worst > 1.1) process.exitCode = 1;
console.log(worst > 1.1 ? "over 10 % longer" : `at most ${((worst - 1) * 100).toFixed(1)} % longer`);
