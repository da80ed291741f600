import assert from "node:assert/strict";
import { createLogging } from "../../../src/log/logging.ts";
import type { LogItem } from "../../../src/log/types.ts";
import type { FromWorker } from "../../../src/server/workers/messages.ts";
import { Asker, follow, PortSink } from "../../../src/server/workers/worker.ts";
import { test } from "../../kit/test.ts";

test("lines of one turn go to the main thread in one message, in order, and what waits goes with flush()", async () => {
  const posted: string[][] = [];
  const logging = createLogging({
    clock: { now: () => 0 },
    level: "INFO",
    sinks: [new PortSink((items: readonly LogItem[]) => void posted.push(items.map(({ message }) => message)))],
  });
  logging.root.info("one");
  logging.root.info("two");
  assert.deepEqual(posted, []);
  await undefined;
  assert.deepEqual(posted, [["one", "two"]]);
  logging.root.info("last");
  logging.flush();
  assert.deepEqual(posted, [["one", "two"], ["last"]]);
  await undefined;
  assert.equal(posted.length, 2);
});

test("follow() answers what it is asked, says why it cannot, and resolves once it was told to end and has", async () => {
  const said: FromWorker[] = [];
  let tell: (message: unknown) => void = () => {};
  const port = {
    post: (message: FromWorker) => void said.push(message),
    onMessage: (f: typeof tell) => void (tell = f),
  };
  const drained: number[] = [];
  const operations = {
    flush: (domain: string) => Promise.resolve(domain === "one.test" ? 4 : 0),
    order: () => Promise.reject(new Error("disk")),
    stats: () => Promise.resolve({ sessions: 3 }),
  };
  const server = { operations, drain: (ms: number) => Promise.resolve(void drained.push(ms)) };
  const ended = follow(port, server as never, {
    counts: () => ({ messages: { "": 2 } }),
    async enqueue(given) {
      if (given.envelope === "") throw new Error("no envelope");
      return { id: "Q", repeated: false };
    },
    submitted: (key) => key === "k" ? "K" : undefined,
  });
  tell({ kind: "ask", id: 1, verb: "flush", takes: "one.test" });
  tell({ kind: "ask", id: 2, verb: "order", takes: { verb: "hold", filter: { id: "x" } } });
  tell({ kind: "ask", id: 3, verb: "stats", takes: undefined });
  const content = new Uint8Array(0);
  tell({ kind: "ask", id: 4, verb: "enqueue", takes: { envelope: "{}", content } });
  tell({ kind: "ask", id: 5, verb: "enqueue", takes: { envelope: "", content } });
  tell({ kind: "ask", id: 6, verb: "submitted", takes: "k" });
  tell({ kind: "ask", id: 7, verb: "submitted", takes: "other" });
  for (let i = 0; i < 10; i++) await undefined;
  assert.deepEqual(said.sort((a, b) => (a as { id: number }).id - (b as { id: number }).id), [
    { kind: "answer", id: 1, gives: 4 },
    { kind: "refusal", id: 2, reason: "disk" },
    { kind: "answer", id: 3, gives: { sessions: 3, counts: { messages: { "": 2 } } } },
    { kind: "answer", id: 4, gives: { id: "Q", repeated: false } },
    { kind: "refusal", id: 5, reason: "no envelope" },
    { kind: "answer", id: 6, gives: { id: "K" } },
    { kind: "answer", id: 7, gives: {} },
  ]);
  tell({ kind: "drain", deadlineMs: 700 });
  await ended;
  assert.deepEqual(drained, [700]);
});

test("a worker's question to all comes back by its number, and so does why there is no answer", async () => {
  const posted: FromWorker[] = [];
  const asker = new Asker((message) => void posted.push(message));
  const [pools, list] = [asker.ask("pools", undefined), asker.ask("list", undefined)];
  assert.deepEqual(posted.map((message) => message.kind === "ask" && [message.id, message.verb]), [[1, "pools"], [
    2,
    "list",
  ]]);
  asker.hear({ kind: "answers", id: 2, gives: [], fault: "disk" });
  asker.hear({ kind: "answers", id: 1, gives: [[{ name: "x", inUse: 0, size: 1 }]] });
  asker.hear({ kind: "answers", id: 9, gives: [] });
  await assert.rejects(list, /disk/);
  assert.deepEqual(await pools, [[{ name: "x", inUse: 0, size: 1 }]]);
});
