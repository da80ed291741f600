import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { help } from "../../src/cli/help.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir } from "../kit/site.ts";
import { test } from "../kit/test.ts";

test("[row 3] help() shows a site's own page before a shipped one, and says when there is none", async () => {
  const dir = temporaryDir();
  mkdirSync(`${dir}/docs/plugins`, { recursive: true });
  writeFileSync(`${dir}/docs/plugins/relay.md`, "our own relay page");
  const at = await captured();
  help({ topic: "relay", site: dir }, at);
  help({ topic: "smtp.ini" }, at);
  help({ topic: "nothing-of-the-kind" }, at);
  help({ topic: "../README" }, at);
  help({ topic: "dnsbl" }, at);
  mkdirSync(`${dir}/node_modules/haraka-plugin-theirs`, { recursive: true });
  writeFileSync(`${dir}/node_modules/haraka-plugin-theirs/README.md`, "their page");
  help({ topic: "theirs", site: dir }, at);
  rmSync(dir, { recursive: true });
  assert.equal(at.said[0], "our own relay page");
  assert.match(at.said[1]!, /listen/);
  assert.match(at.said[2]!, /^# dns-list/, "a retired name");
  assert.equal(at.said[3], "their page");
  assert.deepEqual(at.complaints, [
    "No documentation found for: nothing-of-the-kind",
    "No documentation found for: ../README",
  ]);
});
