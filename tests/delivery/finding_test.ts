import assert from "node:assert/strict";
import { PeerFault } from "../../src/delivery/finding.ts";
import { test } from "../kit/test.ts";

test("a fault carries its finding", () => {
  const fault = new PeerFault({ kind: "lost", detail: "reset" });
  assert.deepEqual(fault.finding, { kind: "lost", detail: "reset" });
  assert.equal(fault.message, "lost");
});
