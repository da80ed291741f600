import assert from "node:assert/strict";
import type { Courier } from "../../../src/queue/courier.ts";
import { SiteFinder } from "../../../src/queue/sites/site_finder.ts";
import { FakeClock, settled } from "../../kit/fake_clock.ts";
import { test } from "../../kit/test.ts";
import { sitesOf } from "./kit.ts";

const MX = sitesOf({}, { "mx:*.big.example": {}, "own.example": {} });

function kit(hostsOf?: (domain: string, signal: AbortSignal) => Promise<readonly string[]>, table = MX) {
  const clock = new FakeClock();
  const finder = new SiteFinder({ clock, table: () => table });
  finder.courier = {
    deliver: () => Promise.reject(new Error("none")),
    ...(hostsOf === undefined ? {} : { hostsOf }),
  } as Courier;
  return { clock, finder };
}

test("a table without MX sections, a domain's own section and a courier that can't tell need no look-up", () => {
  const asked: string[] = [];
  const ask = (domain: string) => (asked.push(domain), Promise.resolve([]));
  assert.equal(kit(ask, sitesOf({}, { "*.example": {} })).finder.find("a.example", () => {}), true);
  assert.equal(kit(ask).finder.find("own.example", () => {}), true);
  assert.equal(kit(undefined).finder.find("a.example", () => {}), true);
  assert.deepEqual(asked, []);
});

test("domains that share an MX are one site; each is asked once for all that wait, and again after a while", async () => {
  const asked: string[] = [];
  const { finder, clock } = kit((domain) => {
    asked.push(domain);
    return Promise.resolve(domain.startsWith("c") ? ["mx.elsewhere.test"] : ["mx1.big.example"]);
  });
  const told: string[] = [];
  for (const domain of ["a.test", "a.test", "b.test", "c.test"]) {
    assert.equal(finder.find(domain, () => told.push(domain)), false);
  }
  await settled();
  assert.deepEqual([told, asked], [["a.test", "a.test", "b.test", "c.test"], ["a.test", "b.test", "c.test"]]);
  assert.deepEqual(["a.test", "b.test", "c.test"].map((domain) => finder.siteOf(domain).name), [
    "mx:*.big.example",
    "mx:*.big.example",
    "c.test",
  ]);
  assert.equal(finder.find("a.test", () => {}), true);
  await clock.advance(600_000);
  assert.equal(finder.find("a.test", () => {}), false);
  assert.equal(finder.siteOf("a.test").name, "mx:*.big.example", "the old answer stands meanwhile");
  await settled();
  await finder.stop();
});

test("a look-up that fails or takes too long leaves the domain a site of its own, and is tried again soon", async () => {
  const { finder, clock } = kit((domain, signal) =>
    domain === "bad.test"
      ? Promise.reject(new Error("SERVFAIL"))
      : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const told: string[] = [];
  for (const domain of ["bad.test", "slow.test"]) finder.find(domain, () => told.push(domain));
  await settled();
  assert.deepEqual(told, ["bad.test"]);
  await clock.advance(10_000);
  assert.deepEqual(told, ["bad.test", "slow.test"]);
  assert.equal(finder.siteOf("slow.test").name, "slow.test");
  await clock.advance(60_000);
  assert.equal(finder.find("bad.test", () => {}), false);
  await finder.stop();
});

test("twenty are asked for at a time, and a stop ends them all", async () => {
  let running = 0;
  let most = 0;
  const { finder, clock } = kit((_, signal) => {
    most = Math.max(most, ++running);
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        running--;
        reject(signal.reason);
      });
    });
  });
  let told = 0;
  for (let n = 0; n < 50; n++) finder.find(`d${n}.test`, () => told++);
  assert.equal(running, 20);
  await clock.advance(10_000);
  assert.equal(told, 20);
  await finder.stop();
  assert.deepEqual([running, most, told, clock.pending], [0, 20, 20, 0]);
});
