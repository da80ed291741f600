import assert from "node:assert/strict";
import { KeyDesk, PATIENCE_MS } from "../../../src/server/workers/key_desk.ts";
import { FakeClock, settled } from "../../kit/fake_clock.ts";
import { test } from "../../kit/test.ts";

/** Workers that know what is in `known`; undefined while one of them cannot be asked. */
function desk() {
  const clock = new FakeClock();
  const stopping = new AbortController();
  const state: { known: Map<string, string> | undefined; asked: number } = { known: new Map(), asked: 0 };
  const made = new KeyDesk({
    clock,
    signal: stopping.signal,
    async knownTo(key) {
      state.asked++;
      return state.known === undefined ? undefined : [undefined, state.known.get(key)];
    },
  });
  /** What a claim has come to so far. */
  const claim = (worker: number, key: string) => {
    const seen: { got?: unknown } = {};
    made.claim(worker, key).then((got) => seen.got = got, (fault: Error) => seen.got = fault.message);
    return seen;
  };
  return { made, clock, stopping, state, claim };
}

test("one worker at a time takes a message under a key; the next hears of it, another key waits for nobody", async () => {
  const d = desk();
  const [first, second, other] = [d.claim(1, "k"), d.claim(2, "k"), d.claim(2, "other")];
  await settled();
  assert.deepEqual([first.got, second.got, other.got], [{}, undefined, {}]);
  d.state.known!.set("k", "M");
  d.made.end(2, "k");
  await settled();
  assert.equal(second.got, undefined, "it is not the other's to end");
  d.made.end(1, "k");
  await settled();
  assert.deepEqual(second.got, { id: "M" });
  assert.deepEqual(await d.made.claim(1, "k"), { id: "M" }, "what repeats holds nothing");
});

test("when the first one's message was not taken, the next worker takes its own; so it does when that worker died", async () => {
  const d = desk();
  const [first, second, third] = [d.claim(1, "k"), d.claim(2, "k"), d.claim(3, "k")];
  await settled();
  assert.deepEqual(first.got, {});
  d.made.end(1, "k");
  await settled();
  assert.deepEqual([second.got, third.got], [{}, undefined]);
  d.made.left(1);
  await settled();
  assert.equal(third.got, undefined);
  d.made.left(2);
  await settled();
  assert.deepEqual(third.got, {});
});

test("while a worker cannot be asked a claim waits; in the end it is rejected, and holds nothing", async () => {
  const d = desk();
  d.state.known = undefined;
  const soon = d.claim(1, "k");
  await d.clock.advance(1000);
  assert.equal(soon.got, undefined);
  d.state.known = new Map([["k", "M"]]);
  await d.clock.advance(1000);
  assert.deepEqual(soon.got, { id: "M" });
  d.state.known = undefined;
  const late = d.claim(1, "k");
  await d.clock.advance(PATIENCE_MS + 1000);
  assert.match(String(late.got), /Not every worker could be asked/);
  d.state.known = new Map();
  assert.deepEqual(await d.made.claim(2, "k"), {});
});

test("a server that stops waits for no worker", async () => {
  const d = desk();
  d.state.known = undefined;
  const waits = d.claim(1, "k");
  await d.clock.advance(300);
  d.stopping.abort(new Error("The server is shutting down"));
  await settled();
  assert.match(String(waits.got), /shutting down/);
});
