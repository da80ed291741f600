import assert from "node:assert/strict";
import { endOf, plainIp } from "../../src/session/peer.ts";
import { test } from "../kit/test.ts";

test("an address is made plain: IPv4 out of IPv6, no zone, loopback for a Unix socket", () => {
  assert.equal(plainIp("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(plainIp("fe80::1%eth0"), "fe80::1");
  assert.deepEqual(endOf({ transport: "unix", path: "/x" }), { ip: "127.0.0.1", port: 0 });
  assert.deepEqual(endOf({ transport: "tcp", hostname: "::FFFF:1.2.3.4", port: 5 }), { ip: "1.2.3.4", port: 5 });
});
