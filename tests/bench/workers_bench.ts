/**
 * What a second worker brings to a chain of plugins that needs the processor: a plugin burns 3 ms a message, and one worker and two take turns at
 * the same load. Prints the rate of each round, and the ratio of the best ones.
 *
 *     deno task bench:workers [--rounds 3] [--messages 1200] [--burn 3]
 *
 * Clients take part of the processors too: with two of them the ratio stays below two.
 */
import { sendLoad } from "../kit/load.ts";
import { freePort } from "../kit/free_port.ts";
import { startKasi } from "../kit/site.ts";

const option = (name: string, otherwise: number) => {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(Deno.args[at + 1]);
};
const rounds = option("rounds", 3);
const messages = option("messages", 1200);
const burn = option("burn", 3);

const BURNER = `
  import { ok, type Plugin } from "kasi";
  export default {
    name: "burner",
    hooks: {
      rcpt: () => ok(),
      data_post() {
        for (const end = performance.now() + ${burn}; performance.now() < end;);
      },
      queue: () => ok(),
    },
  } satisfies Plugin;
`;

async function rate(nodes: number): Promise<number> {
  const port = await freePort();
  await using _ = await startKasi({
    files: {
      "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=${nodes}\n`,
      "config/plugins": "burner\n",
      "config/log.ini": "[main]\nlevel=notice\n",
      "plugins/burner.ts": BURNER,
    },
  });
  const load = (count: number) =>
    sendLoad({ port, connections: 16, messages: count, reuse: true, recipients: () => ["a@kasi.test"] });
  await load(200);
  const { ms, acknowledged } = await load(messages);
  if (acknowledged.size !== messages) throw new Error(`Only ${acknowledged.size} of ${messages} were taken`);
  return messages / ms * 1000;
}

const best = { 1: 0, 2: 0 };
for (let round = 1; round <= rounds; round++) {
  for (const nodes of [1, 2] as const) {
    const now = await rate(nodes);
    best[nodes] = Math.max(best[nodes], now);
    console.log(`round ${round}: ${nodes} worker${nodes === 1 ? " " : "s"} ${now.toFixed(0)} messages/s`);
  }
}
console.log(`two workers serve ${(best[2] / best[1]).toFixed(2)} times what one does`);
