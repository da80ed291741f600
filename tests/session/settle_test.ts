import assert from "node:assert/strict";
import { HOOK_RULES } from "../../src/hooks/rules.ts";
import { defer, deny, hangUp } from "../../src/hooks/verdict.ts";
import { marked, settle } from "../../src/session/settle.ts";
import { test } from "../kit/test.ts";

const rule = HOOK_RULES.mail;

test("settle() takes the rule's reply, and says who is meant", () => {
  assert.deepEqual(settle(rule, deny(), "<a@b>", "ID"), {
    reply: { code: 550, enhanced: "5.7.1", text: "sender <a@b> denied" },
    close: false,
    then: "reset",
  });
  assert.equal(settle(rule, hangUp(), "<a@b>", "ID").close, true);
  assert.equal(settle(rule, defer(undefined, { hangUp: true }), "<a@b>", "ID").close, true);
});

test("settle() lays the verdict's own parts over it, the status in the class of the code", () => {
  assert.deepEqual(settle(rule, deny("no"), "", "ID").reply, { code: 550, enhanced: "5.7.1", text: "no" });
  assert.deepEqual(settle(rule, deny("no", { code: 450 }), "", "ID").reply, {
    code: 450,
    enhanced: "4.7.1",
    text: "no",
  });
  assert.deepEqual(settle(rule, deny("5.1.8 who?"), "", "ID").reply, { code: 550, enhanced: "5.1.8", text: "who?" });
  assert.deepEqual(settle(rule, deny("no", { enhanced: "5.2.1" }), "", "ID").reply.enhanced, "5.2.1");
  // A dollar in a name is no pattern.
  assert.equal(settle(rule, deny(), "$&", "ID").reply.text, "sender $& denied");
});

test("settle() marks texts of queue hooks, and faults, with the id", () => {
  assert.equal(settle(HOOK_RULES.queue, deny("full"), "ID", "ID", "ID").reply.text, "full (ID)");
  assert.equal(settle(HOOK_RULES.queue, deny(), "ID", "ID", "ID").reply.text, "Message denied (ID)");
  const { code, text } = rule.replies.fault;
  assert.equal(settle(rule, defer(text, { code }), "", "ID").reply.text, `${text} (ID)`);
});

test("marked() marks the last line", () => {
  assert.deepEqual(marked({ code: 250, text: ["one", "two"] }, "ID").text, ["one", "two (ID)"]);
  assert.equal(marked({ code: 250, text: "one" }, "ID").text, "one (ID)");
});
