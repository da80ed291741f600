import assert from "node:assert/strict";
import { utf8Encode } from "../../src/base/bytes.ts";
import { PeerFault } from "../../src/delivery/finding.ts";
import { Peer } from "../../src/delivery/peer.ts";
import { Watch } from "../../src/delivery/watch.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { CAPACITY, connectionPair } from "../kit/memory_net.ts";
import { test } from "../kit/test.ts";

function setUp(chunk = Infinity) {
  const clock = new FakeClock();
  const [near, far] = connectionPair({ chunk });
  const peer = new Peer(near, clock, new Watch(clock), memoryLog("ERROR").log);
  const writer = far.writable.getWriter();
  return { clock, near, far, peer, say: (text: string) => writer.write(utf8Encode(text)) };
}
const findingOf = (work: Promise<unknown>) =>
  work.then(() => assert.fail("nothing was found"), (error) => {
    assert.ok(error instanceof PeerFault, String(error));
    return error.finding;
  });

test("replies are read whole however they are cut, and several at hand are taken without waiting", async () => {
  const said = "250-one\r\n250-SIZE 10\r\n250 last\r\n354 go\r\n550-5.1.1 no\r\n550 5.1.1 such\r\n250\r\n";
  for (let chunk = 1; chunk <= said.length; chunk++) {
    const { peer, say } = setUp(chunk);
    await say(said);
    const replies = [];
    for (let i = 0; i < 4; i++) {
      const code = peer.take() || await peer.next();
      assert.equal(code, peer.reply().code);
      replies.push(peer.reply());
    }
    assert.deepEqual(replies, [
      { code: 250, text: ["one", "SIZE 10", "last"] },
      { code: 354, text: "go" },
      { code: 550, enhanced: "5.1.1", text: ["no", "such"] },
      { code: 250, text: "" },
    ]);
    peer.close();
  }
});

test("a silent peer is found silent when the deadline is over, and no timer stays", async () => {
  const { peer, clock, near } = setUp();
  peer.allow(1000);
  const found = findingOf(peer.next());
  await clock.advance(900);
  assert.equal(peer.closed, false);
  await clock.advance(400);
  assert.deepEqual(await found, { kind: "silence" });
  assert.equal(near.closed, true);
  assert.equal(clock.pending, 0);
});

test("a write that nobody reads ends with the deadline", async () => {
  const { peer, clock } = setUp();
  peer.allow(1000);
  const found = findingOf(peer.flush(new Uint8Array(CAPACITY * 2)));
  await clock.advance(1300);
  assert.deepEqual(await found, { kind: "silence" });
});

test("a reset, an end and what is no reply are told apart, and the first finding stands", async () => {
  const reset = setUp();
  const first = findingOf(reset.peer.next());
  reset.far.reset();
  assert.equal((await first as { kind: string }).kind, "lost");
  const ended = setUp();
  ended.far.close();
  assert.deepEqual(await findingOf(ended.peer.next()), { kind: "lost", detail: "closed by the peer" });
  for (const said of ["hello\r\n", "25 x\r\n", "250x\r\n", "600 x\r\n", "250-a\r\n251 b\r\n", "x".repeat(5000)]) {
    const garbage = setUp();
    await garbage.say(said);
    const found = await findingOf(garbage.peer.next()) as { kind: string };
    assert.equal(found.kind, "garbage", said.slice(0, 20));
    garbage.peer.fail({ kind: "silence" });
    assert.equal(await findingOf(garbage.peer.next()), found);
  }
});

test("a server that ends its lines by LF alone is understood", async () => {
  const { peer, say } = setUp();
  await say("220 old thing\n");
  assert.equal(await peer.next(), 220);
  peer.close();
});

test("an idle wait that ends calls its owner, not a fault", async () => {
  const { peer, clock } = setUp();
  let called = 0;
  peer.onIdle = () => {
    called++;
    peer.close();
  };
  peer.allow(500);
  await clock.advance(1000);
  assert.equal(called, 1);
});
