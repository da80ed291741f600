import assert from "node:assert/strict";
import { exhausted, lineOf, meaningOf, routeMeaning } from "../../src/delivery/meaning.ts";
import type { PeerScript } from "../kit/scripted_peer.ts";
import { scriptedPeer } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { type AnswerName, ANSWERS, TABLES } from "./outcomes.ts";
import { FIRST, makeRoom, SECOND } from "./room.ts";

async function play(stage: string, protocol: "smtp" | "lmtp", script: PeerScript, hosts: 1 | 2) {
  const room = makeRoom();
  const peers = [scriptedPeer(room.machine, FIRST, script)];
  if (hosts === 2) peers.push(scriptedPeer(room.machine, SECOND, { lmtp: protocol === "lmtp" }));
  const via = [FIRST, SECOND].slice(0, hosts).map(({ hostname: host, port }, priority) => ({
    host,
    port,
    priority,
    protocol,
  }));
  const attempt = await room.post({ via });
  await room.close();
  for (const peer of peers) peer.stop();
  assert.equal(room.courier.stats().connections, 0, `${stage}: a connection leaked`);
  assert.equal(room.machine.clock.pending, 0, `${stage}: a timer leaked`);
  return { attempt, asked: peers[1]?.connections === 1 };
}

for (const { stage, protocol, rows } of TABLES) {
  const opening = ["greeting", "ehlo", "helo"].includes(stage);
  for (const offers of opening ? [[]] : [["PIPELINING"], []]) {
    const how = `${protocol.toUpperCase()}${offers.length > 0 ? ", pipelined" : ""}`;
    test(`every answer at ${stage} comes to what the table says (${how}) [row 208]`, async () => {
      for (const [name, expected] of Object.entries(rows)) {
        const answer = ANSWERS[name as AnswerName];
        const script: PeerScript = {
          offers,
          lmtp: protocol === "lmtp",
          ...(stage === "helo" && { ehlo: "502 what" }),
          [stage]: answer,
        };
        const [kind, status, next] = expected.split(" ");
        const alone = await play(stage, protocol, script, 1);
        assert.equal(alone.attempt.outcomes.length, 2, `${name}: an outcome for each recipient`);
        for (const outcome of alone.attempt.outcomes) {
          const found = outcome.kind === "delivered" ? outcome.kind : `${outcome.kind} ${outcome.reason.status}`;
          assert.equal(found, status === undefined ? kind : `${kind} ${status}`, `${name} with one host`);
        }
        const both = await play(stage, protocol, script, 2);
        assert.equal(both.asked, next === "next", `${name}: whether the second host is asked`);
        if (next === "next") {
          assert.deepEqual(both.attempt.outcomes.map((outcome) => outcome.kind), ["delivered", "delivered"], name);
          assert.equal(both.attempt.via?.ip, SECOND.hostname, name);
        }
      }
    });
  }
}

test("a bounce keeps the words of the peer, cleaned of what could break out of a line", () => {
  const reply = { code: 550, enhanced: "5.7.1", text: ["no\u0007", "and\r\nno"] };
  assert.equal(lineOf(reply), "550 5.7.1 no? and??no");
  assert.equal(lineOf({ code: 550, text: "x".repeat(5000) }).length, 513);
});

test("when every host refused for good the mail bounces, else it waits", () => {
  const hard = meaningOf(
    { stage: "greeting", finding: { kind: "reply", reply: { code: 554, text: "no" } } },
    "smtp",
    "a",
  );
  const soft = meaningOf({ stage: "greeting", finding: { kind: "silence" } }, "smtp", "b");
  assert.equal(exhausted([hard, hard]).verdict, "failed");
  for (const seen of [[hard, soft], [soft, hard]]) {
    const last = exhausted(seen);
    assert.equal(last.verdict, "deferred");
    assert.equal(last.reason.text, "Tried all MXs: socket timeout waiting on greeting");
  }
  assert.equal(exhausted([]).verdict, "deferred");
});

test("what the road says bounces only when the DNS is sure", () => {
  assert.deepEqual(
    (["dns", "mx-deferred", "only-ourselves", "no-domain", "nowhere", "null-mx", "mx-denied"] as const).map((kind) => {
      const { verdict, reason } = routeMeaning(kind === "dns" ? { kind, detail: "servfail" } : { kind }, "x.example");
      return `${kind} ${verdict} ${reason.status}`;
    }),
    [
      "dns deferred 4.4.3",
      "mx-deferred deferred 4.1.2",
      "only-ourselves deferred 4.4.6",
      "no-domain failed 5.1.2",
      "nowhere failed 5.1.2",
      "null-mx failed 5.1.10",
      "mx-denied failed 5.1.2",
    ],
  );
});
