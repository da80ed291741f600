import assert from "node:assert/strict";
import { latin1Encode, utf8Decode } from "../../src/base/bytes.ts";
import { answer } from "../../src/hooks/verdict.ts";
import type { Session } from "../../src/hooks/session.ts";
import { v2, V4_ADDRESSES, V6_ADDRESSES } from "../kit/proxy_header.ts";
import { type KitOptions, sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";
import type { ProxyTlv } from "../../src/wire/proxy.ts";

const V1 = "PROXY TCP4 203.0.113.7 198.51.100.9 1234 2525\r\n";
const PROXIES = ["192.0.2.0/24", "2001:db8:1::/48"];
const behind = (options: KitOptions = {}) =>
  sessionKit({ ...options, settings: { haproxyHosts: PROXIES, ...options.settings } });

for (const ip of ["192.0.2.100", "2001:db8:1:2::3"]) {
  test(`[row 133] PROXY version 1 from ${ip}, which a network of the list holds: the client is in the proxy's place before any hook runs`, async () => {
    const seen: unknown[] = [];
    const kit = behind({
      remote: { transport: "tcp", hostname: ip, port: 41_000 },
      resolver: zone({ "7.113.0.203.in-addr.arpa": { PTR: ["real.test"] } }),
      hooks: {
        connect_init({ session: { remote, local, proxy, notes, relaying, hello } }) {
          seen.push({ ip: remote.ip, port: remote.port, host: remote.host, local, proxy, relaying, hello });
          seen.push(notes.get("proxy"));
        },
      },
    });
    await kit.client.write(V1);
    assert.match((await kit.client.reply())!, /^220 /);
    assert.deepEqual(seen, [{
      ip: "203.0.113.7",
      port: 1234,
      host: "",
      local: { ip: "198.51.100.9", port: 2525, host: "mx.test" },
      proxy: { type: "haproxy", ip },
      relaying: false,
      hello: undefined,
    }, {
      type: "haproxy",
      proto: "TCP4",
      src_ip: "203.0.113.7",
      src_port: 1234,
      dst_ip: "198.51.100.9",
      dst_port: 2525,
      proxy_ip: ip,
      tlvs: [],
    }]);
    assert.match((await kit.client.say("EHLO me"))!, /Hello real\.test \[203\.0\.113\.7\]/);
    assert.match(kit.log.text(), /connect .*203\.0\.113\.7/);
    await kit.client.say("QUIT");
    await kit.over;
  });
}

test("[row 133] a proxy of the list that says nothing hears 421 after 30 seconds, and no hook runs and no banner is sent before", async () => {
  const ran: string[] = [];
  const kit = behind({
    hooks: { connect_init: () => void ran.push("connect_init"), connect: () => void ran.push("connect") },
  });
  const first = kit.client.reply();
  await kit.clock.advance(29_999);
  assert.equal(await Promise.race([first, Promise.resolve("nothing yet")]), "nothing yet");
  await kit.clock.advance(1);
  assert.equal(await first, "421 PROXY timeout");
  await kit.clock.advance(3000);
  await kit.over;
  assert.deepEqual(ran, []);
});

for (
  const [what, sent] of [
    ["without a header", "EHLO me\r\n"],
    ["that does not know its client", "PROXY UNKNOWN\r\n"],
    ["with an address that is none", "PROXY TCP4 192.0.2.300 198.51.100.9 1 2\r\n"],
    ["with a version 2 that names nobody", v2({ kind: 0 })],
    ["with a broken TLV", v2({ addresses: V4_ADDRESSES, tlvs: [[3, new Uint8Array(4)]] })],
  ] as const
) {
  test(`[row 133] a proxy of the list ${what} hears 421, and the end`, async () => {
    const kit = behind();
    await kit.client.write(sent);
    assert.equal(await kit.client.reply(), "421 Invalid PROXY format");
    assert.equal(await kit.client.line(), undefined);
    await kit.client.end();
    await kit.over;
    assert.match(kit.log.text(), /Refused a PROXY header/);
  });
}

test("[row 133] PROXY from a host that is not in the list is 421, and the end", async () => {
  const kit = behind({ remote: { transport: "tcp", hostname: "198.51.100.77", port: 1 } });
  assert.match((await kit.client.reply())!, /^220 /);
  assert.equal(await kit.client.say(V1.trim()), "421 PROXY not allowed from 198.51.100.77");
  assert.equal(await kit.client.line(), undefined);
  await kit.client.end();
  await kit.over;
});

test("version 2 says the same, octet by octet too, and its TLVs are in the notes", async () => {
  for (const chunk of [1, 1000]) {
    let session: Session | undefined;
    const kit = behind({ chunk, hooks: { connect: (event) => void (session = event.session) } });
    await kit.client.write(v2({ kind: 0x21, addresses: V6_ADDRESSES, tlvs: [[2, latin1Encode("mx.kasi.test")]] }));
    await kit.client.write("EHLO me\r\n");
    assert.match((await kit.client.reply())!, /^220 /);
    assert.match((await kit.client.reply())!, /Hello \[2001:db8::7\]/);
    assert.equal(session!.remote.ip, "2001:db8::7");
    // An EHLO right behind the header is the proxy's manner, not the client's haste.
    assert.equal(session!.earlyTalker, false);
    const { tlvs } = session!.notes.get("proxy") as { tlvs: ProxyTlv[] };
    assert.deepEqual(tlvs.map(({ type, value }) => [type, utf8Decode(value)]), [[2, "mx.kasi.test"]]);
    await kit.client.say("QUIT");
    await kit.over;
  }
});

test("version 2 LOCAL: the proxy asks for itself and is the client", async () => {
  let session: Session | undefined;
  const kit = behind({ hooks: { connect: (event) => void (session = event.session) } });
  await kit.client.write(v2({ command: 0, kind: 0 }));
  assert.match((await kit.client.reply())!, /^220 /);
  assert.deepEqual([session!.remote.ip, session!.proxy], ["192.0.2.100", undefined]);
  await kit.client.say("QUIT");
  await kit.over;
});

test("a proxy that leaves within its header ends the session", async () => {
  const kit = behind();
  await kit.client.write("PROXY TCP4 1");
  await kit.client.end();
  await kit.clock.advance(3000);
  await kit.over;
  assert.equal(await kit.client.line(), undefined);
});

test("a plugin that answers with a client begins the session anew with it: nothing granted before holds", async () => {
  const seen: unknown[] = [];
  const kit = sessionKit({
    keep: true,
    hooks: {
      connect_init({ session }) {
        session.relaying = true;
        session.results.add("access", { whitelist: true });
      },
      connect({ session: { remote, local, hello, proxy, relaying, auth, transaction, results } }) {
        const { ip, port, host, isPrivate } = remote;
        const found = results.get("access");
        seen.push({ ip, port, host, isPrivate, local, hello, proxy, relaying, auth, transaction, found });
      },
      unrecognized_command: ({ verb }) =>
        answer({
          run: verb === "NAMED" ? "connect" : "lookup_rdns",
          client: {
            remote: { ip: "8.8.8.8", port: 99, ...(verb === "NAMED" ? { host: "named.test" } : {}) },
            local: { ip: "198.51.100.2", port: 587 },
            hello: { verb: "EHLO", host: "their.name" },
          },
        }),
    },
    resolver: zone({ "100.2.0.192.in-addr.arpa": { PTR: ["c.test"] }, "8.8.8.8.in-addr.arpa": { PTR: ["dns.test"] } }),
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.match((await kit.client.say("NAMED"))!, /^220 /);
  assert.match((await kit.client.say("LOOKED-UP"))!, /^220 /);
  const now = {
    ip: "8.8.8.8",
    port: 99,
    isPrivate: false,
    local: { ip: "198.51.100.2", port: 587, host: "mx.test" },
    hello: { verb: "EHLO", host: "their.name" },
    proxy: { type: "xclient", ip: "192.0.2.100" },
    relaying: false,
    auth: undefined,
    transaction: undefined,
    found: undefined,
  };
  assert.deepEqual(seen.slice(1), [{ ...now, host: "named.test" }, { ...now, host: "dns.test" }]);
  await kit.client.say("QUIT");
  await kit.over;
});
