import assert from "node:assert/strict";
import type { Destination, LiveStart } from "../../src/hooks/outbound.ts";
import { address, recipient } from "../kit/fake_session.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryServerTls } from "../kit/memory_tls.ts";
import { type PeerScript, scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { FIRST, makeRoom, streamed, text, timed } from "./room.ts";

const never = new AbortController().signal;

/** A hop that follows a script, up to the answer to MAIL. */
async function begin(
  script: PeerScript = {},
  envelope: Partial<LiveStart["envelope"]> = {},
  { via = {}, signal = never, machine = memoryMachine({}) } = {},
) {
  const room = makeRoom({ machine });
  const peer = scriptedPeer(machine, FIRST, { offers: [], ...script });
  const destination: Destination = { host: FIRST.hostname, port: 25, priority: 0, protocol: "smtp", ...via };
  const start = { envelope: { sender: address("s@far.test"), smtpUtf8: false, ...envelope }, log: room.log.log };
  const begun = await timed(machine, room.courier.begin(start, [destination], signal));
  return {
    begun,
    peer,
    room,
    hop: begun.kind === "taken" ? begun.hop : undefined,
    run: <T>(work: Promise<T>) => timed(machine, work),
    async close() {
      if (begun.kind === "taken") begun.hop.close();
      await room.close();
      peer.stop();
      assert.equal(machine.clock.pending, 0);
    },
  };
}

test("a slow client does not cost the connection, a slow hop does", async () => {
  const b = await begin({ data: { then: "silence" } });
  await b.room.machine.clock.advance(20_000);
  assert.equal(b.hop!.open, true);
  assert.equal((await b.run(b.hop!.rcpt(recipient("a@one.test"), never))).kind, "taken");
  const late = await b.run(b.hop!.data(never));
  assert.deepEqual([late.kind, late.kind === "broken" && late.reason.text, b.hop!.open], [
    "broken",
    "socket timeout waiting on DATA",
    false,
  ]);
  assert.equal((await b.run(b.hop!.content(text("x\r\n"), never))).kind, "broken", "what broke stays broken");
  await b.close();
});

test("a signal that is aborted breaks the connection, at once when it was so before", async () => {
  const b = await begin({ rcpt: { then: "silence" } });
  const controller = new AbortController();
  const asked = b.hop!.rcpt(recipient("a@one.test"), controller.signal);
  controller.abort(new Error("late"));
  assert.equal((await b.run(asked)).kind, "broken");
  await b.close();
  const c = await begin();
  assert.equal((await c.run(c.hop!.rcpt(recipient("a@one.test"), controller.signal))).kind, "broken");
  assert.deepEqual(c.peer.commands.slice(2), []);
  await c.close();
});

test("a message that is not in memory flows; one that cannot be read is broken off and not ended", async () => {
  const b = await begin();
  await b.run(b.hop!.rcpt(recipient("a@one.test"), never));
  await b.run(b.hop!.data(never));
  const handed = await b.run(b.hop!.content(streamed(["Subject: x\r\n\r\n", ".one\r\n", "two\r\n"]), never));
  assert.equal(handed.kind === "taken" && handed.via.host, FIRST.hostname);
  assert.deepEqual(b.peer.messages, ["Subject: x\r\n\r\n..one\r\ntwo\r\n.\r\n"]);
  await b.close();

  const c = await begin();
  await c.run(c.hop!.rcpt(recipient("a@one.test"), never));
  await c.run(c.hop!.data(never));
  const failed = await c.run(c.hop!.content(streamed(["Subject: x\r\n\r\n"], new Error("disk")), never));
  assert.match(failed.kind === "broken" ? failed.reason.text : "", /could not be read here: disk/);
  assert.deepEqual(c.peer.messages, []);
  await c.close();
});

test("nothing is said unless the hop may have it: binary content, UTF-8 without SMTPUTF8, REQUIRETLS in clear", async () => {
  const binary = await begin({ offers: ["CHUNKING", "BINARYMIME"] }, { wanted: { body: "BINARYMIME" } });
  assert.deepEqual([binary.begun.kind, "reason" in binary.begun && binary.begun.reason.status], ["refused", "5.6.3"]);
  await binary.close();
  const sender = await begin({}, { sender: address("ü@far.test"), smtpUtf8: true });
  assert.deepEqual([sender.begun.kind, "reason" in sender.begun && sender.begun.reason.status], ["refused", "5.6.7"]);
  await sender.close();
  const clear = await begin({}, { wanted: { requireTls: true } });
  assert.equal(clear.begun.kind, "broken");
  assert.ok(!clear.peer.commands.some((line) => line.startsWith("MAIL")));
  await clear.close();
  const one = await begin({ offers: ["SMTPUTF8"] });
  const said = await one.run(one.hop!.rcpt(recipient("ü@one.test"), never));
  assert.equal(said.kind === "refused" && said.reason.status, "5.6.7", "MAIL did not say SMTPUTF8");
  await one.close();
});

test("BODY=8BITMIME and DSN's wishes go on to a hop that offers them", async () => {
  const b = await begin({ offers: ["8BITMIME", "DSN"] }, { wanted: { body: "8BITMIME", ret: "HDRS", envid: "x" } });
  await b.run(b.hop!.rcpt({ ...recipient("a@one.test"), notify: ["SUCCESS"] }, never));
  b.hop!.close();
  b.hop!.close();
  await b.close();
  assert.deepEqual(b.peer.commands.slice(1), [
    "MAIL FROM:<s@far.test> BODY=8BITMIME RET=HDRS ENVID=x",
    "RCPT TO:<a@one.test> NOTIFY=SUCCESS",
    "QUIT",
  ]);
});

test("broken TLS is gone round where it was only nice to have; required TLS is kept to", async () => {
  const b = await begin({ offers: ["STARTTLS"], tls: "broken" }, {}, { via: { tls: "opportunistic" } });
  assert.deepEqual([b.begun.kind, b.peer.connections], ["taken", 2]);
  await b.close();
  const machine = memoryMachine({});
  const tls = memoryServerTls(machine.clock, { trusted: false });
  const c = await begin({ offers: ["STARTTLS"], tls }, {}, { via: { tls: "required" }, machine });
  assert.equal(c.begun.kind, "broken");
  await c.close();
});

test("an answer that nobody asked for is not the answer to the next step", async () => {
  const b = await begin({ mail: "250 ok\n250 and more" });
  const said = await b.run(b.hop!.rcpt(recipient("a@one.test"), never));
  assert.equal(said.kind, "broken");
  await b.close();
});
