import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { list } from "../../src/cli/list.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir } from "../kit/site.ts";
import { test } from "../kit/test.ts";

test("[row 7] list() names the shipped plugins, a site's own below them, and those of its npm packages", async () => {
  const dir = temporaryDir();
  mkdirSync(`${dir}/plugins/queue`, { recursive: true });
  writeFileSync(`${dir}/plugins/mine.ts`, "");
  writeFileSync(`${dir}/plugins/queue/ours.js`, "");
  for (const path of ["plugins/pack", "node_modules/haraka-plugin-theirs", "node_modules/other"]) {
    mkdirSync(`${dir}/${path}`, { recursive: true });
    writeFileSync(`${dir}/${path}/package.json`, "{}");
  }
  const at = await captured();
  await list({ site: dir }, at);
  rmSync(dir, { recursive: true });
  const [global = "", local = "", packages = ""] = at.said[0]!.split(/\*local\*|NPM packages \(.*\)/);
  for (const name of ["relay", "tls", "queue/maildir", "rcpt_to.in_host_list"]) {
    assert.ok(global.includes(`  ${name} `), name);
  }
  assert.deepEqual(local.trim().split(/\s+/), ["mine", "pack", "queue/ours"]);
  assert.deepEqual(packages.trim().split(/\s+/), ["theirs"]);
});
