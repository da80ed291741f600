import assert from "node:assert/strict";
import {
  ipInList,
  ipVersion,
  isGlobalUnicast,
  isIpLiteral,
  isLocalIp,
  isNetwork,
  isPrivateIp,
  reverseName,
} from "../../src/base/ip.ts";
import { test } from "../kit/test.ts";

test("[row 157] addresses are told from names, with or without brackets", () => {
  for (
    const ip of ["192.0.2.1", "2001:db8::1", "[192.0.2.1]", "[IPv6:2001:db8::1]", "[2001:db8::1]", "::ffff:192.0.2.1"]
  ) {
    assert.equal(isIpLiteral(ip), true, ip);
  }
  for (
    const text of [
      "",
      "1",
      "0x7f.1",
      "192.0.2",
      "192.0.2.256",
      "example.com",
      "[example.com]",
      "2001:db8::g",
      "1.2.3.4.5",
    ]
  ) {
    assert.equal(isIpLiteral(text), false, text);
    assert.equal(ipVersion(text), undefined);
  }
  assert.deepEqual(["192.0.2.1", "::1", "::ffff:192.0.2.1"].map(ipVersion), [4, 6, 4]);
});

test("[row 157] an address is in a list when it stands there or lies in one of its networks", () => {
  const list = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "nonsense", "10.0.0.0/99"];
  for (const ip of ["192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8:1::9", "::ffff:192.0.2.4"]) {
    assert.equal(ipInList(list, ip), true, ip);
  }
  for (const ip of ["192.0.3.0", "198.51.100.8", "2001:db9::1", "10.0.0.1", "nonsense", ""]) {
    assert.equal(ipInList(list, ip), false, ip);
  }
  assert.equal(ipInList(["0.0.0.0/0"], "2001:db8::1"), false);
  assert.equal(ipInList(["0.0.0.0/0"], "8.8.8.8"), true);
});

test("networks are addresses and CIDR blocks of a fitting width", () => {
  for (const text of ["192.0.2.1", "192.0.2.0/0", "192.0.2.0/32", "2001:db8::/128"]) {
    assert.equal(isNetwork(text), true, text);
  }
  for (const text of ["192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/x", "host/8", ""]) {
    assert.equal(isNetwork(text), false, text);
  }
});

test("only what the whole internet can reach is global unicast", () => {
  for (const ip of ["8.8.8.8", "2606:4700::1"]) assert.equal(isGlobalUnicast(ip), true, ip);
  for (
    const ip of [
      "127.0.0.1",
      "10.1.2.3",
      "192.168.0.1",
      "224.0.0.1",
      "0.0.0.0",
      "::1",
      "fe80::1",
      "fc00::1",
      "ff02::1",
      "x",
    ]
  ) {
    assert.equal(isGlobalUnicast(ip), false, ip);
  }
});

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

test("[row 157] local addresses are private too; public ones are neither", () => {
  for (const ip of LOCAL) assert.deepEqual([isLocalIp(ip), isPrivateIp(ip)], [true, true], ip);
  for (const ip of PRIVATE) assert.deepEqual([isLocalIp(ip), isPrivateIp(ip)], [false, true], ip);
  for (const ip of PUBLIC) assert.deepEqual([isLocalIp(ip), isPrivateIp(ip)], [false, false], ip);
});

test("reverseName() of both families", () => {
  assert.equal(reverseName("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  assert.equal(reverseName("2001:db8::1"), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  assert.equal(reverseName("::"), `${"0.".repeat(32)}ip6.arpa`);
  assert.equal(reverseName("nonsense"), undefined);
  assert.equal(reverseName("1:2:3"), undefined);
  assert.equal(reverseName("::ffff:192.0.2.1"), "1.2.0.192.in-addr.arpa");
});
