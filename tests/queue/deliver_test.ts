import assert from "node:assert/strict";
import { test } from "../kit/test.ts";
import { bench } from "./queue_kit.ts";

test("the first attempt has the message as it was accepted, later ones read it back: the octets are the same", async () => {
  const b = await bench({ verdicts: () => "deferred" });
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(100_000);
  const [first, second] = b.courier.deliveries;
  assert.equal(second!.text, first!.text);
  assert.deepEqual([first!.attempts, second!.attempts], [0, 1]);
  await b.queue.stop(0);
});

test("without a memory budget every attempt reads back", async () => {
  const b = await bench({ settings: { memoryBudget: 0 } });
  await b.accept("A", ["x@one.example"], undefined, "\xff\x00\r\n");
  await b.clock.advance(10);
  assert.match(b.courier.deliveries[0]!.text, /^Received: [^]*Subject: A\r\n\r\n/);
  await b.queue.stop(0);
});

test("a disk that cannot be read puts the item off and counts no failure", async () => {
  const disk = (await bench({ start: false })).disk;
  let broken = false;
  const host = {
    ...disk.host,
    openSync: (...args: Parameters<typeof disk.host.openSync>) => {
      const file = disk.host.openSync(...args);
      return {
        ...file,
        readSync: (into: Uint8Array) => {
          if (broken) throw new Error("Input/output error");
          return file.readSync(into);
        },
      };
    },
  };
  const b = await bench({ disk, settings: { memoryBudget: 0 }, options: { host } });
  broken = true;
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(1000);
  assert.equal(b.courier.deliveries.length, 0);
  broken = false;
  await b.clock.advance(60_000);
  assert.deepEqual(b.courier.deliveries.map(({ attempts }) => attempts), [0]);
  await b.queue.stop(0);
});

test("an item held while it is delivered stays held with what is left over", async () => {
  let free = (_: "deferred") => {};
  const b = await bench({ verdicts: () => new Promise((resolve) => free = resolve) });
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(10);
  await b.queue.hold("A");
  free("deferred");
  await b.clock.advance(1_000_000);
  assert.equal(b.courier.deliveries.length, 1);
  assert.deepEqual(b.queue.list().map(({ state, attempts }) => [state, attempts]), [["held", 1]]);
  await b.queue.stop(0);
});

test("a courier that ignores its abort does not keep the queue from stopping", async () => {
  const b = await bench({ verdicts: () => new Promise(() => {}) });
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(10);
  const stopping = b.queue.stop(1000);
  await b.clock.advance(10_000);
  await stopping;
  assert.equal(b.disk.openFiles, 0);
});
