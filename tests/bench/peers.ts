/**
 * Kasi, Haraka, Postfix and a bare relay side by side: `deno task bench:peers [--quick] [--rounds 3] [--messages 2000] [--connections 20,100]
 * [--sizes 5000,100000,1000000] [--fanout 100] [--tasks discard,relay,sizes,fanout] [--only NAME,NAME]`.
 *
 * Installs Haraka (npm, newest) and Postfix (Debian) where they are missing, then drives each in turn (A B C A B C …) by Postfix's
 * `smtp-source`: (i) accept and discard, (ii) accept, keep durably, deliver to `smtp-sink`. Prints for each case messages/s until the last message
 * was acknowledged (i) or was at the sink (ii), CPU seconds per 1000 messages, peak memory, ratios, and the share of what the two ends can do alone.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT, setUp, which } from "../setup.ts";
import { type Case, casesOf } from "./peers/cases.ts";
import { drive, type Load, sink } from "./peers/load.ts";
import { cpuSeconds, freePort, memoryMiB, untilGreets } from "./peers/processes.ts";
import { CEILING, type Figures, printGoals, printTable } from "./peers/report.ts";
import { floor, haraka, kasi, postfix, type Server } from "./peers/servers.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    messages: { type: "string" },
    connections: { type: "string" },
    sizes: { type: "string", default: "5000,100000,1000000" },
    fanout: { type: "string", default: "100" },
    only: { type: "string" },
    tasks: { type: "string" },
  },
});
/** A minute or two, to see that all is well: no figures to be quoted. */
const QUICK = { rounds: "1", messages: "600", connections: "20", tasks: "relay,sizes,fanout" };
const FULL = { rounds: "3", messages: "2000", connections: "20,100", tasks: "discard,relay,sizes,fanout" };
const chosen = { ...(options.quick ? QUICK : FULL), ...options };
const rounds = Number(chosen.rounds);
const numbers = (list: string) => list.split(",").map(Number);
const WARM_UP = 500;

async function measure(server: Server, one: Case, base: string): Promise<Figures> {
  const dir = mkdtempSync(join(base, `${server.name.replace(/\W+/g, "-")}-`));
  const [port, sinkPort] = [await freePort(), await freePort()];
  const target = one.task === "relay" ? sink(sinkPort, one.domains > 1) : undefined;
  const running = server.start({ dir, port, sinkPort, task: one.task, domains: one.domains });
  let memory = 0;
  const watch = setInterval(() => memory = Math.max(memory, memoryMiB(running.pid)), 250);
  try {
    await untilGreets(port);
    const messages = server.slow ? one.fewer : one.messages;
    const warm = Math.min(WARM_UP, messages);
    const load = (count: number): Load => ({ ...one, port, messages: count });
    await drive(load(warm));
    await target?.until(warm * one.domains);
    const [cpu, began] = [cpuSeconds(running.pid), performance.now()];
    await drive(load(messages));
    await target?.until((warm + messages) * one.domains);
    const seconds = (performance.now() - began) / 1000;
    memory = Math.max(memory, memoryMiB(running.pid));
    const done = messages * one.domains;
    return { rate: done / seconds, cpu: (cpuSeconds(running.pid) - cpu) / done * 1000, memory };
  } finally {
    clearInterval(watch);
    await running.stop();
    await target?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** smtp-source straight into smtp-sink. */
async function straight(one: Case): Promise<Figures> {
  const port = await freePort();
  const target = sink(port);
  try {
    await untilGreets(port);
    const [began, messages] = [performance.now(), one.messages * 2];
    await drive({ ...one, port, messages });
    return { rate: messages / ((performance.now() - began) / 1000), cpu: 0, memory: 0 };
  } finally {
    await target.stop();
  }
}

function servers(node: string | undefined): Server[] {
  const deno = Deno.execPath();
  const home = join(ROOT, "data/bench/haraka");
  const ours = [deno, "run", "-A", "--no-check"];
  const all = [
    kasi("Kasi", ours),
    kasi("Kasi × 2", ours, 2),
    ...(node ? [kasi("Kasi on Node", [node, "--import", join(ROOT, "src/host/node/door.mjs")])] : []),
    ...(node ? [haraka(node, home)] : []),
    ...(which("postfix") ? [postfix()] : []),
    floor(deno),
  ];
  const only = options.only?.split(",");
  const wanted = only === undefined ? all : all.filter(({ name }) => only.includes(name));
  if (wanted.some(({ name }) => name === "Haraka") && !existsSync(join(home, "node_modules/Haraka"))) {
    mkdirSync(home, { recursive: true });
    console.log("installing Haraka from npm");
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--silent", "--prefix", home, "Haraka@latest"], {
      stdio: "inherit",
    });
  }
  return wanted;
}

const { node } = setUp();
const base = join(ROOT, "data/bench/run");
mkdirSync(base, { recursive: true });
const machine = `${cpus()[0]?.model.trim()} × ${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
console.log(`${machine}; ${rounds} rounds in turn, medians`);
const rivals = servers(node);
const cases = casesOf({
  tasks: chosen.tasks.split(","),
  connections: numbers(chosen.connections),
  sizes: numbers(chosen.sizes),
  fanOut: Number(chosen.fanout),
  messages: Number(chosen.messages),
});
for (const one of cases) {
  const able = rivals.filter(({ fansOut }) => fansOut || one.domains === 1);
  const results = new Map<string, Figures[]>(able.map(({ name }) => [name, []]));
  const hasCeiling = one.task === "relay" && one.domains === 1;
  if (hasCeiling) results.set(CEILING, []);
  for (let round = 0; round < rounds; round++) {
    for (const server of able) {
      try {
        results.get(server.name)!.push(await measure(server, one, base));
      } catch (fault) {
        console.log(`  ${server.name}: ${fault instanceof Error ? fault.message : fault}`);
      }
    }
    if (hasCeiling) results.get(CEILING)!.push(await straight(one));
  }
  printTable(one, results);
  printGoals(one, results);
}
