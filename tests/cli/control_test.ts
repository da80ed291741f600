import assert from "node:assert/strict";
import { control } from "../../src/cli/control.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

function site(smtpIni: string) {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  machine.host.writeTextFileSync("/site/config/smtp.ini", smtpIni);
  const said: string[] = [];
  const complaints: string[] = [];
  const out = {
    say: (text: string) => (said.push(text), 0 as const),
    write: () => {},
    complain: (text: string) => void complaints.push(text),
  };
  const ask = (verb: Parameters<typeof control>[0]["verb"]) =>
    control({ do: "control", verb, site: "/site", json: false, verbose: false }, { machine, out });
  return { ask, said, complaints };
}

test("[row 13] --graceful is refused without workers, whether a server runs or not", async () => {
  const { ask, complaints } = site("nodes=0\n");
  assert.equal(await ask("graceful"), 1);
  assert.deepEqual(complaints, ["Graceful restart not possible without `nodes` value in smtp.ini"]);
});

test("commands for a server say when none runs", async () => {
  const { ask, complaints } = site("nodes=2\n");
  for (const verb of ["qunstick", "graceful", "status", "stop"] as const) assert.equal(await ask(verb), 1);
  assert.deepEqual(complaints, Array(4).fill("No server is running on /site/queue"));
});

test("--qlist and --qstat of a site that was never served: nothing, and none", async () => {
  const { ask, said } = site("nodes=0\n");
  assert.equal(await ask("qlist"), 0);
  assert.equal(await ask("qstat"), 0);
  assert.deepEqual(said, ["{ queue_dir: '/site/queue', queue_count: 0 }"]);
});
