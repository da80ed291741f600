import assert from "node:assert/strict";
import { EXIT_USAGE, runCommandLine } from "../../src/cli/main.ts";
import { VERSION } from "../../src/version.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const machine = memoryMachine();
  const code = await runCommandLine(args, machine);
  return { code, ...machine.printed };
}

test("-v prints name and version and ends with 0", async () => {
  assert.deepEqual(await run("-v"), { code: 0, stdout: `Kasi — Version: ${VERSION}\n`, stderr: "" });
});

test("-h prints the usage and ends with 0", async () => {
  const { code, stdout } = await run("-h");
  assert.equal(code, 0);
  assert.match(stdout, /^Usage:/);
});

test("an unknown option is named, and the usage printed; exit code 255", async () => {
  const { code, stdout, stderr } = await run("--frobnicate");
  assert.equal(code, EXIT_USAGE);
  assert.equal(stderr, "Unknown option --frobnicate\n");
  assert.match(stdout, /^Usage:/);
});

test("a missing site directory is one line on standard error, exit code 255", async () => {
  assert.deepEqual(await run("-c", "/nowhere"), {
    code: EXIT_USAGE,
    stdout: "",
    stderr: "No such directory: /nowhere\n",
  });
});

test("an operator's slip is one line without a stack, exit code 1", async () => {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  machine.host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\ninactivity_timeout=soon\n");
  machine.host.writeTextFileSync("/site/config/plugins", "");
  assert.equal(await runCommandLine(["-o", "-c", "/site"], machine), 1);
  assert.match(machine.printed.stderr, /^\/site\/config\/smtp\.ini:2: .*inactivity_timeout.*"soon".*\n$/);
});
