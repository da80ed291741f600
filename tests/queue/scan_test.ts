import assert from "node:assert/strict";
import { utf8Decode, utf8Encode } from "../../src/base/bytes.ts";
import { Scanner } from "../../src/queue/scan.ts";
import { seeded } from "../kit/crash_disk.ts";
import { test } from "../kit/test.ts";

const OUTCOME =
  '{"i":"A.1","n":2,"a":3,"d":1700000000000,"l":[0,17],"h":1,"e":"Überlastet","s":"4.4.1","w":2,"x":1,"new":[{}]}';
const ACCEPTED = '{"i":"B","s":["a b","a","b"],"r":["c@d",{"a":"e@f","p":{"X":"}"},"y":"FD"}],"n":{"k":"\\"]"},"u":1,' +
  '"w":{"body":"8BITMIME","id":"x"},"d":["d","f"],"g":[0,1],"t":5,"z":9,"st":[{"n":1,"a":2,"d":6,"l":[1],"e":"e"}]}';

test("of an outcome it finds how the item stands", () => {
  const bytes = utf8Encode(`..${OUTCOME}..`);
  const scan = new Scanner();
  assert.ok(scan.outcome(bytes, 2, bytes.length - 2));
  const { state } = scan;
  const text = (from: number, to: number) => utf8Decode(bytes.subarray(from, to));
  assert.deepEqual(
    [
      text(scan.idFrom, scan.idTo),
      state.item,
      state.attempts,
      state.dueAt,
      ...state.left,
      state.held,
      state.told,
      scan.hasPast,
    ],
    ["A.1", 2, 3, 1_700_000_000_000, 0, 17, true, 2, true],
  );
  assert.deepEqual([text(state.errorFrom, state.errorTo), text(state.statusFrom, state.statusTo)], [
    "Überlastet",
    "4.4.1",
  ]);
});

test("of an accepted message it finds what the queue keeps in memory", () => {
  const bytes = utf8Encode(ACCEPTED);
  const scan = new Scanner();
  assert.ok(scan.accepted(bytes, 0, bytes.length));
  const domains = [0, 2].map((n) => utf8Decode(bytes.subarray(scan.domains[n], scan.domains[n + 1])));
  assert.deepEqual(
    [
      domains,
      scan.itemOf,
      scan.recipients,
      scan.asksForDelay,
      scan.queuedAt,
      scan.size,
      scan.stateCount,
      scan.states[0]!.item,
    ],
    [["d", "f"], [0, 1], 2, true, 5, 9, 1, 1],
  );
});

const UNUSUAL = [
  OUTCOME.replace("Über", '\\"'),
  OUTCOME.replace("1700000000000", "1.5"),
  OUTCOME.replace('"n":2', '"n":-1'),
  OUTCOME.replace('"a":3,', ""),
  OUTCOME.replace("4.4.1", "4".repeat(256)),
  OUTCOME.replace("17]", "9999999]"),
  OUTCOME.replace(/^{/, "{ "),
  ACCEPTED.replace('"body"', '"h":5,"body"'),
  ACCEPTED.replace('"t":5', '"t":5,"b":["x.eml",0]'),
  ACCEPTED.replace('"t":5', '"t":5,"o":{"i":"A"}'),
  ACCEPTED.replace('"g":[0,1]', '"g":[0,2]'),
  ACCEPTED.replace('"g":[0,1],', ""),
];

test("what is unusual is left to JSON.parse", () => {
  const scan = new Scanner();
  for (const json of UNUSUAL) {
    const bytes = utf8Encode(json);
    assert.equal(scan.outcome(bytes, 0, bytes.length) || scan.accepted(bytes, 0, bytes.length), false, json);
  }
});

test("cut at any octet, or with any octet changed, a record is read as JSON.parse would, or not at all", () => {
  const scan = new Scanner();
  const random = seeded(17);
  for (const json of [OUTCOME, ACCEPTED]) {
    const whole = utf8Encode(json);
    for (let cut = 0; cut < whole.length; cut++) {
      assert.equal(scan.outcome(whole, 0, cut) || scan.accepted(whole, 0, cut), false);
    }
    for (let at = 0; at < whole.length; at++) {
      const bytes = whole.slice();
      bytes[at] = '{}[]",:\\0a9'.charCodeAt(Math.floor(random() * 11));
      const read = json === OUTCOME ? scan.outcome(bytes, 0, bytes.length) : scan.accepted(bytes, 0, bytes.length);
      if (!read) continue;
      let id: unknown;
      try {
        ({ i: id } = JSON.parse(utf8Decode(bytes)));
      } catch {
        // Values that it passes over are not looked at closely: a checksum vouches for them.
        continue;
      }
      assert.equal(utf8Decode(bytes.subarray(scan.idFrom, scan.idTo)), id);
    }
  }
});
