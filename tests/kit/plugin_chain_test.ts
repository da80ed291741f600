/**
 * All shipped plugins over made-up mail: a hundred messages each time, a thousand with KASI_LONG=1. KASI_WRITE=1 runs the thousand and writes the tables into
 * docs/plugin-chain.md.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { SHIPPED } from "../../plugins/shipped.ts";
import { ROOT } from "../house/source_files.ts";
import { KINDS, mailbag } from "./mailbag.ts";
import { signedMail } from "./mailbag_signed.ts";
import { chainOrder, startChain } from "./plugin_chain.ts";
import { test } from "./test.ts";
import { type Judged, verdictTables } from "./verdict_table.ts";

const SEED = 9;
const ALL = 1000;
const FIRST = 100;
const writes = process.env.KASI_WRITE === "1";
const isLong = writes || process.env.KASI_LONG === "1";
const PAGE = `${ROOT}docs/plugin-chain.md`;
const VERDICTS = /(<!-- Verdicts: .*-->\n\n)([\s\S]*?)(?=\n\n<!-- End of verdicts -->)/;

test("the chain has every shipped plugin, each once", () => {
  assert.deepEqual(chainOrder().sort(), Object.keys(SHIPPED).sort());
});

test("the bag is the same for the same seed, and has mail of every kind", () => {
  const bag = mailbag(FIRST, SEED);
  assert.deepEqual(mailbag(FIRST / 4, SEED), bag.slice(0, FIRST / 4));
  assert.deepEqual([...new Set(bag.map(({ kind }) => kind))].sort(), [...KINDS].sort());
});

test(
  "no plugin faults, and every message has the verdict that docs/plugin-chain.md tells",
  { timeoutMs: 300_000 },
  async () => {
    const bag = mailbag(isLong ? ALL : FIRST, SEED);
    const { mails, zone } = await signedMail(bag, "ed25519");
    const chain = await startChain({ zone });
    const judged: Judged[] = [];
    for (const mail of mails) judged.push({ kind: mail.kind, verdict: await chain.send(mail) });
    await chain.stop();
    assert.deepEqual(chain.faults, []);
    assert.ok(judged.every(({ verdict }) => /^[245]\d\d/.test(verdict.reply)), "each ends with a verdict");
    const idle = [...chain.spent].filter(([, { calls }]) => calls === 0).map(([name]) => name);
    assert.deepEqual(idle, [], "each plugin that listens was asked");

    const page = readFileSync(PAGE, "utf8");
    if (writes) return writeFileSync(PAGE, page.replace(VERDICTS, (_, mark) => mark + verdictTables(judged, FIRST)));
    const told = VERDICTS.exec(page)![2]!;
    if (isLong) assert.equal(verdictTables(judged, FIRST), told);
    else assert.equal(firsts(verdictTables(judged, FIRST)), firsts(told));
  },
);

/** The tables without the column of all, and without the rows that the first have no part in. */
function firsts(tables: string): string {
  return tables.split("\n").map((line) => line.replace(/\| [^|]+ (\| [^|]+ \|)$/, "$1"))
    .filter((line) => !line.endsWith("| 0 |")).join("\n");
}
