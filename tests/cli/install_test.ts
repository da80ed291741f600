import assert from "node:assert/strict";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { install } from "../../src/cli/install.ts";
import { captured } from "../kit/captured.ts";
import { temporaryDir } from "../kit/site.ts";
import { test } from "../kit/test.ts";

test("install() makes a site that listens on port 25 and is named after the machine [row 5]", async () => {
  const dir = temporaryDir();
  const at = await captured();
  assert.equal(install({ dir, force: false }, at), 0);
  const read = (name: string) => readFileSync(`${dir}/config/${name}`, "utf8");
  assert.match(read("smtp.ini"), /^listen=\[::0\]:25$/m);
  assert.equal(read("me").trim(), hostname());
  assert.equal(read("host_list").trim(), hostname());
  assert.match(read("internalcmd_key"), /^[0-9a-f]{64}\n$/);
  rmSync(dir, { recursive: true });
});

test("install() keeps what is secret from others, an old file's mode notwithstanding", async () => {
  const dir = temporaryDir();
  const at = await captured();
  const modeOf = (name: string) => statSync(`${dir}/config/${name}`).mode & 0o777;
  const secrets = ["internalcmd_key", "auth_flat_file.ini", "smtp_forward.ini", "smtp_proxy.ini"];
  install({ dir, force: false }, at);
  assert.deepEqual(secrets.map(modeOf), [0o600, 0o600, 0o600, 0o600]);
  assert.notEqual(modeOf("smtp.ini"), 0o600);
  chmodSync(`${dir}/config/internalcmd_key`, 0o644);
  install({ dir, force: true }, at);
  assert.equal(modeOf("internalcmd_key"), 0o600);
  rmSync(dir, { recursive: true });
});

test("install() keeps existing files with a word, unless forced", async () => {
  const dir = temporaryDir();
  const at = await captured();
  install({ dir, force: false }, at);
  writeFileSync(`${dir}/config/smtp.ini`, "mine\n");
  install({ dir, force: false }, at);
  assert.equal(readFileSync(`${dir}/config/smtp.ini`, "utf8"), "mine\n");
  assert.ok(at.complaints.includes(`EEXIST, File exists '${dir}/config/smtp.ini'`));
  install({ dir, force: true }, at);
  assert.notEqual(readFileSync(`${dir}/config/smtp.ini`, "utf8"), "mine\n");
  rmSync(dir, { recursive: true });
});
