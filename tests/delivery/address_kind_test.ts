import assert from "node:assert/strict";
import { addressBlock, addressOctets, familyOf, inBlock, isLoopback } from "../../src/delivery/address_kind.ts";
import { test } from "../kit/test.ts";

test("addresses are told from names", () => {
  for (
    const [text, family] of [["192.0.2.1", 4], ["::1", 6], ["mx.example", 0], ["1.2.3", 0], ["10.example", 0]] as const
  ) {
    assert.equal(familyOf(text), family, text);
  }
});

test("one address has one form in octets, however it is written", () => {
  const same = [
    ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::", "0:0:0:0:0:0:0:0"],
    ["fe80::1%eth0", "fe80::1"],
  ];
  for (const [a, b] of same) assert.deepEqual(addressOctets(a!), addressOctets(b!), a);
  for (
    const bad of [
      "",
      "256.1.1.1",
      "1::2::3",
      "1:2:3",
      "12345::",
      "::g",
      "1:2:3:4:5:6:7:8:9",
      "::1.2.3.300",
      "mx.example",
    ]
  ) {
    assert.equal(addressOctets(bad), undefined, bad);
  }
});

test("blocks hold what lies in them and nothing else", () => {
  const rows: [string, string, boolean][] = [
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.128/25", "192.0.2.127", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["192.0.2.1", "192.0.2.1", true],
  ];
  for (const [block, address, held] of rows) {
    assert.equal(inBlock(addressOctets(address)!, addressBlock(block)!), held, `${address} in ${block}`);
  }
  for (const bad of ["192.0.2.0/33", "192.0.2.0/x", "mx.example/8", "::/129", "192.0.2.0/-1"]) {
    assert.equal(addressBlock(bad), undefined, bad);
  }
  assert.ok(isLoopback(addressOctets("127.9.9.9")!) && isLoopback(addressOctets("::1")!));
  assert.ok(!isLoopback(addressOctets("128.0.0.1")!));
});
