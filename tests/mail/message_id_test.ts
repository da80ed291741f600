import assert from "node:assert/strict";
import { messageIds, newMessageId } from "../../src/mail/message_id.ts";
import { test } from "../kit/test.ts";

test("a message id is in brackets, at our name, and new each time", () => {
  assert.match(newMessageId("mx.test"), /^<[0-9A-F-]{36}@mx\.test>$/);
  assert.notEqual(newMessageId("mx.test"), newMessageId("mx.test"));
  assert.equal(newMessageId("mx.test", "AB.1"), "<AB.1@mx.test>");
});

test("all ids of a References value are found in order", () => {
  assert.deepEqual(messageIds("<a@b>\r\n <c@d> junk <e f>"), ["<a@b>", "<c@d>"]);
  assert.deepEqual(messageIds("none"), []);
});
