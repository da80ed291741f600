import assert from "node:assert/strict";
import { ConfigError } from "../../../src/base/config_error.ts";
import { createLogging } from "../../../src/log/logging.ts";
import { serve } from "../../../src/server.ts";
import { operationsOf, together } from "../../../src/server/workers/supervise.ts";
import { memoryMachine } from "../../kit/memory_host.ts";
import { memoryLog } from "../../kit/memory_log.ts";
import { test } from "../../kit/test.ts";

const stats = (sessions: number, held: number, oldest?: number) => ({
  sessions,
  queue: { inProgress: 1, queued: 2, tempFail: 3, held, oldest },
  delivery: { connections: 1, idle: 0, waiting: 0, opened: 5, reused: 4 },
  sites: { well: 1, slow: 0, resting: 2, probing: 0, suspended: 0 },
  threads: 1,
});

test("the numbers of all workers are added up", () => {
  assert.deepEqual(together([stats(2, 0), stats(5, 7, 99), stats(0, 0, 100)]), {
    sessions: 7,
    queue: { inProgress: 3, queued: 6, tempFail: 9, held: 7, oldest: 99 },
    delivery: { connections: 3, idle: 0, waiting: 0, opened: 15, reused: 12 },
    sites: { well: 3, slow: 0, resting: 6, probing: 0, suspended: 0 },
    threads: 3,
  });
  assert.equal(together([]).queue.held, 0);
});

test("an import ends what was broken off in every worker, then one takes the files, knowing what the others have", async () => {
  const asked: unknown[] = [];
  const pool = {
    ask(verb: string, takes: unknown) {
      asked.push([verb, takes]);
      return Promise.resolve(
        verb === "list" ? [[], [{ id: "B.1.2", queuedAt: 1, recipients: ["a@b"] }]] : [[{ file: "old", id: "O" }], []],
      );
    },
    askOne(verb: string, takes: unknown) {
      asked.push(["one", verb, takes]);
      return Promise.resolve([{ file: "a", id: "A" }]);
    },
  };
  const { host } = memoryMachine();
  host.mkdirSync("/in", { recursive: true });
  host.writeTextFileSync("/in/B.json", '{"id":"B.1"}');
  const operations = operationsOf(pool as never, { host, log: memoryLog().log, reload: () => {} });
  assert.deepEqual(await operations.import("/in"), [{ file: "old", id: "O" }, { file: "a", id: "A" }]);
  assert.deepEqual(asked, [
    ["import", { dir: "/in", step: { only: "settle" } }],
    ["list", { id: ["B.1"] }],
    ["one", "import", { dir: "/in", step: { only: "take", taken: [{ id: "B.1", recipients: ["a@b"] }] } }],
  ]);
});

test("a list is all workers' by age, cut to what was asked for; counts are sums; a flush reads certificates", async () => {
  let reloads = 0;
  const asked: unknown[] = [];
  const pool = {
    serving: 2,
    ask(verb: string, takes: unknown) {
      asked.push([verb, takes]);
      if (verb === "list") {
        return [[{ id: "c", queuedAt: 3, dueAt: 9 }], [{ id: "a", queuedAt: 1, dueAt: 10 }, {
          id: "d",
          queuedAt: 4,
          dueAt: 5,
        }]];
      }
      if (verb === "order") return [{ items: 2, passed: 0 }, { items: 5, passed: 1 }];
      if (verb === "trace") return [[], [{ id: "x.1" }]];
      return [2, 5];
    },
    restart: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
  const operations = operationsOf(pool as never, {
    host: memoryMachine().host,
    log: memoryLog().log,
    reload: () => void reloads++,
  });
  assert.deepEqual((await operations.list({ limit: 2 })).map(({ id }) => id), ["a", "c"]);
  assert.equal(await operations.flush("one.test"), 7);
  const hold = { verb: "hold", filter: { sender: "x" } } as const;
  assert.deepEqual(await operations.order(hold), { items: 7, passed: 1 });
  assert.deepEqual((await operations.trace("x")).map(({ id }) => id), ["x.1"]);
  assert.equal(reloads, 1);
  assert.deepEqual(asked.slice(1), [["flush", "one.test"], ["order", hold], ["trace", "x"]]);
  assert.deepEqual((await operations.list({ sort: "due", limit: 2 })).map(({ id }) => id), ["d", "c"]);
  // So many in all, not of each worker.
  await operations.order({ verb: "hold", filter: { sender: "x", limit: 2 } });
  assert.deepEqual(asked.at(-1), ["order", { verb: "hold", filter: { id: ["a", "c"] } }]);
});

for (
  const [what, extra, wanted] of [
    ["a machine without threads", {}, /no threads/],
    [
      "a plugin given as a value",
      { startThread: () => assert.fail("it must not start") },
      /worker cannot be given the value mine/,
    ],
  ] as const
) {
  test(`nodes=2 is refused with ${what}, by file, setting and what is wanted`, async () => {
    const machine = { ...memoryMachine(), ...extra };
    machine.host.mkdirSync("/site/config", { recursive: true });
    machine.host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\nnodes=2\n");
    const starting = serve({
      machine,
      site: "/site",
      logging: createLogging({ clock: machine.clock, sinks: [] }),
      plugins: [{ name: "mine", hooks: {} }],
    });
    await assert.rejects(starting, (fault: Error) => {
      assert.ok(fault instanceof ConfigError);
      assert.match(fault.message, /^smtp\.ini: nodes: current value is "2"; wanted: 0/);
      assert.match(fault.message, wanted);
      return true;
    });
  });
}

test("without workers there is nothing to replace, and restart() says so", async () => {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  machine.host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\n");
  const server = await serve({
    machine,
    site: "/site",
    logging: createLogging({ clock: machine.clock, sinks: [] }),
    plugins: [],
  });
  await assert.rejects(server.restart(), /smtp\.ini: nodes: current value is "0"; wanted: workers/);
  assert.equal(await server.flush(), 0);
  await server.stop(0);
});
