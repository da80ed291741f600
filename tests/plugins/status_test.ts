import assert from "node:assert/strict";
import plugin from "../../plugins/status.ts";
import type { Operations, QueuedItem } from "../../src/hooks/operations.ts";
import { fakeCapabilities } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const item = (id: string, state: QueuedItem["state"]): QueuedItem => ({
  id,
  domain: "b.test",
  sender: "me@kasi.test",
  recipients: ["a@b.test"],
  queuedAt: 1000,
  dueAt: 61_000,
  state,
});
const numbers = (inProgress: number) => ({ sessions: 1, queue: { inProgress, queued: 2, tempFail: 3, held: 0 } });

async function bench({ threads = 1, broken = false } = {}) {
  const told: string[] = [];
  const operations: Operations = {
    threads: () => Promise.resolve(Array.from({ length: threads }, (_, i) => numbers(i))),
    list: () =>
      Promise.resolve([item("T.1", "active"), item("T.2", "ready"), item("T.3", "waiting"), item("T.4", "held")]),
    retry: (id) => Promise.resolve(told.push(`retry ${id}`)),
    remove: (id) =>
      broken ? Promise.reject(new Error("disk")) : Promise.resolve(id === "T.3" ? told.push(`remove ${id}`) : 0),
    pools: () => Promise.resolve([{ name: "192.0.2.1:25", inUse: 1, size: 3 }]),
    replaced: 0,
  };
  const started = await startPlugin(plugin, { operations });
  return {
    ...started,
    told,
    async say(rest: string, ip = "127.0.0.1", verb = "STATUS") {
      const { verdict } = await started.run("unrecognized_command", { ip, event: { verb, rest } });
      if (verdict === undefined) return undefined;
      if (verdict.kind === "answer") {
        const { code, text } = verdict.value as { code: number; text: string };
        return [code, JSON.parse(text)];
      }
      return verdict.kind === "hangUp" ? [] : [verdict.reply.code, verdict.reply.text];
    },
  };
}

test("[row 246] STATUS tells a local client of pools and queue, and discards and pushes items", async () => {
  const b = await bench();
  assert.deepEqual(await b.say("POOL LIST"), [211, { "192.0.2.1:25": { inUse: 1, size: 3 } }]);
  assert.deepEqual(await b.say("QUEUE STATS"), [211, "0/2/3"]);
  assert.deepEqual(await (await bench({ threads: 2 })).say("QUEUE STATS"), [211, ["0/2/3", "1/2/3"]]);
  const [, list] = await b.say("QUEUE LIST") as [number, object[]];
  assert.deepEqual([list.length, list[0]], [4, {
    file: "T.1",
    uuid: "T.1",
    queue_time: 1000,
    domain: "b.test",
    from: "me@kasi.test",
    to: ["a@b.test"],
  }]);
  assert.deepEqual(await b.say("QUEUE INSPECT"), [211, {
    delivery_queue: [{ id: "T.1" }, { id: "T.2" }],
    temp_fail_queue: [{ id: "T.3", fire_time: 61_000 }],
  }]);
  assert.deepEqual(await b.say("QUEUE DISCARD T.3"), [211, "OK"]);
  assert.deepEqual(await b.say("QUEUE PUSH T.9"), [211, "OK"]);
  assert.deepEqual(b.told, ["remove T.3", "retry T.9"]);
});

test("what is no item, no command or no path is refused with 500", async () => {
  const b = await bench();
  assert.deepEqual(await b.say("QUEUE DISCARD T.8"), [500, "no item T.8"]);
  assert.deepEqual(await b.say("QUEUE DISCARD ../../etc/passwd"), [500, "an item's id is wanted"]);
  assert.deepEqual(await b.say("QUEUE PUSH"), [500, "an item's id is wanted"]);
  for (const rest of ["", "QUEUE", "queue stats", "toString x", "QUEUE NONSENSE"]) {
    assert.equal((await b.say(rest))![0], 500, rest);
  }
  assert.deepEqual(b.told, []);
  const broken = await bench({ broken: true });
  assert.deepEqual(await broken.say("QUEUE DISCARD T.3"), [500, "STATUS failed"]);
});

test("only clients on this machine are offered STATUS and may say it", async () => {
  const b = await bench();
  assert.equal((await b.say("QUEUE STATS", "192.0.2.7"))![0], 500);
  assert.equal(await b.say("x", "127.0.0.1", "NONSENSE"), undefined);
  for (const [ip, offered] of [["127.0.0.1", ["STATUS"]], ["192.0.2.7", []]] as const) {
    const capabilities = fakeCapabilities();
    await b.run("capabilities", { ip, event: { capabilities } });
    assert.deepEqual(capabilities.lines, offered);
  }
});
