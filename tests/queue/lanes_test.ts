import assert from "node:assert/strict";
import { Lanes, type Lease } from "../../src/queue/lanes.ts";
import { SiteBook } from "../../src/queue/sites/site_book.ts";
import { seeded } from "../kit/crash_disk.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { type LaneKit, laneKit, prove, sitesOf, type TestItem } from "./sites/kit.ts";

function lanes(limits: { concurrencyMax: number; perDestination: number }, gone?: (item: TestItem) => boolean) {
  const table = () => sitesOf({ connections: limits.perDestination });
  const kit: LaneKit = {
    get concurrencyMax() {
      return limits.concurrencyMax;
    },
    get table() {
      return table();
    },
    proven: [..."abcdz"],
    ...(gone === undefined ? {} : { gone }),
  };
  // Not spread: the limits are asked for anew.
  const made = laneKit(kit);
  const relimit = () => {
    for (const name of "abcdz") made.book.state(table().siteOf(name));
    made.lanes.relimit();
  };
  return { ...made, limits, relimit };
}

test("nothing goes before the lanes are open", () => {
  const l = lanes({ concurrencyMax: 9, perDestination: 9 });
  l.add("a1");
  assert.deepEqual(l.went, []);
  l.lanes.open = true;
  assert.deepEqual(l.went, ["a1"]);
});

test("domains take turns, items of one domain go in order", () => {
  const l = lanes({ concurrencyMax: 6, perDestination: 9 });
  l.add("a1", "a2", "a3", "a4", "a5", "a6", "b1", "b2", "c1");
  l.lanes.open = true;
  assert.deepEqual(l.went, ["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("a domain gets no more than its slots, and the next as one is given back", () => {
  const l = lanes({ concurrencyMax: 9, perDestination: 2 });
  l.lanes.open = true;
  l.add("a1", "a2", "a3", "b1");
  assert.deepEqual(l.went, ["a1", "a2", "b1"]);
  l.leases.get("a2")!.release();
  l.leases.get("a2")!.release();
  assert.deepEqual(l.went, ["a1", "a2", "b1", "a3"]);
  assert.equal(l.lanes.active, 3);
});

test("a lease ends with its scope", () => {
  const l = lanes({ concurrencyMax: 1, perDestination: 1 });
  l.lanes.open = true;
  l.add("a1", "a2");
  {
    using _lease = l.leases.get("a1")!;
  }
  assert.deepEqual(l.went, ["a1", "a2"]);
});

test("grown limits take effect, items that are gone are passed over", () => {
  const l = lanes({ concurrencyMax: 9, perDestination: 1 }, ({ name }) => name === "a2");
  l.lanes.open = true;
  l.add("a1", "a2", "a3");
  l.limits.perDestination = 5;
  l.relimit();
  assert.deepEqual(l.went, ["a1", "a3"]);
});

test("whatever order slots are taken and given back in, limits hold and everyone goes once", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seeded(seed);
    const limits = { concurrencyMax: 1 + Math.floor(random() * 5), perDestination: 1 + Math.floor(random() * 3) };
    const running: { readonly item: TestItem; readonly lease: Lease }[] = [];
    const went: string[] = [];
    const clock = new FakeClock();
    const book = new SiteBook({ clock, log: memoryLog().log });
    const table = sitesOf({ connections: limits.perDestination });
    for (const name of "abcd") prove(book, table.siteOf(name));
    const go = (item: TestItem, lease: Lease) => {
      went.push(item.name);
      // Some end at once, within the call that started them.
      if (random() < 0.3) lease.release();
      else running.push({ item, lease });
      assert.ok(running.length <= limits.concurrencyMax);
      assert.ok(running.filter((one) => one.item.domain === item.domain).length <= limits.perDestination);
    };
    const made = new Lanes<TestItem>({
      clock,
      limits: () => limits,
      book,
      siteOf: ({ domain }) => table.siteOf(domain),
      go,
      gone: () => false,
    });
    made.open = true;
    const all: string[] = [];
    for (let n = 0; n < 200; n++) {
      const name = `${"abcd"[Math.floor(random() * 4)]}${n}`;
      all.push(name);
      made.add({
        name,
        domain: name[0]!,
        flow: 2 + n % 3,
        ...(random() < 0.2 ? { priority: Math.floor(random() * 4) } : {}),
      });
      if (random() < 0.5) running.splice(Math.floor(random() * running.length), 1)[0]?.lease.release();
    }
    while (running.length > 0) running.shift()!.lease.release();
    assert.deepEqual(went.sort(), all.sort(), `seed ${seed}`);
    assert.equal(made.active, 0);
  }
});

test("a limit that was lowered holds for those in line already, and raised again lets them go", () => {
  const l = lanes({ concurrencyMax: 1, perDestination: 2 });
  l.lanes.open = true;
  l.add("a1", "a2");
  Object.assign(l.limits, { concurrencyMax: 9, perDestination: 1 });
  l.relimit();
  assert.deepEqual(l.went, ["a1"]);
  l.leases.get("a1")!.release();
  assert.deepEqual(l.went, ["a1", "a2"]);
  l.add("a3");
  Object.assign(l.limits, { perDestination: 2 });
  l.relimit();
  assert.deepEqual(l.went, ["a1", "a2", "a3"]);
  assert.equal(l.lanes.active, 2);
});

test("a higher priority goes first, of its domain and of all; the lowest after three others", () => {
  const l = lanes({ concurrencyMax: 1, perDestination: 9 });
  l.add("a1", "a2", "b1", "c1");
  l.lanes.add({ domain: "b", name: "b!", priority: 4 });
  l.lanes.add({ domain: "c", name: "c-", priority: -4 });
  l.lanes.open = true;
  for (let n = 0; n < l.went.length; n++) l.leases.get(l.went[n]!)!.release();
  assert.deepEqual(l.went, ["b!", "a1", "b1", "c-", "c1", "a2"]);
  assert.equal(l.lanes.active, 0);
});

test("a low priority is served while higher ones keep coming, of its own domain or another", () => {
  for (const domain of ["a", "z"]) {
    const l = lanes({ concurrencyMax: 1, perDestination: 1 });
    l.lanes.open = true;
    l.add("a0");
    l.lanes.add({ domain, name: "low", priority: -9 });
    for (let n = 1; n < 30; n++) {
      for (const more of ["a", "b"]) l.lanes.add({ domain: more, name: `${more}${n}`, priority: 9 });
      l.leases.get(l.went.at(-1)!)!.release();
    }
    const place = l.went.indexOf("low");
    assert.ok(place > 0 && place <= 12, `${domain}: ${place}`);
  }
});
