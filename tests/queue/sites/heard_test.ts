import assert from "node:assert/strict";
import type { Outcome, Reason } from "../../../src/hooks/outbound.ts";
import { heardOf } from "../../../src/queue/sites/heard.ts";
import { test } from "../../kit/test.ts";

const recipient = {} as Outcome["recipient"];
const delivered: Outcome = { kind: "delivered", recipient, reply: { code: 250, text: "ok" } };
const no = (kind: "deferred" | "failed", reason: Reason): Outcome => ({ kind, recipient, reason });
const reply = (code: number, text: string | string[], enhanced?: string) => ({
  text: "x",
  status: "4.0.0",
  reply: { code, text, ...(enhanced === undefined ? {} : { enhanced }) },
});

test("what was delivered or answered reached the site; refusals are told as lines, each once", () => {
  assert.deepEqual(heardOf({ outcomes: [delivered] }), { kind: "reached", replies: [] });
  const outcomes = [
    delivered,
    no("deferred", reply(421, "Too fast", "4.7.0")),
    no("deferred", reply(421, "Too fast", "4.7.0")),
    no("failed", reply(550, ["No", "such user"])),
  ];
  assert.deepEqual(heardOf({ outcomes }), { kind: "reached", replies: ["421 4.7.0 Too fast", "550 No such user"] });
});

test("no reply and a network's status is unreachable, anything else says nothing", () => {
  const silent = (kind: "deferred" | "failed", status: string) =>
    heardOf({ outcomes: [no(kind, { text: "cannot connect", status })] });
  for (const status of ["4.4.1", "4.4.2", "4.4.3", "4.4.4"]) {
    assert.deepEqual(silent("deferred", status), { kind: "unreachable", reason: "cannot connect" });
  }
  for (const status of ["4.3.0", "4.7.5", "4.4.6", "4.4.7"]) assert.equal(silent("deferred", status).kind, "nothing");
  assert.equal(silent("failed", "5.1.2").kind, "nothing");
  assert.equal(heardOf({ outcomes: [] }).kind, "nothing");
});
