/**
 * All that CI runs: `deno task test`. Sets the machine up, then each stage in turn, both doors' system tests side by side; ends with one line
 * `N passed, N failed, N skipped`.
 *
 * `deno task test unit house` runs only the named stages. Exit code 1 when anything failed.
 */
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ROOT, type SetUp, setUp } from "./setup.ts";
import { gatherUnits } from "./units.ts";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}
interface Stage {
  readonly name: string;
  readonly command: (env: SetUp) => readonly string[] | undefined;
  /** `tests`: the command's own counts are taken; `step`: it counts as one. */
  readonly counts: "tests" | "step";
  /** Runs along with the stage before it; its output is shown when it has ended. */
  readonly alongside?: boolean;
}
interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

const DENO = Deno.execPath();
const units = gatherUnits();
process.on("exit", () => units.remove());
const systemTests = () =>
  readdirSync(ROOT + "tests/system").filter((name) => name.endsWith("_test.ts")).map((name) => `tests/system/${name}`);

const STAGES: readonly Stage[] = [
  { name: "fmt", counts: "step", command: () => [DENO, "fmt", "--check", "--quiet"] },
  { name: "lint", counts: "step", command: () => [DENO, "lint", "--quiet"] },
  { name: "check", counts: "step", command: () => [DENO, "check", "--quiet", "mod.ts", "src", "plugins", "tests"] },
  {
    name: "unit",
    counts: "tests",
    command: () => [
      ...[
        DENO,
        "test",
        "--config",
        "deno.json",
        "-A",
        "--deny-net",
        "--deny-run",
        "--no-check",
        "--quiet",
        "--parallel",
      ],
      ...units.modules,
    ],
  },
  { name: "types", counts: "tests", command: () => [DENO, "test", "-A", "--deny-net", "--quiet", "tests/types"] },
  {
    name: "house",
    counts: "tests",
    command: () => [DENO, "test", "-A", "--deny-net", "--no-check", "--quiet", "tests/house"],
  },
  { name: "docs", counts: "tests", command: () => [DENO, "test", "-A", "--no-check", "--quiet", "tests/docs"] },
  { name: "system", counts: "tests", command: () => [DENO, "test", "-A", "--no-check", "--quiet", ...systemTests()] },
  {
    name: "node",
    counts: "tests",
    // System tests wait for others most of the time.
    alongside: true,
    command: ({ node, nodePackages }) =>
      nodePackages && node !== undefined
        ? [
          node,
          "--import",
          "./src/host/node/door.mjs",
          "--test",
          "--test-concurrency=1",
          "--test-reporter=spec",
          ...systemTests(),
        ]
        : undefined,
  },
  {
    name: "fuzz",
    counts: "step",
    command: () => [DENO, "run", "-A", "tests/fuzz/run.ts", "--target", "all", "--runs", "20000", "--seed", "1"],
  },
  { name: "coverage:spec", counts: "step", command: () => [DENO, "run", "-A", "tests/coverage_spec.ts"] },
];

/** Runs a command; what it prints goes to `told` as it comes. */
function run(command: readonly string[], env: SetUp, told: (bytes: Uint8Array) => void): Promise<Outcome> {
  const began = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        NO_COLOR: "1",
        KASI_NODE: env.node ?? "",
        KASI_DENO: DENO,
        // Node compiles each module once rather than once for each server that a test starts.
        NODE_COMPILE_CACHE: join(ROOT, "data/node-cache"),
      },
    });
    const chunks: Uint8Array[] = [];
    const end = (code: number, more = "") => {
      const output = Buffer.concat(chunks).toString() + more;
      resolve({ code, output, seconds: (performance.now() - began) / 1000 });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Uint8Array) => {
        chunks.push(bytes);
        told(bytes);
      });
    }
    child.on("close", (code) => end(code ?? 1));
    child.on("error", (cause) => end(1, cause.message));
  });
}

/** Reads the closing line of `deno test` (`ok | 5 passed | 0 failed | 1 ignored`) or of Node's runner (`ℹ pass 5`), whatever follows it. */
function countsOf(output: string): Tally | undefined {
  const deno = [...output.matchAll(/^\S+ \| (\d+) passed[^|\n]*\| (\d+) failed[^|\n]*(?:\| (\d+) ignored)?/gm)].at(-1);
  if (deno !== undefined) {
    return { passed: Number(deno[1]), failed: Number(deno[2]), skipped: Number(deno[3] ?? 0) };
  }
  const node = (word: string) => Number([...output.matchAll(new RegExp(`^\\S+ ${word} (\\d+)$`, "gm"))].at(-1)?.[1]);
  const tally = { passed: node("pass"), failed: node("fail") + (node("cancelled") || 0), skipped: node("skipped") };
  return Number.isNaN(tally.passed) ? undefined : tally;
}

/** A stage, and those that run alongside it. */
function groups(stages: readonly Stage[]): Stage[][] {
  const found: Stage[][] = [];
  for (const stage of stages) {
    if (stage.alongside === true && found.length > 0) found.at(-1)!.push(stage);
    else found.push([stage]);
  }
  return found;
}

function tallyOf({ counts }: Stage, { code, output }: Outcome): Tally {
  const counted = counts === "tests" ? countsOf(output) : undefined;
  const tally = counted ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

export async function runStages(wanted: readonly string[]): Promise<boolean> {
  const env = setUp();
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const group of groups(STAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name)))) {
    const running = group.map((stage, i) => {
      const command = stage.command(env);
      if (command === undefined) return undefined;
      if (i > 0) return run(command, env, () => {});
      console.log(`\n── ${stage.name} ──`);
      return run(command, env, (bytes) => process.stdout.write(bytes));
    });
    for (const [i, stage] of group.entries()) {
      const outcome = await running[i];
      if (outcome === undefined) {
        total.skipped++;
        lines.push(`${stage.name.padEnd(14)} skipped: not to be had on this machine`);
        continue;
      }
      if (i > 0) process.stdout.write(`\n── ${stage.name} ──\n${outcome.output}`);
      const { passed, failed, skipped } = tallyOf(stage, outcome);
      total.passed += passed;
      total.failed += failed;
      total.skipped += skipped;
      const seconds = outcome.seconds.toFixed(1);
      lines.push(`${stage.name.padEnd(14)} ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
    }
  }
  console.log(
    `\n── result ──\n${lines.join("\n")}\n\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
  );
  return total.failed === 0;
}

if (import.meta.main) process.exit(await runStages(Deno.args) ? 0 : 1);
