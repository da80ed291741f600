/**
 * Many stories of crashes: for each seed the same mixed work, once for each step of its disk that the machine may die at.
 *
 *     deno task sim:crash --messages 1000000 --seed 1     until so many messages were submitted
 *     deno task sim:crash --seed 7 --at 123               one story again, with all that happens in it
 *
 * Prints how far it is; for each broken law the command that repeats it. Exit code 1 when there was one.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { tellStory } from "./crash_story.ts";

/** Broken laws after which it gives up: they will be the same bug. */
const MOST_BROKEN = 20;
const REPORT_MS = 15_000;

export interface CampaignOptions {
  readonly messages: number;
  /** The first seed. */
  readonly seed: number;
  readonly print: (line: string) => void;
}

export interface CampaignResult {
  messages: number;
  stories: number;
  crashes: number;
  laws: number;
  /** Recipients told of as late. */
  late: number;
  seeds: number;
  /** What was broken, with the command that repeats it. */
  readonly broken: string[];
}

export async function runCampaign({ messages, seed: first, print }: CampaignOptions): Promise<CampaignResult> {
  const result: CampaignResult = { messages: 0, stories: 0, crashes: 0, laws: 0, late: 0, seeds: 0, broken: [] };
  const began = performance.now();
  let said = began;
  const tell = async (seed: number, at: number): Promise<number> => {
    try {
      const told = await tellStory(seed, at);
      result.stories++;
      result.messages += told.messages;
      result.crashes += told.crashes;
      result.laws += told.laws;
      result.late += told.late;
      return told.steps;
    } catch (error) {
      const fault = `deno task sim:crash --seed ${seed} --at ${at}: ${error instanceof Error ? error.message : error}`;
      result.broken.push(fault);
      print(fault);
      return 0;
    }
  };
  const report = (seed: number) => {
    const { stories, crashes, laws, late, broken } = result;
    const perSecond = Math.round(result.messages / (performance.now() - began) * 1000);
    print(
      `seed ${seed}: ${result.messages} messages, ${stories} stories, ${crashes} crashes, ${laws} laws checked, ` +
        `${late} told of as late, ${broken.length} broken; ${perSecond} messages/s`,
    );
  };
  const isOver = () => result.messages >= messages || result.broken.length >= MOST_BROKEN;
  for (let seed = first; !isOver(); seed++) {
    const steps = await tell(seed, Infinity);
    for (let at = 1; at <= steps && !isOver(); at++) {
      await tell(seed, at);
      if (performance.now() - said < REPORT_MS) continue;
      said = performance.now();
      report(seed);
    }
    result.seeds++;
  }
  return result;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      messages: { type: "string", default: "20000" },
      seed: { type: "string", default: "1" },
      at: { type: "string" },
    },
  });
  const seed = Number(values.seed);
  if (values.at !== undefined) {
    const { messages, crashes, laws } = await tellStory(seed, Number(values.at), (line) => console.log(line));
    console.log(`${messages} messages, ${crashes} crashes, ${laws} laws checked, none broken`);
    return 0;
  }
  const r = await runCampaign({ messages: Number(values.messages), seed, print: (line) => console.log(line) });
  console.log(
    `${r.messages} messages, ${r.seeds} seeds from ${seed}, ${r.stories} stories, ${r.crashes} crashes, ${r.laws} laws checked, ` +
      `${r.late} told of as late, ${r.broken.length} broken`,
  );
  return r.broken.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(await main());
