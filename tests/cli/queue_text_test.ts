import assert from "node:assert/strict";
import { duration, envelopeText, itemLine, time, traceText } from "../../src/cli/queue_text.ts";
import type { TracedItem } from "../../src/queue/types.ts";
import { test } from "../kit/test.ts";

const T = Date.UTC(2026, 10, 30, 8, 0, 0);
const ITEM: TracedItem = {
  id: "A.1",
  domain: "one.example",
  site: "one.example",
  sender: "us@home.example",
  recipients: ["a@one.example", "b@one.example"],
  attempts: 2,
  queuedAt: T,
  dueAt: T + 192_000,
  state: "waiting",
  size: 1234,
  lastError: "451 4.2.1 not now",
  lastStatus: "4.2.1",
  envelope: {
    sender: "us@home.example",
    recipients: [
      { address: "a@one.example" },
      { address: "b@one.example", notify: ["FAILURE", "DELAY"], originalRecipient: "rfc822;c@one.example" },
    ],
    smtpUtf8: true,
    wanted: { ret: "HDRS", deliverBy: { at: T, mode: "N", trace: false } },
    notes: { from: "here" },
  },
  history: [
    { at: T, results: [{ kind: "deferred", recipients: ["a@one.example"], text: "Tried all MXs" }] },
    {
      at: T + 64_000,
      results: [
        { kind: "delivered", recipients: ["x@one.example"], text: "2.0.0 taken", host: "mx" },
        { kind: "deferred", recipients: ["1", "2", "3", "4", "5"], text: "451 4.2.1 not now", host: "mx" },
      ],
    },
  ],
  next: { at: T + 192_000, why: "schedule", text: "attempt 3 of 13" },
  givenUpAt: T + 2 * 86_400_000,
};

test("a line of a list holds what one looks for, and shortens what is long", () => {
  const now = T + 100_000;
  assert.equal(
    itemLine(ITEM, now),
    "A.1 <us@home.example> → <a@one.example>,<b@one.example> (one.example), 1234 octets, 2 failed, " +
      "next attempt in 1 min 32 s: 451 4.2.1 not now",
  );
  assert.match(itemLine(ITEM, T + 192_000), /, 2 failed, due: 451/);
  const long = { ...ITEM, recipients: ["1", "2", "3", "4", "5"], state: "held" as const, lastError: "x".repeat(300) };
  assert.match(itemLine(long, now), /→ <1>,<2>,<3> and 2 more \(.*, held: x{99}…$/);
});

test("an envelope is told in rows", () => {
  assert.equal(
    envelopeText(ITEM, T + 100_000),
    `Item      A.1
From      <us@home.example>
To        <a@one.example>
          <b@one.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;c@one.example
For       one.example
Size      1234 octets
Queued    2026-11-30 08:00:00 (1 min 40 s ago)
Attempts  2 failed; the last: 451 4.2.1 not now
State     waiting
Next      2026-11-30 08:03:12 (in 1 min 32 s): attempt 3 of 13
Given up  2026-12-02 08:00:00 (in 1 d 23 h), when all attempts fail
Wants     ret=HDRS deliverBy={"at":${T},"mode":"N","trace":false} smtpUtf8
Notes     {"from":"here"}`,
  );
});

test("a site of several domains is named", () => {
  assert.match(
    envelopeText({ ...ITEM, site: "mx:*.example.net" }, T),
    /^For +one\.example \(site mx:\*\.example\.net\)$/m,
  );
});

test("a trace is what happened in order, and what is next", () => {
  assert.equal(
    traceText(ITEM, T + 100_000),
    `A.1 <us@home.example> → <a@one.example>,<b@one.example> (one.example)
  2026-11-30 08:00:00  queued, 1234 octets
  2026-11-30 08:00:00  deferred <a@one.example>: Tried all MXs
  2026-11-30 08:01:04  delivered <x@one.example>: 2.0.0 taken (mx)
                       deferred <1>,<2>,<3> and 2 more: 451 4.2.1 not now (mx)
  State                waiting
  Next                 2026-11-30 08:03:12 (in 1 min 32 s): attempt 3 of 13
  Given up             2026-12-02 08:00:00 (in 1 d 23 h), when all attempts fail`,
  );
});

test("attempts of which nothing is known any more are counted, and what is held has no end", () => {
  const text = traceText({ ...ITEM, attempts: 20, next: { why: "held", text: "nothing" } }, T);
  assert.match(text, /^ +18 attempts of which no more is known$/m);
  assert.doesNotMatch(text, /Given up/);
});

test("what a peer said cannot steer the terminal", () => {
  const nasty = { ...ITEM, lastError: "\x1b[2J\r\nroot\x9b31m", sender: "a\x07@b" };
  for (const text of [itemLine(nasty, T), envelopeText(nasty, T)]) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  }
});

test("durations are told by their two largest units", () => {
  const cases = {
    "0 s": -5,
    "59 s": 59,
    "1 min": 60,
    "1 min 4 s": 64,
    "1 h": 3600,
    "1 h 1 min": 3661,
    "2 d 3 h": 184_000,
  };
  for (const [text, seconds] of Object.entries(cases)) assert.equal(duration(seconds * 1000), text);
  assert.equal(time(NaN), "?");
});
