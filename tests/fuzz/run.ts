/**
 * The fuzz runner: `deno run -A tests/fuzz/run.ts --target NAME|all [--runs N] [--seed S]`.
 *
 * Replays the corpus of a target (`corpus/<name>/`) and its seeds, then runs N mutations of them. Prints throughput; at a failure the
 * seed, the run and the input, which is kept in the corpus, and ends with code 1. The same seed gives the same run.
 */
import { latin1Encode } from "../../src/base/bytes.ts";
import { createRandom, mutate } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

const TARGETS = new URL("./targets/", import.meta.url);
const CORPUS = new URL("./corpus/", import.meta.url);
/** No input is long enough to need this. */
const HANG_MS = 2000;

interface Settings {
  readonly target: string;
  readonly runs: number;
  readonly seed: number;
}

async function main(args: readonly string[]): Promise<number> {
  const settings = readArguments(args);
  const known = [...Deno.readDirSync(TARGETS)].filter((entry) => entry.name.endsWith(".ts")).map((entry) =>
    entry.name.slice(0, -3)
  ).sort();
  const names = settings?.target === "all" ? known : known.filter((name) => name === settings?.target);
  if (settings === undefined || names.length === 0) {
    console.error(`Usage: run.ts --target all|${known.join("|")} [--runs N] [--seed S]`);
    return 2;
  }
  let failed = 0;
  for (const name of names) {
    const { default: target } = await import(new URL(`${name}.ts`, TARGETS).href) as { default: FuzzTarget };
    if (!await fuzz(name, target, settings)) failed++;
  }
  return failed === 0 ? 0 : 1;
}

async function fuzz(name: string, target: FuzzTarget, { runs, seed }: Settings): Promise<boolean> {
  const corpus = [...readCorpus(name), ...target.seeds.map(latin1Encode)];
  const words = target.words.map(latin1Encode);
  const begin = performance.now();
  let octets = 0;
  for (let run = -corpus.length; run < runs; run++) {
    // Each run has a seed of its own, so that one failure can be had again without those before it.
    const random = createRandom(seed + run * 7919);
    const input = run < 0 ? corpus[run + corpus.length]! : mutate(random.pick(corpus), random, words, corpus);
    octets += input.length;
    try {
      const started = performance.now();
      await limited(target.check(new Uint8Array(input), random));
      if (performance.now() - started > HANG_MS) throw new Error(`The check took longer than ${HANG_MS} ms`);
    } catch (error) {
      const file = keep(name, input);
      console.error(`${name}: FAILED with --seed ${seed} at run ${run}; input kept as ${file}`);
      console.error(JSON.stringify(String.fromCharCode(...input)));
      console.error(error);
      return false;
    }
  }
  const seconds = (performance.now() - begin) / 1000;
  const total = corpus.length + runs;
  console.log(
    `${name}: ${total} inputs (${corpus.length} from the corpus), ${Math.round(total / seconds)}/s, ${
      (octets / seconds / 1e6).toFixed(2)
    } MB/s, seed ${seed}: ok`,
  );
  return true;
}

/** Cuts an asynchronous hang short; a synchronous one is told once it is over. */
async function limited(check: void | Promise<void>): Promise<void> {
  if (!(check instanceof Promise)) return;
  let id: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    id = setTimeout(() => reject(new Error(`The check hung for ${HANG_MS} ms`)), HANG_MS);
  });
  try {
    await Promise.race([check, late]);
  } finally {
    clearTimeout(id);
  }
}

function* readCorpus(name: string): Generator<Uint8Array> {
  const directory = new URL(`${name}/`, CORPUS);
  let files: string[];
  try {
    files = [...Deno.readDirSync(directory)].filter((entry) => entry.isFile).map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const file of files) yield Deno.readFileSync(new URL(file, directory));
}

/** Files are named after their content, so that one failure is kept once. */
function keep(name: string, input: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const octet of input) hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  const directory = new URL(`${name}/`, CORPUS);
  const file = new URL(`failed-${hash.toString(16).padStart(8, "0")}`, directory);
  Deno.mkdirSync(directory, { recursive: true });
  Deno.writeFileSync(file, input);
  return file.pathname;
}

function readArguments(args: readonly string[]): Settings | undefined {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i += 2) {
    if (!["--target", "--runs", "--seed"].includes(args[i]!) || args[i + 1] === undefined) return undefined;
    given.set(args[i]!, args[i + 1]!);
  }
  const runs = Number(given.get("--runs") ?? 10_000);
  const seed = Number(given.get("--seed") ?? 1);
  if (!Number.isInteger(runs) || runs < 0 || !Number.isInteger(seed)) return undefined;
  return { target: given.get("--target") ?? "all", runs, seed };
}

if (import.meta.main) Deno.exit(await main(Deno.args));
