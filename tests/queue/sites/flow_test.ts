import assert from "node:assert/strict";
import { parseAddress } from "../../../src/mail/address.ts";
import { flowOf, NULL_FLOW } from "../../../src/queue/sites/flow.ts";
import { test } from "../../kit/test.ts";

const flow = (text: string) => flowOf(parseAddress(text)!);

test("the addresses one sender uses for its bounces are one flow", () => {
  const news = flow("news@list.example");
  for (const one of ["news+user=there.test@list.example", "news-4711@list.example", "news99@LIST.example"]) {
    assert.equal(flow(one), news, one);
  }
  assert.notEqual(flow("other@list.example"), news);
  assert.notEqual(flow("news@other.example"), news);
});

test("reports are a flow of their own, and no sender is in it or unknown", () => {
  assert.equal(flow("<>"), NULL_FLOW);
  for (let n = 0; n < 2000; n++) {
    const number = flow(`${"abcdefghij"[n % 10]}${"klmnopqrst"[n % 7]}@d${n}.example`);
    assert.ok(number >= 2 && number < 2 ** 32);
  }
});
