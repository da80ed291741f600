import assert from "node:assert/strict";
import { orderFor, waysTo } from "../../src/delivery/source.ts";
import type { Target } from "../../src/delivery/target.ts";
import type { Destination } from "../../src/hooks/outbound.ts";
import type { WeightedSource } from "../../src/hooks/site.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const SOURCES: readonly WeightedSource[] = [
  { name: "a", v4: "198.51.100.1", helo: "a.us.example", weight: 1 },
  { name: "b", v4: "198.51.100.2", v6: "2001:db8::2", helo: "b.us.example", weight: 3 },
  { name: "c", v6: "2001:db8::3", weight: 1 },
];
const target = (address: string | undefined, more: Partial<Destination> = {}): Target => ({
  destination: { host: "mx.example", port: 25, priority: 0, protocol: "smtp", ...more },
  address,
  name: "mx.example",
  fromDns: true,
  authentic: false,
});
function ways(address: string | undefined, more: Partial<Destination> = {}, sources = SOURCES, notes = {}, id = "M1") {
  const { log } = memoryLog();
  return waysTo({ target: target(address, more), envelope: { id, notes }, sources, me: "us.example", log })
    .map(({ bind, helo }) => `${bind} ${helo}`);
}

test("a message has an order of sources of its own, always the same, and weights are heeded", () => {
  const firsts = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const order = orderFor(`id${i}`, SOURCES).map(({ name }) => name);
    assert.deepEqual(orderFor(`id${i}`, [...SOURCES].reverse()).map(({ name }) => name), order);
    firsts.set(order[0]!, (firsts.get(order[0]!) ?? 0) + 1);
  }
  for (const [name, share] of [["a", 0.2], ["b", 0.6], ["c", 0.2]] as const) {
    assert.ok(Math.abs(firsts.get(name)! / 10_000 - share) < 0.02, `${name}: ${firsts.get(name)}`);
  }
});

test("a source that is taken away moves those messages alone that were its own", () => {
  for (let i = 0; i < 1000; i++) {
    const [first] = orderFor(`id${i}`, SOURCES);
    const [after] = orderFor(`id${i}`, SOURCES.filter(({ name }) => name !== "b"));
    if (first!.name !== "b") assert.equal(after, first);
  }
});

test("an address is used for targets of its family alone, with the name that belongs to it", () => {
  assert.deepEqual(ways("192.0.2.1").sort(), ["198.51.100.1 a.us.example", "198.51.100.2 b.us.example"]);
  assert.deepEqual(ways("2001:db8::9").sort(), ["2001:db8::2 b.us.example", "2001:db8::3 us.example"]);
  assert.deepEqual(ways("2001:db8::9", {}, [SOURCES[0]!]), []);
  assert.deepEqual(ways("192.0.2.1", {}, [SOURCES[2]!]), []);
  assert.deepEqual(ways("192.0.2.1", {}, []), ["undefined us.example"]);
  assert.deepEqual(ways(undefined, { path: "/run/lmtp" }), ["undefined us.example"]);
});

test("what a plugin says of the next hop counts before the table, and is not used for the other family either", () => {
  assert.deepEqual(ways("192.0.2.1", { bind: "203.0.113.1" }), ["203.0.113.1 us.example"]);
  assert.deepEqual(ways("192.0.2.1", { bind: "203.0.113.1", bindHelo: "x.example" }), ["203.0.113.1 x.example"]);
  assert.deepEqual(
    ways("192.0.2.1", { bindHelo: "x.example" }).map((way) => way.split(" ")[1]),
    Array(2).fill("x.example"),
  );
  assert.deepEqual(ways("192.0.2.1", {}, SOURCES, { outbound_ip: "203.0.113.2", outbound_helo: "n.example" }), [
    "203.0.113.2 n.example",
  ]);
  assert.deepEqual(ways("192.0.2.1", { bind: "2001:db8::1" }), []);
  assert.deepEqual(ways("2001:db8::9", { bind: "203.0.113.1" }), []);
});
