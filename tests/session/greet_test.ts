import assert from "node:assert/strict";
import { answer } from "../../src/hooks/verdict.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

test("a name that lookup_rdns answers is the peer's, and DNS is not asked", async () => {
  const dns = zone();
  const kit = sessionKit({ resolver: dns, hooks: { lookup_rdns: () => answer("my.name.test") } });
  await kit.client.reply();
  assert.match((await kit.client.say("HELO me"))!, /Hello my\.name\.test \[192\.0\.2\.100\]/);
  assert.deepEqual(dns.calls, []);
  await kit.client.say("QUIT");
  await kit.over;
});

test("loopback is localhost without asking, and a silent resolver does not keep the banner for ever", async () => {
  const dns = zone({ "100.2.0.192.in-addr.arpa": "silent" });
  const near = sessionKit({ resolver: dns, remote: { transport: "tcp", hostname: "127.0.0.1", port: 1 } });
  await near.client.reply();
  assert.match((await near.client.say("HELO me"))!, /Hello localhost \[127\.0\.0\.1\]/);
  assert.deepEqual(dns.calls, []);
  await near.client.say("QUIT");
  await near.over;

  const far = sessionKit({ resolver: dns });
  const banner = far.client.reply();
  await far.clock.advance(15_000);
  assert.match((await banner)!, /^220 /);
  assert.match((await far.client.say("HELO me"))!, /Hello \[192\.0\.2\.100\]/);
  await far.client.say("QUIT");
  await far.over;
});
