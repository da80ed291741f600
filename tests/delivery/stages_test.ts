import assert from "node:assert/strict";
import { STAGES } from "../../src/delivery/stages.ts";
import { test } from "../kit/test.ts";

test("no stage is given up earlier than RFC 5321 §4.5.3.2 allows", () => {
  const least = { greeting: 5, mail: 5, rcpt: 5, data: 2, body: 3, dot: 10 } as const;
  for (const [stage, minutes] of Object.entries(least)) {
    assert.ok(STAGES[stage as keyof typeof least].timeoutMs >= minutes * 60_000, stage);
  }
});

test("only DATA is carried on by a 3xx", () => {
  assert.deepEqual(Object.entries(STAGES).filter(([, row]) => row.wants === 3).map(([stage]) => stage), ["data"]);
});
