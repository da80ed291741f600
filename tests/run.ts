/**
 * All that CI runs: `deno task test`. Sets the machine up, then each stage in turn; ends with one line `N passed, N failed, N skipped`.
 *
 * `deno task test unit house` runs only the named stages. Exit code 1 when anything failed.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import process from "node:process";
import { ROOT, type SetUp, setUp } from "./setup.ts";

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
}

const DENO = Deno.execPath();
/** Those with a stage of their own, and folders without tests. */
const NO_UNITS = ["bench", "data", "docs", "fuzz", "house", "system", "types"];
/** Every other folder, and what lies beside them: a new one is not forgotten. */
const unitTests = () =>
  readdirSync(ROOT + "tests", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() ? !NO_UNITS.includes(entry.name) : entry.name.endsWith("_test.ts"))
    .map(({ name }) => `tests/${name}`).sort();
const systemTests = () =>
  readdirSync(ROOT + "tests/system").filter((name) => name.endsWith("_test.ts")).map((name) => `tests/system/${name}`);

const STAGES: readonly Stage[] = [
  { name: "fmt", counts: "step", command: () => [DENO, "fmt", "--check", "--quiet"] },
  { name: "lint", counts: "step", command: () => [DENO, "lint", "--quiet"] },
  { name: "check", counts: "step", command: () => [DENO, "check", "--quiet", "mod.ts", "src", "plugins", "tests"] },
  {
    name: "unit",
    counts: "tests",
    command: () => [DENO, "test", "-A", "--deny-net", "--deny-run", "--no-check", "--quiet", ...unitTests()],
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

/** Runs a command, showing what it prints; resolves to its output and exit code. */
function show(command: readonly string[], env: SetUp): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", KASI_NODE: env.node ?? "", KASI_DENO: DENO },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Uint8Array) => {
        output += new TextDecoder().decode(bytes);
        process.stdout.write(bytes);
      });
    }
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
    child.on("error", (cause) => resolve({ code: 1, output: `${output}${cause.message}` }));
  });
}

/** Reads the closing line of `deno test` (`ok | 5 passed | 0 failed | 1 ignored`) or of Node's runner (`ℹ pass 5`). */
export function countsOf(output: string): Tally | undefined {
  const deno = /\| (\d+) passed[^|]*\| (\d+) failed[^|\n]*(?:\| (\d+) ignored)?/.exec(output.slice(-2000));
  if (deno) return { passed: Number(deno[1]), failed: Number(deno[2]), skipped: Number(deno[3] ?? 0) };
  const node = (word: string) =>
    Number(new RegExp(`^\\S+ ${word} (\\d+)$`, "m").exec(output.slice(-2000))?.[1] ?? Number.NaN);
  const tally = { passed: node("pass"), failed: node("fail") + (node("cancelled") || 0), skipped: node("skipped") };
  return Number.isNaN(tally.passed) ? undefined : tally;
}

export async function runStages(wanted: readonly string[]): Promise<boolean> {
  const env = setUp();
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const stage of STAGES) {
    if (wanted.length > 0 && !wanted.includes(stage.name)) continue;
    const command = stage.command(env);
    if (command === undefined) {
      total.skipped++;
      lines.push(`${stage.name.padEnd(14)} skipped: not to be had on this machine`);
      continue;
    }
    console.log(`\n── ${stage.name} ──`);
    const started = performance.now();
    const { code, output } = await show(command, env);
    const counts = stage.counts === "tests" ? countsOf(output) : undefined;
    const tally = counts ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    if (code !== 0 && tally.failed === 0) tally.failed = 1;
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    lines.push(
      `${
        stage.name.padEnd(14)
      } ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped (${seconds} s)`,
    );
  }
  console.log(
    `\n── result ──\n${lines.join("\n")}\n\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
  );
  return total.failed === 0;
}

if (import.meta.main) process.exit(await runStages(Deno.args) ? 0 : 1);
