/** The table of destinations as delivery goes by it: where from, under which name, over how many connections, with what TLS. */
import assert from "node:assert/strict";
import { DEFAULT_POLICY, type SitePolicy, type WeightedSource } from "../../src/config/sites.ts";
import { type Site, SiteTable } from "../../src/hooks/site.ts";
import { type MemoryMachine, memoryMachine } from "../kit/memory_host.ts";
import { memoryServerTls } from "../kit/memory_tls.ts";
import { scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { FIRST, makeRoom, ONE_HOST, SECOND, timed, TWO_HOSTS } from "./room.ts";

const A: WeightedSource = { name: "a", v4: "198.51.100.11", helo: "a.us.example", weight: 1 };
const B: WeightedSource = { name: "b", v4: "198.51.100.12", helo: "b.us.example", weight: 1 };
const BOTH: readonly WeightedSource[] = [A, B];
const NAMES: Readonly<Record<string, string>> = { [A.v4!]: A.helo!, [B.v4!]: B.helo! };

/** A table in which example.com, or what `name` says, is a site of its own. */
function sites(policy: Partial<SitePolicy>, name = "example.com", kind: "domain" | "mx" = "domain"): SiteTable {
  const section = { name, kind, pattern: name, policy: { ...DEFAULT_POLICY, ...policy } };
  return new SiteTable({ defaults: DEFAULT_POLICY, sections: [section] });
}

/** A machine on which some source addresses cannot be bound. */
function without(machine: MemoryMachine, gone: ReadonlySet<string>): MemoryMachine {
  return {
    ...machine,
    dial: (options) =>
      gone.has(options.localAddress ?? "")
        ? Promise.reject(Object.assign(new Error("bind EADDRNOTAVAIL"), { code: "EADDRNOTAVAIL" }))
        : machine.dial(options),
  };
}

test("a site's mail goes out from its sources, each with the name that belongs to it; a message stays with its own", async () => {
  const room = makeRoom({ settings: { idleMs: 0, sites: sites({ sources: BOTH }) } });
  const peer = scriptedPeer(room.machine, FIRST, { rcpt: "450 4.2.0 greylisted" });
  const firsts = new Map<string, string>();
  for (const id of Array.from({ length: 12 }, (_, i) => `ID${i}`)) {
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.match((await room.lines({ id }))[0]!, /deferred/);
      const source = peer.sources.at(-1)!;
      assert.equal(peer.commands.findLast((line) => line.startsWith("EHLO")), `EHLO ${NAMES[source]}`);
      assert.equal(firsts.get(id) ?? source, source, "a retry went out from elsewhere");
      firsts.set(id, source);
    }
  }
  assert.deepEqual([...new Set(firsts.values())].sort(), [A.v4, B.v4]);
  await room.close();
  peer.stop();
});

test("an address of ours that cannot be used is passed over for the message's next one", async () => {
  const gone = new Set<string>();
  const machine = without(memoryMachine({ zone: ONE_HOST }), gone);
  const room = makeRoom({ machine, settings: { idleMs: 0, sites: sites({ sources: BOTH }) } });
  const peer = scriptedPeer(machine, FIRST);
  await room.lines({ id: "X" });
  const [own] = peer.sources;
  gone.add(own!);
  assert.equal((await room.lines({ id: "X" }))[0], "a@example.com delivered");
  assert.notEqual(peer.sources.at(-1), own);
  for (const { v4 } of BOTH) gone.add(v4!);
  await machine.clock.advance(60_000);
  assert.match((await room.lines({ id: "X" }))[0]!, /deferred 4\.4\.1 .*EADDRNOTAVAIL/);
  await room.close();
  peer.stop();
});

test("sources of one family keep a site from the other family, and what the plugin says of the next hop wins", async () => {
  const zone = {
    "example.com": { MX: ["10 mx1.example.com"] },
    "mx1.example.com": { AAAA: ["2001:db8::1"], A: [FIRST.hostname] },
  };
  const room = makeRoom({ zone, settings: { idleMs: 0, sites: sites({ sources: [A] }) } });
  const six = scriptedPeer(room.machine, { hostname: "2001:db8::1", port: 25 });
  const four = scriptedPeer(room.machine, FIRST);
  assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.deepEqual([six.connections, four.sources], [0, [A.v4]]);
  room.settings = { ...room.settings, sites: sites({ sources: [{ name: "six", v6: "2001:db8::99", weight: 1 }] }) };
  await room.lines();
  assert.deepEqual([six.sources, four.connections], [["2001:db8::99"], 1]);
  six.stop();
  four.stop();
  assert.match((await room.lines())[0]!, /deferred 4\.4\.1 /);

  const given = makeRoom({
    settings: { sites: sites({ sources: BOTH }) },
    getMx: () =>
      ({ kind: "answer", value: { host: FIRST.hostname, bind: "203.0.113.7", bind_helo: "own.example" } }) as never,
  });
  const peer = scriptedPeer(given.machine, FIRST);
  await given.lines();
  assert.deepEqual([peer.sources[0], peer.commands[0]], ["203.0.113.7", "EHLO own.example"]);
  await Promise.all([room.close(), given.close()]);
  peer.stop();
});

test("bogus IPv6 (refused, no route, no such family) goes on to IPv4", async () => {
  const zone = {
    "example.com": { MX: ["10 mx1.example.com"] },
    "mx1.example.com": { AAAA: ["2001:db8::1"], A: [FIRST.hostname] },
  };
  for (const code of ["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EAFNOSUPPORT", "EADDRNOTAVAIL"]) {
    for (const inetPrefer of ["default", "v4", "v6"] as const) {
      const plain = memoryMachine({ zone });
      const machine: MemoryMachine = {
        ...plain,
        dial: (options) =>
          "hostname" in options.to && options.to.hostname.includes(":")
            ? Promise.reject(Object.assign(new Error(code), { code }))
            : plain.dial(options),
      };
      const room = makeRoom({ machine, settings: { inetPrefer } });
      const peer = scriptedPeer(machine, FIRST);
      assert.equal((await room.lines())[0], "a@example.com delivered", code);
      await room.close();
      peer.stop();
    }
  }
});

test("messages for each connection and TLS are as the site says; a mail that names its site is treated by that one", async () => {
  const room = makeRoom({ settings: { sites: sites({ messagesPerConnection: 2, tls: "required" }) } });
  const tls = memoryServerTls(room.machine.clock, { names: ["mx1.example.com"] });
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["STARTTLS"], tls });
  for (let i = 0; i < 5; i++) assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.equal(peer.connections, 3);
  assert.equal(peer.commands.filter((line) => line === "STARTTLS").length, 3);
  const site: Site = { name: "plain", policy: { ...DEFAULT_POLICY, tls: "none" } };
  assert.equal((await room.lines({ site }))[0], "a@example.com delivered");
  assert.equal(peer.commands.filter((line) => line === "STARTTLS").length, 3);
  await room.close();
  peer.stop();
  const bare = scriptedPeer(room.machine, FIRST);
  assert.match((await room.lines())[0]!, /deferred 4\.7\.10 /);
  assert.deepEqual(room.log.items.findLast(({ fields }) => "tls" in fields)?.fields.tls, "starttls-not-supported");
  bare.stop();
});

test("a site found by its MX host is treated by it, whatever the domain; backups do not count", async () => {
  const room = makeRoom({
    zone: TWO_HOSTS,
    settings: { idleMs: 0, sites: sites({ sources: [A] }, "mx1.example.com", "mx") },
  });
  const peer = scriptedPeer(room.machine, FIRST);
  await room.lines();
  assert.equal(peer.sources[0], A.v4);
  room.settings = { ...room.settings, sites: sites({ sources: [A] }, "mx2.example.com", "mx") };
  await room.lines();
  assert.notEqual(peer.sources[1], A.v4);
  // What is handed to a named next hop is no mail to the domain.
  room.settings = { ...room.settings, sites: sites({ sources: [A] }) };
  await room.lines({ via: [{ host: FIRST.hostname, port: 25, priority: 0, protocol: "smtp" }] });
  assert.notEqual(peer.sources[2], A.v4);
  await room.close();
  peer.stop();
});

test("a site never has more connections open than it may, over all of its hosts", async () => {
  const zone = {
    "example.com": { MX: ["10 mx1.example.com", "10 mx2.example.com"] },
    "mx1.example.com": { A: [FIRST.hostname] },
    "mx2.example.com": { A: [SECOND.hostname] },
  };
  let turn = 0;
  const room = makeRoom({ zone, random: () => turn++ % 2 * 0.99, settings: { sites: sites({ connections: 2 }) } });
  let most = 0;
  const count = () => void (most = Math.max(most, peers[0]!.open + peers[1]!.open));
  const script = {
    mail: () => {
      count();
      return undefined;
    },
  };
  const peers = [FIRST, SECOND].map((at) => scriptedPeer(room.machine, at, script));
  await timed(room.machine, Promise.all(Array.from({ length: 12 }, () => room.post())));
  assert.equal(peers[0]!.messages.length + peers[1]!.messages.length, 12);
  assert.ok(peers.every((peer) => peer.messages.length > 0), "both hosts were used");
  assert.ok(most <= 2, `${most} connections`);
  await room.close();
  for (const peer of peers) peer.stop();
});
