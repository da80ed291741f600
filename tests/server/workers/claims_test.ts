import assert from "node:assert/strict";
import { Claims } from "../../../src/server/workers/claims.ts";
import type { FromWorker } from "../../../src/server/workers/messages.ts";
import { test } from "../../kit/test.ts";

test("a claim comes back by its number, with the id that is known, with none, or with why it cannot be told", async () => {
  const posted: FromWorker[] = [];
  const claims = new Claims((message) => void posted.push(message));
  const [first, second, third] = [claims.claim("a"), claims.claim("b"), claims.claim("a")];
  claims.hear({ kind: "claimed", id: 3, claim: {}, fault: "nobody there" });
  claims.hear({ kind: "claimed", id: 2, claim: {} });
  claims.hear({ kind: "claimed", id: 1, claim: { id: "M" } });
  claims.hear({ kind: "claimed", id: 9, claim: {} });
  assert.deepEqual([await first, await second], [{ id: "M" }, {}]);
  await assert.rejects(third, /nobody there/);
  claims.end("b");
  assert.deepEqual(posted, [
    { kind: "claim", id: 1, key: "a" },
    { kind: "claim", id: 2, key: "b" },
    { kind: "claim", id: 3, key: "a" },
    { kind: "unclaim", key: "b" },
  ]);
});
