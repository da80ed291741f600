import assert from "node:assert/strict";
import plugin from "../../plugins/xclient.ts";
import type { Session } from "../../src/hooks/session.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

interface Scene extends SessionKit {
  readonly connects: object[];
  session(): Session;
}

async function scene(ip: string): Promise<Scene> {
  const fake = pluginHost("xclient", { files: { "xclient.hosts": "192.0.2.100\n2001:db8::/32\n" } });
  const connects: object[] = [];
  let session: Session | undefined;
  const kit = sessionKit({
    keep: true,
    remote: { transport: "tcp", hostname: ip, port: 41_000 },
    resolver: zone({
      "100.2.0.192.in-addr.arpa": { PTR: ["front.test"] },
      "8.8.8.8.in-addr.arpa": { PTR: ["dns.test"] },
    }),
    plugins: [{ name: "xclient", hooks: await plugin.setup(fake.host) }],
    settings: { addReceived: true },
    hooks: {
      connect_init(event) {
        session = event.session;
        session.relaying = true;
      },
      connect({ session: { remote, local, hello, relaying } }) {
        connects.push({ ip: remote.ip, port: remote.port, host: remote.host, local, hello, relaying });
      },
    },
  });
  await kit.client.reply();
  connects.length = 0;
  return { ...kit, log: fake.log, connects, session: () => session! };
}

async function end({ client, over }: Scene): Promise<void> {
  await client.say("QUIT");
  await over;
}

test("[row 134] XCLIENT from a listed host puts the client in its place: everything it says holds, and a new banner follows", async () => {
  const kit = await scene("192.0.2.100");
  const { client, connects } = kit;
  assert.match((await client.say("EHLO front"))!, /^250[- ]XCLIENT NAME ADDR PROTO HELO LOGIN$/m);
  assert.match(
    (await client.say(
      "XCLIENT NAME=Real.test ADDR=8.8.4.4 PORT=1234 PROTO=ESMTP HELO=its.name LOGIN=tim DESTADDR=198.51.100.9 DESTPORT=26",
    ))!,
    /^220 mx\.test ESMTP/,
  );
  assert.deepEqual(connects.splice(0), [{
    ip: "8.8.4.4",
    port: 1234,
    host: "real.test",
    local: { ip: "198.51.100.9", port: 26, host: "mx.test" },
    hello: { verb: "EHLO", host: "its.name" },
    relaying: false,
  }]);
  assert.deepEqual(kit.session().proxy, { type: "xclient", ip: "192.0.2.100" });
  assert.deepEqual(kit.session().notes.get("xclient"), { login: "tim" });
  // The server in front may go on to another client; without a name the DNS is asked.
  assert.match((await client.say("XCLIENT ADDR=8.8.8.8 NAME=[UNAVAILABLE] PROTO=smtp helo=old.name"))!, /^220 /);
  assert.deepEqual(connects.splice(0), [{
    ip: "8.8.8.8",
    port: 0,
    host: "dns.test",
    local: { ip: "198.51.100.9", port: 26, host: "mx.test" },
    hello: { verb: "HELO", host: "old.name" },
    relaying: false,
  }]);
  assert.match((await client.say("xclient addr=IPV6:2001:DB8::7"))!, /^220 /);
  assert.equal(kit.session().remote.ip, "2001:db8::7");
  assert.equal(kit.session().hello, undefined);
  assert.match((await client.say("EHLO again"))!, /Hello \[2001:db8::7\]/);
  await client.say("MAIL FROM:<a@b.test>");
  await client.say("RCPT TO:<c@d.test>");
  await client.say("DATA");
  assert.match((await client.say("Subject: x\r\n\r\nx\r\n."))!, /^250 /);
  assert.match(kit.taken[0]!.text, /^Received: from again \([^)]*\[(?:IPv6:)?2001:db8::7\]\)/);
  await end(kit);
});

test("[row 134] XCLIENT is refused from others, within a transaction and without an address; what it does not know is logged", async () => {
  const stranger = await scene("198.51.100.77");
  assert.doesNotMatch((await stranger.client.say("EHLO me"))!, /XCLIENT/);
  assert.equal(await stranger.client.say("XCLIENT ADDR=8.8.8.8"), "550 5.5.0 Not authorized");
  assert.equal(stranger.session().remote.ip, "198.51.100.77");
  await end(stranger);

  const kit = await scene("2001:db8::5");
  await kit.client.say("EHLO front");
  for (
    const rest of ["", "ADDR=", "ADDR=me.test", "ADDR=[UNAVAILABLE]", "ADDR=8.8.8.256", "ADDR=[8.8.8.8]", "NAME=a.test"]
  ) {
    assert.equal(
      await kit.client.say(`XCLIENT ${rest}`),
      "501 5.5.4 No valid IP address found in XCLIENT command",
      rest,
    );
  }
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.equal(await kit.client.say("XCLIENT ADDR=8.8.8.8"), "503 5.5.0 Mail transaction in progress");
  await kit.client.say("RSET");
  assert.deepEqual(kit.connects, []);
  // Names are words: nothing that would write lines of its own into a header.
  assert.match((await kit.client.say("XCLIENT ADDR=8.8.8.8 HELO=a+0D+0Ab NAME=c+20d COLOUR=red"))!, /^220 /);
  assert.deepEqual([kit.session().hello, kit.session().remote.host], [undefined, "dns.test"]);
  assert.match(kit.log.text(), /unknown argument "COLOUR=red"/);
  await end(kit);
});
