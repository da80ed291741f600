import assert from "node:assert/strict";
import { notOurs } from "../../src/delivery/not_ours.ts";
import type { Target } from "../../src/delivery/target.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const target = (priority: number, address: string, fromDns = true): Target => ({
  destination: { host: `mx${priority}.example`, port: 25, priority, protocol: "smtp" },
  address,
  name: `mx${priority}.example`,
  fromDns,
  authentic: false,
});
const left = (...targets: Target[]) =>
  notOurs(targets, (ip) => ip === "198.51.100.1" || ip.startsWith("127."), memoryLog().log).map(({ address }) =>
    address
  );

test("of a domain's exchangers only those before this machine are asked", () => {
  assert.deepEqual(left(target(5, "192.0.2.1"), target(10, "192.0.2.2")), ["192.0.2.1", "192.0.2.2"]);
  assert.deepEqual(
    left(target(5, "192.0.2.1"), target(10, "192.0.2.2"), target(10, "198.51.100.1"), target(20, "192.0.2.3")),
    ["192.0.2.1"],
  );
  assert.deepEqual(left(target(5, "198.51.100.1"), target(10, "192.0.2.1")), []);
});

test("a loopback address is passed over alone, and what somebody named never", () => {
  assert.deepEqual(left(target(5, "127.0.0.1"), target(10, "192.0.2.1")), ["192.0.2.1"]);
  assert.deepEqual(left(target(5, "198.51.100.1", false), target(10, "127.0.0.1", false)), [
    "198.51.100.1",
    "127.0.0.1",
  ]);
});
