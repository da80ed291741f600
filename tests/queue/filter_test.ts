import assert from "node:assert/strict";
import { BadFilter, meansAll, readFilter } from "../../src/queue/filter.ts";
import { readQueue } from "../../src/queue/list.ts";
import { Queue } from "../../src/queue/queue.ts";
import type { ListFilter } from "../../src/queue/types.ts";
import { test } from "../kit/test.ts";
import { bench, DIR, MINUTE } from "./queue_kit.ts";

const read = (given: Record<string, string>, ids: string[] = []) =>
  readFilter({ get: (name) => given[name], ids }, 1_000_000_000);

test("ages are seconds, or have a unit", () => {
  for (
    const [text, seconds] of [["90", 90], ["90s", 90], ["15m", 900], ["2H", 7200], ["3d", 259_200], [
      "1w",
      604_800,
    ]] as const
  ) {
    assert.deepEqual(read({ older: text }), { queuedBefore: 1_000_000_000 - seconds * 1000 });
    assert.deepEqual(read({ younger: text }), { queuedAfter: 1_000_000_000 - seconds * 1000 });
  }
  for (const text of ["", "m", "-1m", "1y", "1 h"]) assert.throws(() => read({ older: text }), BadFilter);
});

test("a limit and an order leave nothing out; all else does", () => {
  assert.equal(meansAll(read({})), true);
  assert.equal(meansAll(read({ limit: "1", sort: "due" })), true);
  for (const given of [{ domain: "a" }, { older: "1s" }, { error: "x" }, { state: "held" }]) {
    assert.equal(meansAll(read(given)), false, JSON.stringify(given));
  }
  assert.equal(meansAll(read({}, ["A"])), false);
});

test("each field finds what it says, in the queue and on the disk [wishes 27]", async () => {
  const b = await bench({ verdicts: (a) => a.startsWith("soft") ? "deferred" : "delivered" });
  await b.accept("A", ["soft@one.example", "soft@two.example"], "us@home.example");
  await b.clock.advance(5 * MINUTE);
  await b.accept("B", ["soft.b@mail.two.example", "soft.c@mail.two.example"], "You@Away.example");
  await b.clock.advance(1000);
  await b.queue.hold("A.1");
  const now = b.clock.now();
  const cases: readonly [ListFilter, string[]][] = [
    [{}, ["A.1", "A.2", "B.1"]],
    [{ id: "A" }, ["A.1", "A.2"]],
    [{ id: ["A.2", "B", "Z"] }, ["A.2", "B.1"]],
    [{ id: [] }, []],
    [{ domain: "Two.example" }, ["A.2"]],
    [{ domain: "*two.example" }, ["A.2", "B.1"]],
    [{ domain: "*.two.example" }, ["B.1"]],
    [{ sender: "you@away.example" }, ["B.1"]],
    [{ sender: "*@home.example" }, ["A.1", "A.2"]],
    [{ sender: "you@away" }, []],
    [{ recipient: "SOFT.C@mail.two.example" }, ["B.1"]],
    [{ recipient: "soft@*" }, ["A.1", "A.2"]],
    [{ state: "held" }, ["A.1"]],
    [{ state: "waiting" }, ["A.2", "B.1"]],
    [{ error: "NOT NOW" }, ["A.1", "A.2", "B.1"]],
    [{ error: "4.2.1" }, ["A.1", "A.2", "B.1"]],
    [{ error: "4.2", domain: "one.example" }, ["A.1"]],
    [{ error: "no such" }, []],
    [{ queuedBefore: now - MINUTE }, ["A.1", "A.2"]],
    [{ queuedAfter: now - MINUTE }, ["B.1"]],
    [{ limit: 2 }, ["A.1", "A.2"]],
    [{ sort: "due" }, ["B.1", "A.1", "A.2"]],
    [{ sort: "due", limit: 1 }, ["B.1"]],
    [{ sender: "*", state: "held", domain: "one.example", recipient: "*", error: "451", limit: 9 }, ["A.1"]],
  ];
  const disk = readQueue.bind(undefined, b.disk.host, DIR);
  await b.clock.advance(50);
  for (const [filter, ids] of cases) {
    for (
      const [where, items] of [["queue", b.queue.list(filter)], ["slowly", await b.queue.look(filter)], [
        "disk",
        disk(filter),
      ]] as const
    ) {
      assert.deepEqual(items.map(({ id }) => id), ids, `${where}: ${JSON.stringify(filter)}`);
    }
  }
  await b.queue.stop(0);
});

test("a site's items are found whatever their domains; a domain without one is its own site", async () => {
  const b = await bench({ settings: { disabled: true } });
  for (const [n, domain] of ["one.example", "two.example", "mail.two.example"].entries()) {
    await b.accept(`M${n}`, [`x@${domain}`]);
  }
  const siteOf = (domain: string) => domain.endsWith("two.example") ? "*.two.example" : domain;
  const ids = (site: string) => readQueue(b.disk.host, DIR, { site, siteOf }).map(({ id }) => id);
  assert.deepEqual([ids("*.Two.example"), ids("one.example"), ids("*")], [["M1.1", "M2.1"], ["M0.1"], []]);
  assert.deepEqual(b.queue.list({ site: "two.example" }).map(({ id }) => id), ["M1.1"]);
  await b.queue.stop(0);
});

test("a recipient that has its mail is not found any more", async () => {
  const b = await bench({ verdicts: (a) => a.startsWith("soft") ? "deferred" : "delivered" });
  await b.accept("A", ["good@one.example", "soft@one.example"]);
  await b.clock.advance(50);
  assert.deepEqual(b.queue.list({ recipient: "good@one.example" }), []);
  assert.equal(b.queue.list({ recipient: "soft@one.example" }).length, 1);
  await b.queue.stop(0);
});

test("only what passes the rest is read from the disk, and no more of it than is said of the message", async () => {
  const b = await bench({ settings: { disabled: true } });
  for (let n = 0; n < 20; n++) {
    await b.accept(`M${n}`, [`x@d${n}.example`], undefined, "y".repeat(50_000));
  }
  await b.queue.stop(0);
  let octets = 0;
  const host: typeof b.disk.host = {
    ...b.disk.host,
    openSync(...args) {
      const file = b.disk.host.openSync(...args);
      const counted = (got: number | null) => (octets += got ?? 0, got);
      return { ...file, readSync: (into) => counted(file.readSync(into)) };
    },
  };
  const again = await Queue.open({ ...b.options, host });
  octets = 0;
  assert.equal(again.list({ sender: "us@home.example", domain: "d7.example" }).length, 1);
  assert.ok(octets > 0 && octets <= 1024, `${octets}`);
  await again.stop(0);
});
