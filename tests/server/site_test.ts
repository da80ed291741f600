import assert from "node:assert/strict";
import { absoluteIn, findSite, shippedPath } from "../../src/server/site.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("findSite() without a directory takes the shipped configuration and writes below ./data", () => {
  const { host } = memoryMachine();
  const site = findSite(host, undefined);
  assert.equal(site.dir, undefined);
  assert.equal(site.configDir, shippedPath("config"));
  assert.equal(site.dataDir, `${host.cwd()}/data`);
});

test("findSite() wants the directory and one of smtp.ini, smtp.json, smtp.yaml", () => {
  for (const mark of ["smtp.ini", "smtp.json", "smtp.yaml"]) {
    const { host } = memoryMachine();
    assert.throws(() => findSite(host, "/srv/x"), /^Error: No such directory: \/srv\/x$/);
    host.mkdirSync("/srv/x/config", { recursive: true });
    assert.throws(() => findSite(host, "/srv/x"), /^Error: No smtp\.ini at: \/srv\/x\/config$/);
    host.writeTextFileSync(`/srv/x/config/${mark}`, "");
    assert.deepEqual(findSite(host, "/srv/x/"), { dir: "/srv/x", configDir: "/srv/x/config", dataDir: "/srv/x" });
  }
});

test("absoluteIn() leaves absolute paths alone", () => {
  assert.equal(absoluteIn("/data", "queue"), "/data/queue");
  assert.equal(absoluteIn("/data", "/var/spool/kasi"), "/var/spool/kasi");
});
