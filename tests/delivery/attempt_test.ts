import assert from "node:assert/strict";
import { scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { FIRST, makeRoom, SECOND, TWO_HOSTS } from "./room.ts";

test("a partial refusal decides each recipient for itself, in one transaction", async () => {
  for (const offers of [["PIPELINING"], []]) {
    const room = makeRoom();
    const peer = scriptedPeer(room.machine, FIRST, {
      offers,
      rcpt: ["250 ok", "550 5.1.1 who", "451 4.3.0 later", "251 forwarded"],
    });
    const lines = await room.lines({ to: ["a@example.com", "b@example.com", "c@example.com", "d@example.com"] });
    assert.deepEqual(lines.sort(), [
      "a@example.com delivered",
      "b@example.com failed 5.1.1 550 5.1.1 who",
      "c@example.com deferred 4.3.0 451 4.3.0 later",
      "d@example.com delivered",
    ]);
    assert.equal(peer.messages.length, 1);
    await room.close();
    peer.stop();
  }
});

test("when every host is out of reach the mail waits, and the log of the last one tells why", async () => {
  const room = makeRoom({ zone: TWO_HOSTS });
  assert.match(
    (await room.lines())[0]!,
    /^a@example.com deferred 4\.4\.1 Tried all MXs: cannot connect: Connection refused: 192\.0\.2\.2:25/,
  );
  assert.deepEqual(room.machine.net.dialled, ["192.0.2.1:25", "192.0.2.2:25"]);
});

test("a host that refused a moment ago is asked last", async () => {
  const room = makeRoom({ zone: TWO_HOSTS, settings: { idleMs: 0 } });
  const second = scriptedPeer(room.machine, SECOND);
  await room.lines();
  await room.lines();
  assert.deepEqual(room.machine.net.dialled, ["192.0.2.1:25", "192.0.2.2:25", "192.0.2.2:25"]);
  second.stop();
  const first = scriptedPeer(room.machine, FIRST);
  assert.equal((await room.lines())[0], "a@example.com delivered", "and is asked when nobody else is left");
  await room.close();
  first.stop();
});

test("a host that takes connections and never greets is not waited for again at once", async () => {
  const room = makeRoom({ zone: TWO_HOSTS, settings: { idleMs: 0 } });
  const first = scriptedPeer(room.machine, FIRST, { greeting: { then: "silence" } });
  const second = scriptedPeer(room.machine, SECOND);
  for (let i = 0; i < 3; i++) assert.equal((await room.lines())[0], "a@example.com delivered");
  assert.equal(first.connections, 1);
  await room.machine.clock.advance(5_000);
  await room.lines();
  assert.equal(first.connections, 2);
  await room.close();
  first.stop();
  second.stop();
});

test("what is said over a kept connection is logged under the id of the mail it concerns", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST);
  const uuids = new Set<string>();
  for (const uuid of ["ONE.1", "TWO.1"]) {
    await room.post({ log: room.log.log.child({ uuid }) });
    const data = room.log.items.filter((item) => item.message.includes("MAIL FROM"));
    uuids.add(data.at(-1)!.uuid);
  }
  assert.equal(peer.connections, 1);
  assert.deepEqual([...uuids], ["ONE.1", "TWO.1"]);
  await room.close();
  peer.stop();
});

test("a word on the whole message holds for recipients of later transactions too", async () => {
  const room = makeRoom();
  const peer = scriptedPeer(room.machine, FIRST, { dot: "554 5.6.0 spam" });
  const to = Array.from({ length: 150 }, (_, i) => `r${i}@example.com`);
  const lines = await room.lines({ to });
  assert.equal(lines.length, 150);
  assert.ok(lines.every((line) => line.endsWith("failed 5.6.0 554 5.6.0 spam")));
  assert.equal(peer.messages.length, 1);
  await room.close();
  peer.stop();
});
