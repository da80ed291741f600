import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli/options.ts";
import { queue } from "../../src/cli/queue.ts";
import type { QueueAction } from "../../src/cli/queue_options.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";
import { harakaFile, harakaName } from "../queue/import/import_kit.ts";

function site() {
  const machine = memoryMachine();
  const { host } = machine;
  for (const dir of ["/site/config", "/site/queue/w1", "/in"]) host.mkdirSync(dir, { recursive: true });
  host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\n");
  const said: string[] = [];
  const complaints: string[] = [];
  const out = {
    say: (text: string) => (said.push(text), 0 as const),
    write: () => {},
    complain: (text: string) => void complaints.push(text),
  };
  const run = (line: string) =>
    queue(parseCommandLine(["queue", ...line.split(" "), "-c", "/site"]) as QueueAction, { machine, out });
  return { host, said, complaints, run };
}

test("import tells what was taken, what was not and why, and ends with 1 when something was not", async () => {
  const { host, said, complaints, run } = site();
  host.writeFileSync(`/in/${harakaName(1)}`, harakaFile());
  assert.equal(await run("import /in"), 0);
  assert.deepEqual(said, ["1 message taken in, moved to /in/imported"]);
  host.writeFileSync(`/in/${harakaName(2)}`, harakaFile());
  host.writeFileSync("/in/README", harakaFile());
  assert.equal(await run("import /in"), 1);
  assert.deepEqual(complaints, ["README: it is no queue file: its name is of another form"]);
  assert.equal(said[1], "1 message taken in, moved to /in/imported; 1 left where it is");
  assert.equal(await run("import /in --json"), 1);
  assert.deepEqual(JSON.parse(said[2]!), { file: "README", reason: complaints[0]!.slice("README: ".length) });
  await run("ls --sender us@home.example");
  assert.match(said[3]!, /2 items$/);
  await assert.rejects(run("import /nowhere"), /Cannot read \/nowhere/);
  host.mkdirSync("/empty");
  assert.equal(await run("import /empty"), 0);
  assert.equal(said.at(-1), "No files in /empty");
});

test("export writes what the filter says, from every shard, and an import takes it in again", async () => {
  const { host, said, run } = site();
  for (const n of [1, 2]) {
    host.writeFileSync(`/in/${harakaName(n)}`, harakaFile({ todo: { domain: `d${n}.example` } }));
  }
  await run("import /in");
  assert.equal(await run("export /out --domain d2.example"), 0);
  assert.equal(said[1], "1 message (1 item) written to /out; the queue keeps it");
  assert.deepEqual([...host.readDirSync("/out")].map(({ name }) => name.replace(/.*\./, "")).sort(), ["eml", "json"]);
  assert.equal(await run("import /out"), 1, "it is queued still");
  await run("rm --all");
  assert.equal(await run("import /out"), 0);
  await run("ls --json");
  assert.equal(JSON.parse(said.at(-1)!).domain, "d2.example");
  assert.equal(await run("export /out2 --json"), 0);
  assert.deepEqual(Object.keys(JSON.parse(said.at(-1)!)), ["id", "items", "file"]);
});
