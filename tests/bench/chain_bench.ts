/**
 * What each shipped plugin costs per message, and the whole chain with and without it: `deno run -A tests/bench/chain_bench.ts [messages] [rounds]`, with
 * `--write` into docs/plugin-chain.md, or `deno bench -A tests/bench/chain_bench.ts`.
 *
 * The mail and the server of `tests/kit/plugin_chain.ts`, DKIM keys of RSA-2048. Processor time of the process, not time by the clock, the least of the rounds: the mail is the
 * same in each. In the plugin's hooks: from call to answer, one message at a time, looking at the clock taken off; partners in memory are within it.
 * Without it: another server without that plugin, in turn with the whole one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { ROOT } from "../house/source_files.ts";
import { mailbag } from "../kit/mailbag.ts";
import { signedMail } from "../kit/mailbag_signed.ts";
import { type ChainOptions, chainOrder, type PluginChain, startChain } from "../kit/plugin_chain.ts";

const PAGE = `${ROOT}docs/plugin-chain.md`;
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
  calls: number;
  inHooks: number;
  without: number;
}

async function main(): Promise<void> {
  const [count = 200, rounds = 5] = process.argv.slice(2).filter((word) => /^\d+$/.test(word)).map(Number);
  const mail = await signed(count);
  const costs = new Map<string, Cost>();
  // Each plugin's own, once everything is loaded and warm.
  const measured = await start(mail, { measure: true });
  for (let round = 0; round <= rounds; round++) {
    for (const spent of measured.spent.values()) spent.calls = spent.cpu = 0;
    await run(measured, mail);
    for (const [name, { calls, cpu }] of measured.spent) {
      const before = costs.get(name) ?? { calls: 0, inHooks: Infinity, without: Infinity };
      costs.set(name, { ...before, calls: calls / count, inHooks: Math.min(before.inHooks, cpu / count) });
    }
  }
  await measured.stop();
  // The chain as a whole, and with one left out, in turn.
  const whole = await start(mail);
  let all = Infinity;
  for (const name of process.argv.includes("--no-without") ? [] : chainOrder().filter((name) => costs.has(name))) {
    const less = await start(mail, { without: [name] });
    for (let round = 0; round < rounds; round++) {
      all = Math.min(all, await run(whole, mail));
      const cost = costs.get(name)!;
      cost.without = Math.min(cost.without, await run(less, mail));
    }
    await less.stop();
  }
  await whole.stop();
  const table = tableOf(costs, all);
  console.log(table);
  if (process.argv.includes("--write")) {
    writeFileSync(PAGE, readFileSync(PAGE, "utf8").replace(COSTS, (_, mark) => mark + table));
  }
}

function tableOf(costs: ReadonlyMap<string, Cost>, all: number): string {
  const rows = [...costs].sort(([, a], [, b]) => b.inHooks - a.inHooks).map(([name, { calls, inHooks, without }]) =>
    `| ${name} | ${calls.toFixed(1)} | ${Math.max(0, inHooks).toFixed(inHooks < 10 ? 1 : 0)} | ${shown(without)} |`
  );
  const sum = [...costs.values()].reduce((total, { inHooks }) => total + Math.max(0, inHooks), 0);
  return [
    "| Plugin | Calls a message | µs in its hooks | µs of the chain without it |",
    "|---|---|---|---|",
    ...rows,
    `| all of them | | ${sum.toFixed(0)} | ${shown(all)} with all |`,
  ].join("\n");
}

const shown = (micros: number) => Number.isFinite(micros) ? micros.toFixed(0) : "-";

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
