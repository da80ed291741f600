import assert from "node:assert/strict";
import { createOutbound } from "../../src/hooks/send.ts";
import { noQueue } from "../../src/server/no_queue.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("without a queue every mail is put off with the reason, a stream too", async () => {
  const outbound = createOutbound(noQueue("no queue here"), memoryLog().log);
  async function* large() {
    yield new Uint8Array(100_000);
  }
  for (const content of ["x", large()]) {
    const sent = await outbound.send({ from: "<>", to: "a@b.test", content });
    assert.deepEqual(sent.kind === "deferred" && [sent.why, sent.text], ["queue", "no queue here"]);
  }
  assert.deepEqual(await outbound.stats(), { inProgress: 0, queued: 0, tempFail: 0, held: 0 });
});
