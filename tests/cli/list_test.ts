import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { list } from "../../src/cli/list.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir } from "../kit/site.ts";
import { test } from "../kit/test.ts";

test("list() names the shipped plugins, and a site's own below them", async () => {
  const dir = temporaryDir();
  mkdirSync(`${dir}/plugins/queue`, { recursive: true });
  writeFileSync(`${dir}/plugins/mine.ts`, "");
  writeFileSync(`${dir}/plugins/queue/ours.js`, "");
  const at = await captured();
  await list({ site: dir }, at);
  rmSync(dir, { recursive: true });
  const [global = "", local = ""] = at.said[0]!.split("*local*");
  for (const name of ["relay", "tls", "queue/maildir", "rcpt_to.in_host_list"]) {
    assert.ok(global.includes(`  ${name} `), name);
  }
  assert.deepEqual(local.trim().split(/\s+/), ["mine", "queue/ours"]);
});
