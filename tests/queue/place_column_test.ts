import assert from "node:assert/strict";
import { PlaceColumn } from "../../src/queue/place_column.ts";
import { test } from "../kit/test.ts";

test("places come back as they were set; rows are found by their segment", () => {
  const places = new PlaceColumn<string>();
  places.set(3, "a", 32, 100);
  places.set(0, "b", 2 ** 40, 7);
  places.set(5, "a", 132, 8);
  assert.deepEqual(places.get(0), { segment: "b", offset: 2 ** 40, length: 7 });
  assert.equal(places.get(1), undefined);
  assert.equal(places.get(1000), undefined);
  assert.deepEqual(places.rowsIn("a"), [3, 5]);
  places.set(3, "b", 1, 1);
  assert.deepEqual(places.rowsIn("a"), [5]);
  assert.equal(places.total, 7 + 1 + 8);
  places.clear(5);
  assert.deepEqual(places.rowsIn("a"), []);
  assert.equal(places.total, 7 + 1);
});

test("segments that went are not remembered, and a number given again is another's", () => {
  const places = new PlaceColumn<{ readonly name: string }>();
  for (let n = 0; n < 1000; n++) {
    const segment = { name: `s${n}` };
    places.set(1, segment, n, 1);
    assert.equal(places.get(1)!.segment, segment);
    assert.deepEqual(places.rowsIn(segment), [1]);
  }
  places.set(1, places.get(1)!.segment, 5, 5);
  assert.equal(places.get(1)!.segment.name, "s999");
  places.clear(1);
  places.clear(1);
  assert.equal(places.get(1), undefined);
});
