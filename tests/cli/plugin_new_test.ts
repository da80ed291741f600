import assert from "node:assert/strict";
import { pluginNew } from "../../src/cli/plugin_new.ts";
import { shippedPath } from "../../src/server/site.ts";
import { captured } from "../kit/captured.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("pluginNew() makes module, page and test below the site, keeps what is there unless forced, and takes no path", async () => {
  const machine = memoryMachine();
  const { host } = machine;
  host.mkdirSync("/site/config", { recursive: true });
  host.writeTextFileSync("/site/config/smtp.ini", "");
  const at = { ...await captured(), machine };
  const files = ["/site/plugins/queue/mine.ts", "/site/docs/plugins/queue/mine.md", "/site/tests/queue/mine_test.ts"];
  assert.equal(pluginNew({ name: "queue/mine", force: false, site: "/site" }, at), 0);
  for (const file of files) assert.ok(at.said.includes(`Made ${file}`), file);
  assert.match(host.readTextFileSync(files[2]!), /from "\.\.\/\.\.\/plugins\/queue\/mine\.ts"/);
  host.writeTextFileSync(files[0]!, "my own");
  pluginNew({ name: "queue/mine", force: false, site: "/site" }, at);
  assert.deepEqual(at.complaints, files.map((file) => `EEXIST, File exists '${file}'`));
  assert.equal(host.readTextFileSync(files[0]!), "my own");
  pluginNew({ name: "queue/mine", force: true, site: "/site" }, at);
  assert.notEqual(host.readTextFileSync(files[0]!), "my own");
  for (const name of ["../up", "/abs", "a/../b", "a b", "npm:x"]) {
    assert.throws(() => pluginNew({ name, force: false, site: "/site" }, at), /No name for a plugin/);
  }
});

test("pluginNew() tells how to test with the sources it runs from, and how without any, in an executable", async () => {
  const machine = memoryMachine();
  const { host } = machine;
  host.mkdirSync("/site/config", { recursive: true });
  host.writeTextFileSync("/site/config/smtp.ini", "");
  const bare = { ...await captured(), machine };
  pluginNew({ name: "mine", force: false, site: "/site" }, bare);
  assert.match(bare.said.at(-1)!, /with the sources[^]*--config \/opt\/kasi\/deno\.json \/site\/tests\/mine_test\.ts$/);
  host.mkdirSync(shippedPath(""), { recursive: true });
  host.writeTextFileSync(shippedPath("deno.json"), "{}");
  const full = { ...await captured(), machine };
  pluginNew({ name: "mine", force: true, site: "/site" }, full);
  assert.ok(full.said.at(-1)!.includes(`--config ${shippedPath("deno.json")} /site/tests/mine_test.ts`));
});
