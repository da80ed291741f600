import assert from "node:assert/strict";
import type { Session } from "../../src/hooks/session.ts";
import { sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

async function face(remote: string): Promise<Session> {
  let found: Session | undefined;
  const kit = sessionKit({
    remote: { transport: "tcp", hostname: remote, port: 41_000 },
    hooks: { connect: ({ session }) => void (found = session) },
  });
  await kit.client.reply();
  await kit.client.say("QUIT");
  await kit.over;
  return found!;
}

test("a session says who is at its ends", async () => {
  const { local, remote } = await face("::ffff:10.1.2.3");
  assert.deepEqual(local, { ip: "198.51.100.1", port: 25, host: "mx.test" });
  assert.deepEqual([remote.ip, remote.port, remote.isPrivate, remote.isLocal], ["10.1.2.3", 41_000, true, false]);
});

test("remote.info is the host's name until a plugin knows better", async () => {
  const { remote } = await face("192.0.2.100");
  assert.equal(remote.info, "client.test");
  remote.info = "a windows box";
  assert.deepEqual([remote.info, remote.host], ["a windows box", "client.test"]);
});

test("[row 95] a plugin that sets the client's address makes private and local follow", async () => {
  const seen: unknown[] = [];
  const kit = sessionKit({
    hooks: {
      connect_init({ session: { remote } }) {
        for (
          const ip of ["192.0.2.9", "8.8.8.8", "127.0.0.1", "10.1.2.3", "::ffff:8.8.4.4", "fe80::1", "2606:4700::1"]
        ) {
          remote.ip = ip;
          seen.push([remote.ip, remote.isPrivate, remote.isLocal]);
        }
      },
    },
  });
  await kit.client.reply();
  assert.deepEqual(seen, [
    ["192.0.2.9", true, false],
    ["8.8.8.8", false, false],
    ["127.0.0.1", true, true],
    ["10.1.2.3", true, false],
    ["8.8.4.4", false, false],
    ["fe80::1", true, true],
    ["2606:4700::1", false, false],
  ]);
  assert.match((await kit.client.say("HELO me"))!, /\[2606:4700::1\]/);
  await kit.client.say("QUIT");
  await kit.over;
});
