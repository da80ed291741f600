import assert from "node:assert/strict";
import { isListed } from "../../src/delivery/host_list.ts";
import { test } from "../kit/test.ts";

test("a host stands in a list by name, by domain, by address or by block", () => {
  const list = ["MX.example", "192.0.2.0/24", "2001:db8::1"];
  assert.ok(isListed(list, undefined, "mx.example", "x.example"));
  assert.ok(isListed(list, undefined, "other", "MX.EXAMPLE"));
  assert.ok(isListed(list, "192.0.2.200", "other"));
  assert.ok(isListed(list, "2001:DB8:0::1", "other"));
  assert.ok(!isListed(list, "192.0.3.1", "a.mx.example"));
  assert.ok(!isListed(list, undefined, "192.0.2.1"));
  assert.ok(!isListed([], "192.0.2.1", "mx.example"));
});
