/**
 * `deno task compile`: one executable, `./kasi`, with the shipped configuration, documentation and plugins inside.
 *
 * Deno fetches the base of the executable from its own site. Where that can't be reached, and neither DENORT_BIN nor Deno's cache has it, this says so and
 * ends with code 0 after printing `0 passed, 0 failed, 1 skipped`: nothing is wrong with Kasi then.
 */
import { ROOT } from "./setup.ts";

const args = [
  "compile",
  "-A",
  "--no-check",
  "--include",
  "config",
  "--include",
  "docs",
  "--include",
  "plugins",
  "--include",
  "src/server/workers/main.ts",
  "--output",
  "kasi",
  "mod.ts",
];
const { code, stderr } = await new Deno.Command(Deno.execPath(), {
  args,
  cwd: ROOT,
  stdout: "inherit",
  stderr: "piped",
}).output();
const text = new TextDecoder().decode(stderr);
if (code === 0) {
  const run = await new Deno.Command(`${ROOT}kasi`, { args: ["-v"] }).output();
  const printed = new TextDecoder().decode(run.stdout);
  console.log(`${printed}made ./kasi\n${/Version: \d/.test(printed) ? "1 passed, 0 failed" : "0 passed, 1 failed"}`);
  Deno.exit(/Version: \d/.test(printed) ? 0 : 1);
}
if (/denort|dl\.deno\.land/.test(text)) {
  console.log("Cannot compile here: the base of the executable (denort) can't be fetched on this network.");
  console.log("Set DENORT_BIN to a denort of the same version, or run this where Deno's downloads can be reached.");
  console.log("0 passed, 0 failed, 1 skipped");
  Deno.exit(0);
}
console.error(text);
console.log("0 passed, 1 failed");
Deno.exit(1);
