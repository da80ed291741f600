import assert from "node:assert/strict";
import { hex, hmacMd5 } from "../../src/base/md5.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import type { Destination } from "../../src/hooks/outbound.ts";
import { memoryServerTls } from "../kit/memory_tls.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { type PeerScript, scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { FIRST, makeRoom, ONE_HOST, type RoomOptions } from "./room.ts";

/** One mail to one scripted host: what came of it and what the host was told. */
async function talk(script: PeerScript, options: RoomOptions & { via?: Partial<Destination>; times?: number } = {}) {
  const room = makeRoom(options);
  const peer = scriptedPeer(room.machine, FIRST, script);
  const via = { host: FIRST.hostname, port: 25, priority: 0, protocol: "smtp" as const, ...options.via };
  const lines: string[] = [];
  let attempt;
  for (let i = 0; i < (options.times ?? 1); i++) {
    attempt = await room.post({ to: ["a@example.com"], ...(options.via && { via: [via] }) });
    const [outcome] = attempt.outcomes;
    lines.push(
      outcome!.kind === "delivered"
        ? "delivered"
        : `${outcome!.kind} ${outcome!.reason.status} ${outcome!.reason.text}`,
    );
  }
  await room.close();
  peer.stop();
  assert.equal(room.machine.clock.pending, 0);
  return { lines, said: peer.commands, peer, attempt: attempt!, room };
}
const tlsRoom = (
  script: PeerScript,
  options: RoomOptions & { names?: string[]; trusted?: boolean; times?: number } = {},
) => {
  const machine = memoryMachine({ zone: ONE_HOST });
  const tls = memoryServerTls(machine.clock, {
    ...(options.names && { names: options.names }),
    ...(options.trusted !== undefined && { trusted: options.trusted }),
  });
  return talk({ offers: ["PIPELINING", "STARTTLS"], tls, ...script }, { ...options, machine });
};

test("a host that does not know EHLO is greeted with HELO [row 201]", async () => {
  for (const refusal of ["500 what", "502 5.5.1 what", "550 no"]) {
    const { lines, said } = await talk({ ehlo: refusal, offers: [] });
    assert.deepEqual(lines, ["delivered"]);
    assert.deepEqual(said.slice(0, 3), ["EHLO us.example", "HELO us.example", "MAIL FROM:<me@us.example>"]);
  }
});

test("STARTTLS is taken where offered, with any certificate, and what was offered before is forgotten", async () => {
  const { lines, said, attempt } = await tlsRoom({ offersSecure: ["SIZE 1000"] }, { trusted: false });
  assert.deepEqual(lines, ["delivered"]);
  assert.deepEqual(said.slice(0, 4), [
    "EHLO us.example",
    "STARTTLS",
    "EHLO us.example",
    "MAIL FROM:<me@us.example> SIZE=27",
  ]);
  assert.equal(attempt.via?.tls, true);
});

test("a host whose TLS is broken is spoken to in plain, and remembered until the memory ends [row 202]", async () => {
  const { lines, said, room } = await talk({ offers: ["STARTTLS"], tls: "broken" }, {
    times: 2,
    settings: { idleMs: 0, brokenTlsMs: 60_000 },
  });
  assert.deepEqual(lines, ["delivered", "delivered"]);
  assert.equal(said.filter((line) => line === "STARTTLS").length, 1);
  await room.machine.clock.advance(60_000);
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["STARTTLS"], tls: "broken" });
  await room.lines();
  assert.ok(peer.commands.includes("STARTTLS"), "it is tried again");
  await room.close();
  peer.stop();
});

test("a refused STARTTLS leaves the connection as it was", async () => {
  const { lines, attempt, peer } = await talk({ offers: ["STARTTLS"], starttls: "454 4.7.0 not now" });
  assert.deepEqual(lines, ["delivered"]);
  assert.equal(attempt.via?.tls, false);
  assert.equal(peer.connections, 1);
});

test("octets behind STARTTLS's 220 end the connection before the handshake", async () => {
  const { lines, said } = await tlsRoom({ starttls: "220 go\n250 injected" }, {
    settings: { forceTlsHosts: ["example.com"] },
  });
  assert.match(lines[0]!, /^deferred 4\.7\.5 .*octets behind/);
  assert.ok(!said.some((line) => line.startsWith("MAIL")));
});

test("required TLS verifies or defers and says nothing else in clear", async () => {
  const settings = { forceTlsHosts: ["192.0.2.0/24"] };
  const bad: [PeerScript, { names?: string[]; trusted?: boolean; times?: number }, RegExp][] = [
    [{ offers: [] }, {}, /^deferred 4\.7\.10 .*No TLS available but required by configuration\.$/],
    [{}, { trusted: false }, /^deferred 4\.7\.5 .*Host failed TLS verification required by configuration\./],
    [{}, { names: ["other.example"] }, /^deferred 4\.7\.5 .*Host failed TLS verification/],
    [{ tls: "broken" }, {}, /^deferred 4\.7\.5 /],
    [{ starttls: "454 no" }, {}, /^deferred 4\./],
  ];
  for (const [script, options, expected] of bad) {
    const { lines, said } = await tlsRoom(script, { settings, ...options });
    assert.match(lines[0]!, expected);
    assert.ok(said.every((line) => /^(EHLO|STARTTLS|QUIT)/.test(line)), said.join(" / "));
  }
  const off = await tlsRoom({}, { settings: { ...settings, enableTls: false } });
  assert.match(off.lines[0]!, /No TLS available but required by configuration\.$/);
  assert.equal(off.peer.connections, 0);
  const good = await tlsRoom({}, { settings, names: ["mx1.example.com"] });
  assert.deepEqual(good.lines, ["delivered"]);
});

test("AUTH speaks PLAIN, LOGIN and CRAM-MD5, chooses by itself, and comes after STARTTLS [row 203]", async () => {
  const auth = { user: "tim", pass: "tanstaaftanstaaf" };
  const challenge = "<1896.697170952@postoffice.reston.mci.net>";
  const digest = hex(hmacMd5(utf8Encode(auth.pass), utf8Encode(challenge)));
  assert.equal(digest, "b913a602c7eda7a495b4e6e7334d3890"); // RFC 2195 §2
  const plain = ["AUTH PLAIN " + btoa("\0tim\0tanstaaftanstaaf")];
  const login = ["AUTH LOGIN", btoa("tim"), btoa("tanstaaftanstaaf")];
  const cram = ["AUTH CRAM-MD5", btoa(`tim ${digest}`)];
  const ways: [string | undefined, string, string[]][] = [
    ["plain", "PLAIN LOGIN CRAM-MD5", plain],
    ["LOGIN", "PLAIN LOGIN CRAM-MD5", login],
    ["cram-md5", "PLAIN CRAM-MD5", cram],
    [undefined, "LOGIN PLAIN CRAM-MD5", cram],
    [undefined, "LOGIN PLAIN", plain],
    [undefined, "LOGIN", login],
  ];
  for (const [type, offered, expected] of ways) {
    const script: PeerScript = {
      offers: [`AUTH ${offered}`],
      ...(expected === cram && { auth: `334 ${btoa(challenge)}` }),
      ...(expected === login && { auth: "334 VXNlcm5hbWU6", challenge: ["334 UGFzc3dvcmQ6", "235 ok"] }),
    };
    const { lines, said, attempt, room } = await talk(script, { via: { auth: { ...auth, ...(type && { type }) } } });
    assert.deepEqual(lines, ["delivered"]);
    assert.deepEqual(said.slice(1, 1 + expected.length), expected);
    assert.equal(attempt.via?.authenticated, true);
    assert.ok(
      !room.log.text().includes(btoa(auth.pass)) && !room.log.text().includes(plain[0]!),
      "a secret is in the log",
    );
  }
  const machine = memoryMachine({ zone: ONE_HOST });
  const secure = await talk(
    { offers: ["STARTTLS"], offersSecure: ["AUTH PLAIN"], tls: memoryServerTls(machine.clock) },
    {
      machine,
      via: { auth },
    },
  );
  assert.deepEqual(secure.said.slice(0, 4), ["EHLO us.example", "STARTTLS", "EHLO us.example", plain[0]]);
});

test("a host that cannot authenticate us gets the mail with a warning; refused credentials defer it", async () => {
  const via = { auth: { user: "u", pass: "p" } };
  const none = await talk({ offers: [] }, { via });
  assert.deepEqual(none.lines, ["delivered"]);
  assert.ok(none.room.log.items.some((item) => item.level === "WARN"));
  assert.equal((await talk({ offers: ["AUTH GSSAPI"] }, { via })).lines[0], "delivered");
  const refused = await talk({ offers: ["AUTH PLAIN"], auth: "535 5.7.8 wrong" }, { via });
  assert.match(refused.lines[0]!, /^deferred 4\.7\.8 .*535 5\.7\.8 wrong$/);
  const endless = await talk({ offers: ["AUTH LOGIN"], auth: "334 eA==", challenge: "334 eA==" }, { via });
  assert.match(endless.lines[0]!, /^deferred /);
});

test("a silent host is given up after the connect time-out, and not dialled again for a while [row 200]", async () => {
  const room = makeRoom({
    zone: {
      "example.com": { MX: ["10 hole.example", "20 good.example"] },
      "hole.example": { A: ["192.0.2.66"] },
      "good.example": { A: [FIRST.hostname] },
    },
    settings: { connectTimeoutMs: 3000, idleMs: 0 },
  });
  room.machine.net.silent.add("192.0.2.66:25");
  const peer = scriptedPeer(room.machine, FIRST);
  const began = room.machine.clock.monotonic();
  assert.equal((await room.lines())[0], "a@example.com delivered");
  const took = room.machine.clock.monotonic() - began;
  assert.ok(took >= 3000 && took < 4000, `${took} ms`);
  const again = room.machine.clock.monotonic();
  assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.ok(room.machine.clock.monotonic() - again < 500);
  assert.equal(room.machine.net.dialled.filter((to) => to === "192.0.2.66:25").length, 1);
  await room.close();
  peer.stop();
});

test("a next hop that is to be given up sooner is: before it is connected, and at each reply", async () => {
  const room = makeRoom({ settings: { timeouts: {} } });
  const destination = { host: FIRST.hostname, port: 25, priority: 0, protocol: "smtp" as const };
  const { clock } = room.machine;
  const peer = scriptedPeer(room.machine, FIRST, { mail: { then: "silence" } });
  let began = clock.monotonic();
  const [line] = await room.lines({ via: [{ ...destination, replyTimeoutMs: 700 }] });
  assert.match(line!, /deferred 4\.4\.2 .*socket timeout waiting on MAIL/);
  assert.ok(clock.monotonic() - began < 1500, `${clock.monotonic() - began} ms`);
  peer.stop();
  room.machine.net.silent.add("192.0.2.1:25");
  began = clock.monotonic();
  assert.match((await room.lines({ via: [{ ...destination, connectTimeoutMs: 400 }] }))[0]!, /deferred 4\.4\.1 /);
  assert.ok(clock.monotonic() - began < 1000, `${clock.monotonic() - began} ms`);
  await room.close();
});

test("required TLS with a host that is given by its address wants a certificate for that address", async () => {
  for (const [names, expected] of [[[FIRST.hostname], "delivered"], [["localhost"], "deferred"]] as const) {
    const machine = memoryMachine({ zone: ONE_HOST });
    const tls = memoryServerTls(machine.clock, { names: [...names], trusted: true });
    const { lines } = await talk({ offers: ["STARTTLS"], tls }, { machine, via: { tls: "required" } });
    assert.equal(lines[0]!.split(" ")[0], expected);
  }
});

test("a host that offers XCLIENT is told of the client, behind STARTTLS and before AUTH, and the connection serves no other", async () => {
  const via = { auth: { user: "u", pass: "p" }, client: { ip: "2001:db8::9", helo: "client.example" } };
  const offers = ["STARTTLS", "XCLIENT NAME ADDR", "AUTH PLAIN"];
  const machine = memoryMachine({ zone: ONE_HOST });
  const tls = memoryServerTls(machine.clock);
  const { said, lines, peer, attempt } = await talk({ offers, tls }, { machine, via, times: 2 });
  assert.deepEqual(lines, ["delivered", "delivered"]);
  assert.deepEqual(said.slice(0, 6), [
    "EHLO us.example",
    "STARTTLS",
    "EHLO us.example",
    "XCLIENT ADDR=IPV6:2001:db8::9",
    "EHLO client.example",
    `AUTH PLAIN ${btoa("\0u\0p")}`,
  ]);
  assert.equal(attempt.via?.authenticated, true);
  assert.equal(peer.connections, 2);
});

test("a host without XCLIENT, or one that refuses it, is spoken to in our own name", async () => {
  const client = { ip: "192.0.2.9", helo: "two words" };
  const none = await talk({ offers: [] }, { via: { client }, times: 2 });
  assert.deepEqual(none.said.slice(0, 2), ["EHLO us.example", "MAIL FROM:<me@us.example>"]);
  assert.equal(none.peer.connections, 1, "such a connection may be used again");
  const refused = await talk({ offers: ["XCLIENT ADDR"], xclient: "550 5.7.0 not you" }, { via: { client } });
  assert.deepEqual([refused.lines[0], ...refused.said.slice(1, 3)], [
    "delivered",
    "XCLIENT ADDR=192.0.2.9",
    "MAIL FROM:<me@us.example>",
  ]);
  const taken = await talk({ offers: ["XCLIENT ADDR"] }, { via: { client } });
  assert.deepEqual(taken.said.slice(1, 3), ["XCLIENT ADDR=192.0.2.9", "EHLO us.example"], "no name that is no word");
});

test("a connection that was opened for a client and not used is not kept for another", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["XCLIENT ADDR", "SIZE 10"] });
  const to = (ip: string) => [{
    host: FIRST.hostname,
    port: 25,
    priority: 0,
    protocol: "smtp" as const,
    client: { ip },
  }];
  for (const ip of ["192.0.2.8", "192.0.2.9"]) await room.post({ via: to(ip) });
  assert.deepEqual(peer.commands.filter((line) => line.startsWith("XCLIENT")), [
    "XCLIENT ADDR=192.0.2.8",
    "XCLIENT ADDR=192.0.2.9",
  ]);
  await room.close();
  peer.stop();
});
