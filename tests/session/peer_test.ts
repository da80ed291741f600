import assert from "node:assert/strict";
import { endOf, isLocalIp, isPrivateIp, plainIp } from "../../src/session/peer.ts";
import { test } from "../kit/test.ts";

/** Spec 01 §8.1 */
const LOCAL = [
  "127.0.0.1",
  "127.9.9.9",
  "169.254.1.1",
  "0.0.0.0",
  "::",
  "::1",
  "fe80::1",
  "febf::1",
  "fc00::1",
  "fdff::1",
];
const PRIVATE = ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.2.1", "198.51.100.9", "203.0.113.9"];
const PUBLIC = [
  "8.8.8.8",
  "172.15.0.1",
  "172.32.0.1",
  "192.169.0.1",
  "11.0.0.1",
  "2001:db8::1",
  "fec0::1",
  "f::1",
  "fe7f::1",
];

test("local addresses are private too; public ones are neither", () => {
  for (const ip of LOCAL) assert.deepEqual([isLocalIp(ip), isPrivateIp(ip)], [true, true], ip);
  for (const ip of PRIVATE) assert.deepEqual([isLocalIp(ip), isPrivateIp(ip)], [false, true], ip);
  for (const ip of PUBLIC) assert.deepEqual([isLocalIp(ip), isPrivateIp(ip)], [false, false], ip);
});

test("an address is made plain: IPv4 out of IPv6, no zone, loopback for a Unix socket", () => {
  assert.equal(plainIp("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(plainIp("fe80::1%eth0"), "fe80::1");
  assert.deepEqual(endOf({ transport: "unix", path: "/x" }), { ip: "127.0.0.1", port: 0 });
  assert.deepEqual(endOf({ transport: "tcp", hostname: "::FFFF:1.2.3.4", port: 5 }), { ip: "1.2.3.4", port: 5 });
});
