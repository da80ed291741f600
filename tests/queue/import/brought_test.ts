import assert from "node:assert/strict";
import { statesOf, Unreadable } from "../../../src/queue/import/brought.ts";
import { test } from "../../kit/test.ts";
import { envelope } from "../queue_kit.ts";

test("items become the states that the journal keeps", () => {
  const item = { domain: "one.example", recipients: [0], attempts: 2, dueAt: 5, held: false };
  const states = statesOf({
    envelope: envelope("A", "us@home.example", ["a@one.example", "b@two.example"]),
    queuedAt: 1,
    items: [item, { ...item, recipients: [1], held: true, lastError: "451 no", lastStatus: "4.0.0", told: 1 }],
    offset: 0,
    stuffed: false,
  });
  assert.deepEqual(states, [{ n: 0, a: 2, d: 5, l: [0] }, {
    n: 1,
    a: 2,
    d: 5,
    l: [1],
    h: 1,
    e: "451 no",
    s: "4.0.0",
    w: 1,
  }]);
  assert.equal(new Unreadable("x").name, "Unreadable");
});
