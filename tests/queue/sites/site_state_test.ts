import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../src/config/sites.ts";
import type { SitePolicy } from "../../../src/hooks/site.ts";
import type { Heard } from "../../../src/queue/sites/heard.ts";
import { SiteState } from "../../../src/queue/sites/site_state.ts";
import { test } from "../../kit/test.ts";

const OK: Heard = { kind: "reached", replies: [] };
const AWAY: Heard = { kind: "unreachable", reason: "cannot connect" };
const says = (reply: string): Heard => ({ kind: "reached", replies: [reply] });
const MINUTE = 60_000;

function state(policy: Partial<SitePolicy> = {}, random = () => 0.5) {
  return new SiteState("a.example", { ...DEFAULT_POLICY, ...policy }, random);
}
const hear = (site: SiteState, heard: Heard, now = 0) => site.heard(heard, site.epoch, now);

test("it begins with a few deliveries and earns the rest by being reached", () => {
  const site = state();
  assert.deepEqual([site.limit(0), site.standing], [5, "new"]);
  hear(site, OK);
  assert.deepEqual([site.limit(0), site.standing], [10, "proven"]);
  hear(site, OK);
  hear(site, OK);
  assert.equal(site.limit(0), 20);
  hear(site, AWAY);
  assert.deepEqual([site.limit(0), site.standing], [1, "failing"]);
  hear(site, OK);
  assert.deepEqual([site.limit(0), site.standing], [5, "proven"]);
  assert.equal(state({ connections: 3 }).limit(0), 3);
});

test("the breaker opens after so many in a row, a probe that fails doubles the rest up to the most, success closes it", () => {
  const site = state({ breaker: 3, breakerRestMaxMs: 3 * MINUTE });
  assert.equal(hear(site, AWAY), undefined);
  assert.equal(hear(site, AWAY), undefined);
  const opened = hear(site, AWAY);
  assert.equal(opened?.kind, "rests");
  assert.equal(site.restsUntil(0), MINUTE);
  assert.equal(site.restsUntil(MINUTE), 0, "half open");
  assert.equal(site.limit(MINUTE), 1, "one probes");
  const lengths = [MINUTE];
  for (let now = MINUTE, n = 0; n < 3; n++) {
    hear(site, AWAY, now);
    lengths.push(site.restsUntil(now) - now);
    now = site.restsUntil(now);
  }
  assert.deepEqual(lengths, [MINUTE, 2 * MINUTE, 3 * MINUTE, 3 * MINUTE]);
  assert.deepEqual(hear(site, OK, 60 * MINUTE), { kind: "recovered" });
  assert.deepEqual([site.standing, site.restsUntil(0), site.fails], ["proven", 0, 0]);
});

test("those that were on their way when it opened change nothing any more; one that gets through closes it", () => {
  const site = state({ breaker: 2 });
  const { epoch } = site;
  site.heard(AWAY, epoch, 0);
  site.heard(AWAY, epoch, 0);
  const until = site.restsUntil(0);
  for (let n = 0; n < 20; n++) assert.equal(site.heard(AWAY, epoch, 0), undefined);
  assert.equal(site.restsUntil(0), until);
  assert.deepEqual(site.heard(OK, epoch, 0), { kind: "recovered" });
  assert.equal(site.restsUntil(0), 0);
});

test("one success among failures keeps it closed; a breaker of 0 never opens; what says nothing of the site changes nothing", () => {
  const site = state({ breaker: 3 });
  for (const heard of [AWAY, AWAY, OK, AWAY, AWAY]) hear(site, heard);
  assert.equal(site.rest, undefined);
  hear(site, { kind: "nothing" });
  assert.equal(site.fails, 2);
  const never = state({ breaker: 0 });
  for (let n = 0; n < 100; n++) hear(never, AWAY);
  assert.deepEqual([never.rest, never.limit(0)], [undefined, 1]);
});

test("a reply that a back-off matches halves connections and rate, each time again, and it recovers by steps", () => {
  const site = state({ rate: { count: 60, perMs: MINUTE } });
  for (let n = 0; n < 4; n++) hear(site, OK);
  assert.deepEqual([site.limit(0), site.pace(0)!.stepMs], [20, MINUTE / 57]);
  const change = hear(site, says("421 4.7.0 Too fast"));
  assert.deepEqual(change, { kind: "slow", level: 1, forMs: 5 * MINUTE, reason: "421 4.7.0 Too fast", rule: "slow" });
  assert.deepEqual([site.limit(0), site.pace(0)!.stepMs], [10, 2000]);
  hear(site, says("450 4.7.1 Rate limit"));
  assert.deepEqual([site.limit(0), site.pace(0)!.stepMs, site.slowUntil], [5, 4000, 10 * MINUTE]);
  assert.equal(site.limit(10 * MINUTE - 1), 5);
  assert.equal(site.limit(10 * MINUTE), 10, "a step faster");
  assert.equal(site.limit(20 * MINUTE), 20, "and whole again");
});

test("twenty deliveries that are told the same at one moment slow it by one step", () => {
  const site = state();
  const { epoch } = site;
  for (let n = 0; n < 20; n++) site.heard(says("421 too many"), epoch, 0);
  assert.equal(site.slow, 1);
});

test("slowed down far enough it has a rate, even where its policy has none, and never less than one in 32 seconds", () => {
  const site = state();
  const steps: (number | undefined)[] = [];
  for (let n = 0; n < 12; n++) {
    hear(site, says("421 no"));
    steps.push(site.pace(0)?.stepMs);
  }
  assert.deepEqual(steps.slice(0, 9), [undefined, undefined, 1000, 2000, 4000, 8000, 16_000, 32_000, 32_000]);
  assert.equal(site.limit(0), 1);
});

test("greylisting is no sign of haste; a rule of one's own may let it rest, longer while the probe is told so", () => {
  const site = state();
  hear(site, says("451 4.7.1 Greylisted, try again"));
  assert.equal(site.slow, 0);
  const wall = {
    name: "wall",
    matches: (reply: string) => reply.includes("blocked"),
    action: "rest" as const,
    forMs: MINUTE,
    maxMs: 3 * MINUTE,
  };
  const walled = state({ backoff: [wall] });
  const change = hear(walled, says("550 5.7.1 blocked"));
  assert.equal(change?.kind, "rests");
  assert.deepEqual([walled.rest!.by, walled.rest!.reason, walled.restsUntil(0)], [
    "backoff",
    "550 5.7.1 blocked",
    MINUTE,
  ]);
  hear(walled, says("550 5.7.1 blocked"), MINUTE);
  assert.equal(walled.restsUntil(MINUTE), 3 * MINUTE);
  hear(walled, says("550 5.7.1 blocked"), 3 * MINUTE);
  assert.equal(walled.restsUntil(3 * MINUTE), 6 * MINUTE);
  assert.deepEqual(hear(walled, OK, 6 * MINUTE), { kind: "recovered" });
});

test("what was delivered in the middle of a rest that the peer asked for doesn't end it", () => {
  const rule = { name: "r", matches: () => true, action: "rest" as const, forMs: MINUTE, maxMs: MINUTE };
  const site = state({ backoff: [rule] });
  const { epoch } = site;
  hear(site, says("421 wait"));
  assert.equal(site.heard(OK, epoch, 0), undefined);
  assert.equal(site.restsUntil(0), MINUTE);
});

test("times have jitter: a fifth more or less", () => {
  const lengths = [0, 0.5, 0.999].map((dice) => {
    const site = state({ breaker: 1 }, () => dice);
    hear(site, AWAY);
    return site.restsUntil(0);
  });
  assert.deepEqual(lengths, [48_000, 60_000, 71_976]);
});

test("a suspension holds to its end or until it is resumed, whatever is heard; resume ends all that keeps it back", () => {
  const site = state({ breaker: 1 });
  site.suspend({ reason: "maintenance", since: 0, until: 10 * MINUTE });
  hear(site, OK);
  assert.equal(site.restsUntil(0), 10 * MINUTE);
  assert.equal(site.restsUntil(10 * MINUTE), 0);
  site.suspend({ reason: "for good", since: 0 });
  assert.equal(site.restsUntil(1e12), Infinity);
  hear(site, AWAY);
  hear(site, says("421 no"));
  assert.equal(site.resume(), true);
  assert.deepEqual([site.isPlain, site.restsUntil(0), site.resume()], [true, 0, false]);
});
