import assert from "node:assert/strict";
import { SiteBook } from "../../../src/queue/sites/site_book.ts";
import type { Suspension } from "../../../src/queue/sites/site_state.ts";
import { FakeClock } from "../../kit/fake_clock.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";
import { sitesOf } from "./kit.ts";

function kit(stored: ReadonlyMap<string, Suspension> = new Map()) {
  const clock = new FakeClock();
  const log = memoryLog();
  let kept = new Map(stored);
  const file = {
    read: () => new Map(kept),
    write: (now: ReadonlyMap<string, Suspension>) => void (kept = new Map(now)),
  };
  const book = new SiteBook({ clock, log: log.log, random: () => 0.5, file });
  return { clock, log, book, kept: () => kept };
}
const site = (name: string) => sitesOf({ breaker: 1 }).siteOf(name);

test("each change of a site's state is one event, with its reason", () => {
  const { book, log } = kit();
  const state = book.state(site("a.example"));
  book.heard(state, { kind: "unreachable", reason: "cannot connect" }, state.epoch);
  book.heard(state, { kind: "reached", replies: [] }, state.epoch);
  book.heard(state, { kind: "reached", replies: ["421 4.7.0 Too fast"] }, state.epoch);
  book.suspend(site("a.example"), { reason: "by hand", since: 0, until: 90_000 });
  book.resume("a.example");
  assert.deepEqual(log.items.map(({ message, fields }) => [message, { ...fields }]), [
    ["outbound: a destination rests", { site: "a.example", by: "breaker", seconds: 60, err: "cannot connect" }],
    ["outbound: a destination was reached again", { site: "a.example" }],
    ["outbound: a destination is slowed down", {
      site: "a.example",
      level: 1,
      seconds: 300,
      rule: "slow",
      err: "421 4.7.0 Too fast",
    }],
    ["outbound: a destination is suspended", { site: "a.example", seconds: 90, reason: "by hand" }],
    ["outbound: a destination is resumed", { site: "a.example" }],
  ]);
});

test("suspensions are kept, also of sites that nothing is sent to, and found again by the next book", () => {
  const first = kit();
  first.book.suspend(site("a.example"), { reason: "r", since: 1 });
  first.book.suspend(site("b.example"), { reason: "s", since: 2, until: first.clock.now() + 1000 });
  first.book.resume("nobody.example");
  const next = kit(first.kept());
  assert.equal(next.book.state(site("a.example")).restsUntil(next.clock.now()), Infinity);
  assert.deepEqual([...next.book.suspended().keys()], ["a.example", "b.example"]);
  assert.equal(next.book.resume("a.example"), true);
  assert.deepEqual([...next.kept().keys()], ["b.example"]);
  assert.equal(next.book.resume("a.example"), false);
});

test("a suspension that is over is none", async () => {
  const { book, clock } = kit();
  book.suspend(site("a.example"), { reason: "r", since: clock.now(), until: clock.now() + 1000 });
  await clock.advance(1000);
  assert.equal(book.suspended().size, 0);
  assert.equal(book.state(site("a.example")).restsUntil(clock.now()), 0);
});

test("a site has one state, under the policy of now", () => {
  const { book } = kit();
  const state = book.state(site("a.example"));
  assert.equal(book.state(sitesOf({ connections: 3 }).siteOf("a.example")), state);
  assert.equal(state.policy.connections, 3);
  assert.equal(book.known("a.example"), state);
  assert.equal(book.known("b.example"), undefined);
});

test("of too many sites those that are well are forgotten first", () => {
  const { book } = kit();
  const table = sitesOf({ breaker: 1 });
  const bad = book.state(table.siteOf("bad.example"));
  book.heard(bad, { kind: "unreachable", reason: "x" }, bad.epoch);
  for (let n = 0; n < 60_000; n++) book.state(table.siteOf(`d${n}.example`));
  assert.equal(book.known("d0.example"), undefined);
  assert.equal(book.known("bad.example"), bad);
  assert.deepEqual(book.troubled(), [bad]);
});
