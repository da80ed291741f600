/**
 * What each shipped plugin costs per message, and the whole chain with and without it: `deno run -A tests/bench/chain_bench.ts [messages] [rounds]`, with
 * `--write` into docs/plugin-chain.md, or `deno bench -A tests/bench/chain_bench.ts`.
 *
 * The mail and the server of `tests/kit/plugin_chain.ts`, DKIM keys of RSA-2048. Processor time of the process, not time by the clock, the least of the rounds: the mail is the
 * same in each. In the plugin's hooks: from call to answer, one message at a time, looking at the clock taken off; partners in memory are within it.
 * Without it: another server without that plugin, in turn with the whole one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { ROOT } from "../house/source_files.ts";
import { mailbag } from "../kit/mailbag.ts";
import { signedMail } from "../kit/mailbag_signed.ts";
import { type ChainOptions, chainOrder, type PluginChain, startChain } from "../kit/plugin_chain.ts";

const PAGE = `${ROOT}docs/plugin-chain.md`;
/** What has been found so far: take it away to begin anew. */
const KEPT = `${ROOT}data/bench/chain.json`;
const COSTS = /(<!-- Costs: .*-->\n\n)([\s\S]*?)(?=\n\n<!-- End of costs -->)/;

const signed = (count: number) => signedMail(mailbag(count, 9), "rsa");
type Mail = Awaited<ReturnType<typeof signed>>;

/** Microseconds of processor time per message. */
async function run(chain: PluginChain, { mails }: Mail): Promise<number> {
  const before = process.cpuUsage();
  for (const mail of mails) await chain.send(mail);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / mails.length;
}

const start = (mail: Mail, options: ChainOptions = {}) => startChain({ zone: mail.zone, level: "NOTICE", ...options });

interface Cost {
  readonly calls: number;
  readonly inHooks: number;
  /** The chain with it and without it, of the same turns. */
  readonly with?: number;
  readonly without?: number;
}
interface Found {
  readonly costs: { [plugin: string]: Cost };
}

/** `--least 60`: leave out one by one only those whose hooks take so many microseconds: what less makes is lost in the noise of a whole server. */
const least = (): number => Number(/--least (\d+)/.exec(process.argv.join(" "))?.[1] ?? 0);

/** `--part 2/4`: this part of the plugins only; what other parts found is kept in data/. For a machine that is not ours alone. */
function part(): (i: number) => boolean {
  const [, nth = "1", of = "1"] = /--part (\d+)\/(\d+)/.exec(process.argv.join(" ")) ?? [];
  return (i) => i % Number(of) === Number(nth) - 1;
}

async function main(): Promise<void> {
  const [count = 200, rounds = 5] = process.argv.slice(2, 4).filter((word) => /^\d+$/.test(word)).map(Number);
  const mail = await signed(count);
  const found: Found = existsSync(KEPT) ? JSON.parse(readFileSync(KEPT, "utf8")) : { costs: {} };
  // Each plugin's own, once everything is loaded and warm.
  const measured = await start(mail, { measure: true });
  await run(measured, mail);
  for (let round = 0; round < rounds; round++) {
    for (const spent of measured.spent.values()) spent.calls = spent.cpu = 0;
    await run(measured, mail);
    for (const [name, { calls, cpu }] of measured.spent) {
      const { inHooks = Number.MAX_VALUE, ...turns } = found.costs[name] ?? {};
      found.costs[name] = { ...turns, calls: calls / count, inHooks: Math.min(inHooks, cpu / count) };
    }
  }
  const names = chainOrder().filter((name) => (found.costs[name]?.inHooks ?? -1) >= least()).filter((_, i) =>
    part()(i)
  );
  await measured.stop();
  // The chain as a whole, and with one left out, in turn.
  const whole = await start(mail);
  for (const name of process.argv.includes("--no-without") ? [] : names) {
    const less = await start(mail, { without: [name] });
    const turns = { with: Number.MAX_VALUE, without: Number.MAX_VALUE };
    // The first of each only warms up.
    for (let round = 0; round <= rounds; round++) {
      const [all, rest] = [await run(whole, mail), await run(less, mail)];
      if (round === 0) continue;
      turns.with = Math.min(turns.with, all);
      turns.without = Math.min(turns.without, rest);
    }
    found.costs[name] = { ...found.costs[name]!, ...turns };
    await less.stop();
  }
  await whole.stop();
  const table = tableOf(found);
  console.log(table);
  mkdirSync(dirname(KEPT), { recursive: true });
  writeFileSync(KEPT, JSON.stringify(found));
  if (process.argv.includes("--write")) {
    writeFileSync(PAGE, readFileSync(PAGE, "utf8").replace(COSTS, (_, mark) => mark + table));
  }
}

function tableOf({ costs }: Found): string {
  const rows = Object.entries(costs).sort(([, a], [, b]) => b.inHooks - a.inHooks).map(([name, cost]) => {
    const own = Math.max(0, cost.inHooks);
    return `| ${name} | ${cost.calls.toFixed(1)} | ${own.toFixed(own < 10 ? 1 : 0)} | ${shown(cost.with)} | ${
      shown(cost.without)
    } |`;
  });
  const sum = Object.values(costs).reduce((total, { inHooks }) => total + Math.max(0, inHooks), 0);
  return [
    "| Plugin | Calls | µs in its hooks | µs of the chain with it | without it |",
    "|---|---|---|---|---|",
    ...rows,
    `| all of them | | ${sum.toFixed(0)} | | |`,
  ].join("\n");
}

const shown = (micros: number | undefined) => micros?.toFixed(0) ?? "";

if (import.meta.main) await main();
else {
  const mail = await signed(20);
  const whole = await start(mail);
  Deno.bench("20 messages, all plugins", { group: "chain", baseline: true }, async () => void await run(whole, mail));
  for (const name of ["access", "uribl", "attachment", "dmarc", "dkim", "headers"]) {
    const less = await start(mail, { without: [name] });
    Deno.bench(`20 messages, without ${name}`, { group: "chain" }, async () => void await run(less, mail));
  }
}
