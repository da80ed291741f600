import assert from "node:assert/strict";
import { exhausted, lineOf, meaningOf, routeMeaning } from "../../src/delivery/meaning.ts";
import { test } from "../kit/test.ts";

test("a bounce keeps the words of the peer, cleaned of what could break out of a line", () => {
  const reply = { code: 550, enhanced: "5.7.1", text: ["no\u0007", "and\r\nno"] };
  assert.equal(lineOf(reply), "550 5.7.1 no? and??no");
  assert.equal(lineOf({ code: 550, text: "x".repeat(5000) }).length, 513);
});

test("when every host refused for good the mail bounces, else it waits", () => {
  const hard = meaningOf(
    { stage: "greeting", finding: { kind: "reply", reply: { code: 554, text: "no" } } },
    "smtp",
    "a",
  );
  const soft = meaningOf({ stage: "greeting", finding: { kind: "silence" } }, "smtp", "b");
  assert.equal(exhausted([hard, hard]).verdict, "failed");
  for (const seen of [[hard, soft], [soft, hard]]) {
    const last = exhausted(seen);
    assert.equal(last.verdict, "deferred");
    assert.equal(last.reason.text, "Tried all MXs: socket timeout waiting on greeting");
  }
  assert.equal(exhausted([]).verdict, "deferred");
});

test("what the road says bounces only when the DNS is sure", () => {
  assert.deepEqual(
    (["dns", "mx-deferred", "only-ourselves", "no-domain", "nowhere", "null-mx", "mx-denied"] as const).map((kind) => {
      const { verdict, reason } = routeMeaning(kind === "dns" ? { kind, detail: "servfail" } : { kind }, "x.example");
      return `${kind} ${verdict} ${reason.status}`;
    }),
    [
      "dns deferred 4.4.3",
      "mx-deferred deferred 4.1.2",
      "only-ourselves deferred 4.4.6",
      "no-domain failed 5.1.2",
      "nowhere failed 5.1.2",
      "null-mx failed 5.1.10",
      "mx-denied failed 5.1.2",
    ],
  );
});
