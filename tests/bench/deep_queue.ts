/**
 * What a deep queue costs: `deno task bench:deep [--messages 1000000] [--rounds 5] [--fresh 20000] [--dir data/bench/deep] [--only memory,flow,sockets,sites] [--keep]`.
 *
 * Writes a journal of so many deferred messages (`deep/fill.ts`), or takes the one that lies there, then prints start, memory for a message,
 * throughput of fresh mail beside an empty queue in turn, in process, there also while the journal is compacted, and over sockets (`smtp-source`,
 * `smtp-sink`), and how long listing, flushing and holding take; last, what one dead destination of 10 000 costs the others.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { thisMachine } from "../../src/host/machine.ts";
import { ROOT } from "../setup.ts";
import { deadDestination } from "./deep/destinations.ts";
import { domainName, fillJournal } from "./deep/fill.ts";
import { overSockets } from "./deep/sockets.ts";

const { values: options } = parseArgs({
  options: {
    messages: { type: "string", default: "1000000" },
    domains: { type: "string", default: "10000" },
    rounds: { type: "string", default: "5" },
    fresh: { type: "string", default: "20000" },
    dir: { type: "string", default: join(ROOT, "data/bench/deep") },
    only: { type: "string", default: "memory,flow,sockets,sites" },
    keep: { type: "boolean", default: false },
  },
});
const [messages, rounds, fresh] = [options.messages, options.rounds, options.fresh].map(Number) as [
  number,
  number,
  number,
];
const wanted = new Set(options.only.split(","));
const { host } = await thisMachine();

export interface Cost {
  readonly ms: number;
  readonly cpu: number;
  readonly longestBlock: number;
  readonly answer: unknown;
}

type Resident = Awaited<ReturnType<typeof resident>>;

/** A queue in a process of its own. */
async function resident(dir: string) {
  const child = spawn(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    "--v8-flags=--expose-gc",
    join(ROOT, "tests/bench/deep/resident.ts"),
    dir,
  ], { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("The queue's process ended");
    return JSON.parse(value);
  };
  return {
    opened: await next(),
    ask(...command: unknown[]) {
      child.stdin!.write(`${JSON.stringify(command)}\n`);
      return next();
    },
    async stop() {
      const gone = new Promise((resolve) => child.once("close", resolve));
      child.stdin!.write(`["stop"]\n`);
      await gone;
    },
  };
}

function journal(dir: string): void {
  const about = join(options.dir, "about.json");
  const key = JSON.stringify({ messages, domains: options.domains });
  if (existsSync(about) && readFileSync(about, "utf8").startsWith(key)) {
    return console.log(`journal as it lies in ${dir}`);
  }
  rmSync(options.dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const began = performance.now();
  // Due in hours from now; a journal that is kept for longer needs to be made anew.
  const filled = fillJournal(host, dir, { messages, domains: Number(options.domains), now: Date.now() });
  console.log(
    `journal of ${messages} messages, ${filled.items} items, ${filled.recipients} recipients: ${filled.segments} segments, ` +
      `${(filled.bytes / 1e6).toFixed(0)} MB, written in ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
  writeFileSync(about, key);
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const load = () => `load ${loadavg()[0]!.toFixed(1)}`;
const show = (name: string, { ms, cpu, longestBlock, answer }: Cost) =>
  console.log(
    `${name.padEnd(34)} ${ms.toFixed(0).padStart(7)} ms ${cpu.toFixed(0).padStart(7)} ms CPU, longest block ` +
      `${longestBlock.toFixed(0).padStart(5)} ms: ${JSON.stringify(answer)}`,
  );

const deepDir = join(options.dir, "site/queue");
const emptyDir = join(options.dir, "none/queue");
if (["memory", "flow", "sockets"].some((part) => wanted.has(part))) {
  journal(deepDir);
  mkdirSync(emptyDir, { recursive: true });
}
if (wanted.has("memory") || wanted.has("flow")) await inProcess();
if (wanted.has("sockets")) {
  await overSockets({
    site: join(options.dir, "site"),
    none: join(options.dir, "none"),
    rounds,
    messages: Math.min(fresh, 4000),
    domain: domainName(5000),
  });
}
if (wanted.has("sites")) await deadDestination();
if (!options.keep) rmSync(options.dir, { recursive: true, force: true });

/** Number of the oldest segment. */
function oldest(dir: string): number {
  return Math.min(...readdirSync(dir).filter((name) => name.endsWith(".log")).map((name) => parseInt(name)));
}

/** Fresh mail beside an empty queue in turn. */
async function freshMail(name: string, deep: Resident, empty: Resident): Promise<void> {
  for (const width of [20, 100]) {
    const began = oldest(deepDir);
    const found: { [of in "deep" | "empty"]: { rate: number; cpu: number }[] } = { deep: [], empty: [] };
    const turn = [["deep", deep], ["empty", empty]] as const;
    // Turned round each time: whoever goes first has the cooler caches. The first is for warmth.
    for (let round = 0; round <= rounds; round++) {
      for (const [of, queue] of round % 2 === 0 ? turn : turn.toReversed()) {
        const result = await queue.ask("run", fresh, width);
        if (round > 0) found[of].push(result);
      }
    }
    const [d, e] = [found.deep, found.empty].map((all) => ({
      rate: median(all.map(({ rate }) => rate)),
      cpu: median(all.map(({ cpu }) => cpu)),
    })) as [{ rate: number; cpu: number }, { rate: number; cpu: number }];
    console.log(
      `${name}, ${width} at once: deep ${d.rate.toFixed(0)}/s (${d.cpu.toFixed(0)} µs CPU), empty ` +
        `${e.rate.toFixed(0)}/s (${e.cpu.toFixed(0)} µs CPU): ${(d.rate / e.rate * 100).toFixed(0)} %, ` +
        `by CPU ${(e.cpu / d.cpu * 100).toFixed(0)} %; ${oldest(deepDir) - began} segments cleared (${load()})`,
    );
  }
}

async function inProcess(): Promise<void> {
  const deep = await resident(deepDir);
  const { ms, cpu, longestBlock, before, after, peak } = deep.opened;
  const each = (key: "rss" | "heap" | "external") => ((after[key] - before[key]) / messages).toFixed(0);
  console.log(
    `start: ${(ms / 1000).toFixed(1)} s, ${(cpu / 1000).toFixed(1)} s CPU, longest block ${
      longestBlock.toFixed(0)
    } ms (${load()})\n` +
      `memory for a message: ${each("rss")} octets resident, ${each("heap")} of heap, ${each("external")} beside it; ` +
      `at the end of the start ${(peak / 1e6).toFixed(0)} MB resident, then ${(after.rss / 1e6).toFixed(0)} MB`,
  );
  if (wanted.has("flow")) {
    const empty = await resident(emptyDir);
    await freshMail("fresh mail", deep, empty);
    // Until the living of the oldest segment are copied forward: then fresh mail brings on more of it.
    const first = oldest(deepDir);
    while (oldest(deepDir) === first) await deep.ask("burden", 64e6);
    await freshMail("while it is compacted", deep, empty);
    await empty.stop();
  }
  show("list of a domain", await deep.ask("list", domainName(5000)));
  show("list of the largest domain", await deep.ask("list", domainName(0)));
  show("list of the first 100", await deep.ask("listAll"));
  show("stats", await deep.ask("stats"));
  show("hold of a domain", await deep.ask("hold", domainName(5001)));
  show("release of all that is held", await deep.ask("release"));
  show("list of a domain, from the disk", await deep.ask("disk", domainName(5000)));
  show("flush of a domain", await deep.ask("flush", domainName(5002)));
  const end = await deep.ask("memory");
  console.log(`at the end ${(end.rss / 1e6).toFixed(0)} MB resident, ${(end.heap / 1e6).toFixed(0)} MB of heap`);
  await deep.stop();
}
