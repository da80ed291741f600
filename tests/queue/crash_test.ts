/**
 * The machine dies at the writes and syncs of a mixed workload, and what it forgot is drawn by lot: a short stretch of `sim:crash`.
 * `KASI_LONG=1` takes more of it.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../kit/test.ts";
import { runCampaign } from "./crash_campaign.ts";
import { tellStory } from "./crash_story.ts";

const LONG = process.env.KASI_LONG === "1";

test(
  `nothing acknowledged is lost, and nothing done twice, whenever the machine dies`,
  { timeoutMs: 600_000 },
  async () => {
    const seed = Number(process.env.KASI_SEED ?? 1);
    const { broken, crashes, laws } = await runCampaign({ messages: LONG ? 100_000 : 2500, seed, print: () => {} });
    assert.deepEqual(broken, []);
    assert.ok(crashes > 100 && laws > 10_000, `${crashes} crashes, ${laws} laws`);
  },
);

test("a seed and a step tell the same story every time", async () => {
  const tell = async () => {
    const lines: string[] = [];
    await tellStory(11, 60, (line) => void lines.push(line));
    return lines;
  };
  const first = await tell();
  assert.ok(first.length > 100);
  assert.deepEqual(await tell(), first);
});
