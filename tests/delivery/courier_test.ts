import assert from "node:assert/strict";
import { scriptedPeer } from "../kit/scripted_peer.ts";
import { settled } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";
import { BODY, FIRST, makeRoom, QUICK, SECOND, text, timed, TWO_HOSTS } from "./room.ts";

const lmtp = (host: string, path?: string) => ({
  host,
  port: 24,
  priority: 0,
  protocol: "lmtp" as const,
  ...(path && { path }),
});

test("a mail goes out as it is, with its envelope, and tells who took it", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["PIPELINING", "SIZE 1000", "8BITMIME"] });
  const attempt = await room.post();
  assert.deepEqual(attempt.outcomes.map((outcome) => outcome.kind), ["delivered", "delivered"]);
  assert.deepEqual(attempt.via, {
    host: "mx1.example.com",
    ip: "192.0.2.1",
    port: 25,
    mode: "SMTP",
    tls: false,
    authenticated: false,
  });
  const [first] = attempt.outcomes;
  assert.deepEqual(first?.kind === "delivered" && first.reply, { code: 250, enhanced: "2.0.0", text: "taken as 1234" });
  assert.deepEqual(peer.commands, [
    "EHLO us.example",
    "MAIL FROM:<me@us.example> SIZE=27",
    "RCPT TO:<a@example.com>",
    "RCPT TO:<b@example.com>",
    "DATA",
  ]);
  assert.deepEqual(peer.messages, [BODY + ".\r\n"]);
  await room.close();
  peer.stop();
});

test("lines that begin with a dot are stuffed on the wire, and every other octet stays [row 206]", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { offers: ["PIPELINING", "8BITMIME"] });
  for (
    const [body, wire] of [
      ["A: b\r\n\r\n.\r\n..x\r\n.y\r\nz.\r\n", "A: b\r\n\r\n..\r\n...x\r\n..y\r\nz.\r\n.\r\n"],
      ["A: b\r\n\r\nno end", "A: b\r\n\r\nno end\r\n.\r\n"],
      ["", ".\r\n"],
      ["A: b\r\n\r\n\u00ff\u0000é\r\n", "A: b\r\n\r\n\u00c3\u00bf\u0000\u00c3\u00a9\r\n.\r\n"],
    ] as const
  ) {
    await room.lines({ message: text(body) });
    assert.equal(peer.messages.at(-1), wire);
  }
  assert.deepEqual(peer.commands.filter((line) => line.startsWith("MAIL")).map((line) => line.slice(26)), [
    "",
    "",
    "",
    "BODY=8BITMIME",
  ]);
  await room.close();
  peer.stop();
});

test("source address and name in EHLO come from the destination, or from the notes [row 198]", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST);
  const via = [{
    host: FIRST.hostname,
    port: 25,
    priority: 0,
    protocol: "smtp" as const,
    bind: "203.0.113.1",
    bindHelo: "one.example",
  }];
  await room.lines({ via });
  assert.deepEqual([peer.sources.at(-1), peer.commands.filter((line) => line.startsWith("EHLO")).at(-1)], [
    "203.0.113.1",
    "EHLO one.example",
  ]);
  await room.lines({ notes: { outbound_ip: "203.0.113.2", outbound_helo: "two.example" } });
  assert.deepEqual([peer.sources.at(-1), peer.commands.filter((line) => line.startsWith("EHLO")).at(-1)], [
    "203.0.113.2",
    "EHLO two.example",
  ]);
  assert.ok(
    room.log.items.some((item) => item.level === "ERROR" && item.message.includes("outbound_ip is deprecated")),
  );
  await room.lines({ via, notes: { outbound_ip: "203.0.113.2", outbound_helo: "two.example" } });
  assert.deepEqual([peer.sources.at(-1), peer.commands.filter((line) => line.startsWith("EHLO")).at(-1)], [
    "203.0.113.1",
    "EHLO two.example",
  ]);
  await room.close();
  peer.stop();
});

test("an MX that is this machine is passed over unless local_mx_ok [row 199]", async () => {
  for (const address of ["127.0.0.9", "::1"]) {
    const zone = {
      "example.com": { MX: ["5 self.example", "10 mx1.example.com"] },
      "self.example": address.includes(":") ? { AAAA: [address] } : { A: [address] },
      "mx1.example.com": { A: ["192.0.2.1"] },
    };
    for (const localMxOk of [false, true]) {
      const room = makeRoom({ zone, settings: { localMxOk } });
      const self = scriptedPeer(room.machine, { hostname: address, port: 25 });
      const peer = scriptedPeer(room.machine, FIRST);
      assert.equal((await room.lines())[0], "a@example.com delivered");
      assert.deepEqual([self.connections, peer.connections], localMxOk ? [1, 0] : [0, 1]);
      await room.close();
      self.stop();
      peer.stop();
    }
  }
  // RFC 5321 §5.1: where we are an MX ourselves, those behind us send to us.
  const order = makeRoom({
    zone: {
      "example.com": { MX: ["5 mx1.example.com", "10 self.example", "20 mx2.example.com"] },
      "mx1.example.com": { A: ["192.0.2.1"] },
      "self.example": { A: ["198.51.100.1"] },
      "mx2.example.com": { A: ["192.0.2.2"] },
    },
  });
  assert.match((await order.lines())[0]!, /^a@example.com deferred 4\.4\.1 Tried all MXs: cannot connect/);
  assert.deepEqual(order.machine.net.dialled, ["192.0.2.1:25"]);
  const only = makeRoom({ zone: { "example.com": { MX: ["5 self.example"] }, "self.example": { A: ["127.0.0.1"] } } });
  assert.match((await only.lines())[0]!, /^a@example.com deferred 4\.4\.6 Tried all MXs/);
});

test("LMTP says LHLO, hears a reply for each recipient, and goes over a Unix socket as well [row 204]", async () => {
  for (const door of [{ hostname: "192.0.2.1", port: 24 }, { path: "/run/lmtp" }]) {
    for (const offers of [["PIPELINING"], []]) {
      const room = makeRoom();
      const peer = scriptedPeer(room.machine, door, {
        lmtp: true,
        offers,
        rcpt: ["250 ok", "550 5.1.1 who", "250 ok", "250 ok"],
        dot: ["250 2.0.0 yes", "452 4.2.2 full", "550 5.7.1 no"],
      });
      const via = ["path" in door ? lmtp("", door.path) : lmtp(door.hostname)];
      assert.deepEqual(await room.lines({ to: ["a@x", "b@x", "c@x", "d@x"], via }), [
        "a@x delivered",
        "b@x failed 5.1.1 550 5.1.1 who",
        "c@x deferred 4.2.2 452 4.2.2 full",
        "d@x failed 5.7.1 550 5.7.1 no",
      ]);
      assert.equal(peer.commands[0], "LHLO us.example");
      assert.equal(peer.messages.length, 1);
      await room.close();
      peer.stop();
    }
  }
});

test("UTF-8 addresses go out with SMTPUTF8 where offered, else as A-labels or not at all [row 205]", async () => {
  const room = makeRoom({
    settings: { relayHosts: [{ host: FIRST.hostname, port: 25, priority: 0, protocol: "smtp" }], idleMs: 0 },
  });
  const peer = scriptedPeer(room.machine, FIRST, {
    ehlo: ["250-x\n250-PIPELINING\n250 SMTPUTF8", "250-x\n250 PIPELINING", "250 x", "250 x"],
  });
  const latin = (value: string) => String.fromCharCode(...new TextEncoder().encode(value));
  const to = ["jürgen@müller.example", "plain@müller.example", "b@example.com"];
  assert.deepEqual(await room.lines({ to }), [
    "jürgen@xn--mller-kva.example delivered",
    "plain@xn--mller-kva.example delivered",
    "b@example.com delivered",
  ]);
  assert.deepEqual(peer.commands.slice(1, 5), [
    "MAIL FROM:<me@us.example> SMTPUTF8",
    latin("RCPT TO:<jürgen@müller.example>"),
    latin("RCPT TO:<plain@müller.example>"),
    "RCPT TO:<b@example.com>",
  ]);
  const before = peer.commands.length;
  assert.deepEqual(await room.lines({ to }), [
    "jürgen@xn--mller-kva.example failed 5.6.7 192.0.2.1 does not take internationalized addresses (SMTPUTF8)",
    "plain@xn--mller-kva.example delivered",
    "b@example.com delivered",
  ]);
  const second = peer.commands.slice(before);
  assert.ok(second.includes("MAIL FROM:<me@us.example>") && second.includes("RCPT TO:<plain@xn--mller-kva.example>"));
  assert.match(
    (await room.lines({ from: "<jürgen@müller.example>", to: ["b@example.com"] }))[0]!,
    /^b@example.com failed 5\.6\.7/,
  );
  await room.close();
  peer.stop();
});

test("connections are kept for the next mail and leave when they have waited long enough", async () => {
  const room = makeRoom({ settings: { idleMs: 2000 } });
  const peer = scriptedPeer(room.machine, FIRST);
  await room.lines();
  await room.lines();
  assert.equal(peer.connections, 1);
  assert.deepEqual(room.courier.stats(), { connections: 1, idle: 1, waiting: 0, opened: 1, reused: 1 });
  await room.machine.clock.advance(2500);
  assert.equal(peer.commands.at(-1), "QUIT");
  assert.equal(room.courier.stats().connections, 0);
  peer.stop();
});

test("a kept connection that died meanwhile is replaced, and that is no failure", async () => {
  const room = makeRoom({ zone: TWO_HOSTS });
  const peer = scriptedPeer(room.machine, FIRST);
  await room.lines();
  peer.hangUp();
  assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.equal(peer.connections, 2);
  await room.close();
  peer.stop();
  const shy = makeRoom({ zone: TWO_HOSTS });
  const other = scriptedPeer(shy.machine, FIRST, {
    mail: ["250 ok", { say: "421 4.4.2 idle too long", then: "close" }, "250 ok"],
  });
  await shy.lines();
  assert.equal((await shy.lines())[0], "a@example.com delivered");
  assert.equal(other.connections, 2);
  await shy.close();
  other.stop();
});

test("an abort closes the connection at once and leaves nothing behind", async () => {
  for (const stage of ["greeting", "mail", "data", "dot"] as const) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, { [stage]: { then: "silence" } });
    const abort = new AbortController();
    const posting = room.post({ signal: abort.signal });
    for (let i = 0; i < 20; i++) await settled();
    abort.abort(new Error("stopping"));
    const result = await posting.then((attempt) => attempt.outcomes.map((outcome) => outcome.kind).join(), String);
    // Behind the dot the peer may have taken it: then there is something to tell.
    assert.equal(result, stage === "dot" ? "deferred,deferred" : "Error: stopping");
    await room.close();
    await settled();
    assert.equal(peer.open, 0, stage);
    assert.equal(room.courier.stats().connections, 0);
    assert.equal(room.machine.clock.pending, 0);
    peer.stop();
  }
});

test("no more connections than allowed are open to one destination", async () => {
  const room = makeRoom({ settings: { connectionsPerDestination: 2 } });
  const via = [{ host: FIRST.hostname, port: 25, priority: 0, protocol: "smtp" as const }];
  const peer = scriptedPeer(room.machine, FIRST);
  await timed(room.machine, Promise.all(Array.from({ length: 9 }, () => room.post({ via }))));
  assert.equal(peer.messages.length, 9);
  assert.ok(peer.connections <= 2);
  await room.close();
  peer.stop();
});

test("undecided recipients go on to the next host, decided ones do not", async () => {
  const room = makeRoom({ zone: TWO_HOSTS, settings: { timeouts: QUICK } });
  const first = scriptedPeer(room.machine, FIRST, {
    rcpt: ["250 ok", "550 5.1.1 who", "450 4.2.1 later"],
    data: { then: "reset" },
  });
  const second = scriptedPeer(room.machine, SECOND);
  assert.deepEqual((await room.lines({ to: ["a@example.com", "b@example.com", "c@example.com"] })).sort(), [
    "a@example.com delivered",
    "b@example.com failed 5.1.1 550 5.1.1 who",
    "c@example.com deferred 4.2.1 450 4.2.1 later",
  ]);
  assert.deepEqual(second.commands.filter((line) => line.startsWith("RCPT")), ["RCPT TO:<a@example.com>"]);
  await room.close();
  first.stop();
  second.stop();
});

test("a name for EHLO that is no single word is not said: it could carry commands", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST);
  for (const name of ["x\r\nMAIL FROM:<evil@x>", "two words", ""]) {
    assert.equal((await room.lines({ notes: { outbound_helo: name } }))[0], "a@example.com delivered");
  }
  assert.deepEqual(peer.commands.filter((line) => !/^(RCPT|DATA)/.test(line)), [
    "EHLO us.example",
    ...Array(3).fill("MAIL FROM:<me@us.example>"),
  ]);
  await room.close();
  peer.stop();
});
