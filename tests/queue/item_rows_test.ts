import assert from "node:assert/strict";
import { Arena } from "../../src/base/arena.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import { HELD, ItemRows, WAITING } from "../../src/queue/item_rows.ts";
import { ItemText } from "../../src/queue/item_text.ts";
import { test } from "../kit/test.ts";

function rows() {
  const items = new ItemRows<string>(new Arena());
  const text = new ItemText();
  const add = (message: number, domain: string, error = "") => {
    const name = utf8Encode(domain);
    text.set([0], "", error);
    return items.add(message, 0, items.domainNumber(name, 0, name.length), text);
  };
  const of = (domain: string) => {
    const name = utf8Encode(domain);
    const number = items.domains.find(name, 0, name.length);
    return number < 0 ? undefined : [...items.ofDomain.numbers(number)].map((item) => items.messages[item]);
  };
  return { items, add, of };
}

test("items are counted by how they stand, and chained by domain in the order in which they came", () => {
  const { items, add, of } = rows();
  const [first, second] = [add(7, "a"), add(8, "b"), add(9, "a")];
  items.stand(first!, 1, 100, WAITING, 0);
  items.stand(second!, 1, 100, HELD, 0);
  assert.deepEqual(items.counts, [1, 1, 1]);
  assert.deepEqual([of("a"), of("b"), of("c")], [[7, 9], [8], undefined]);
  items.stand(first!, 2, 100, HELD, 0);
  items.rouse(second!);
  assert.deepEqual(items.counts, [2, 0, 1]);
});

test("a row that went is given again, with its text; a domain goes with its last item", () => {
  const { items, add, of } = rows();
  const item = add(1, "a.example", "old");
  items.stand(item, 1, 5, WAITING, 0);
  items.times.set(item, 5);
  items.pasts.set(item, "s", 1, 1);
  items.remove(item);
  assert.deepEqual([items.size, items.counts, items.times.size, of("a.example")], [0, [0, 0, 0], 0, undefined]);
  const again = add(2, "b.example", "new");
  assert.equal(again, item);
  assert.deepEqual([items.domain(again), items.text(again).error, items.pasts.get(again)], [
    "b.example",
    "new",
    undefined,
  ]);
});
