import assert from "node:assert/strict";
import { test } from "../kit/test.ts";
import { bench, fakeHooks } from "./queue_kit.ts";

test("the delivered hook hears host, ip, port, mode, tls, authentication, reply and delay [row 219]", async () => {
  const heard: unknown[] = [];
  const hooks = fakeHooks({
    delivered: ({ via, delay, response, outcomes, item }) => {
      heard.push({ via, delay, response, to: outcomes.map((one) => String(one.recipient.address)), id: item.id });
    },
  });
  const b = await bench({ hooks, settings: { disabled: true } });
  await b.accept("A", ["x@one.example", "y@one.example"]);
  await b.clock.advance(1500);
  b.set({ disabled: false });
  await b.clock.advance(100);
  assert.deepEqual(heard, [{
    via: { host: "mx.example", ip: "192.0.2.1", port: 25, mode: "SMTP", tls: true, authenticated: false },
    delay: 1.5,
    response: "2.0.0 taken",
    to: ["<x@one.example>", "<y@one.example>"],
    id: "A.1",
  }]);
  await b.queue.stop(0);
});

test("a recipient without an outcome is deferred", async () => {
  const b = await bench();
  b.courier.deliver = () => Promise.resolve({ outcomes: [] });
  await b.accept("A", ["x@one.example"]);
  await b.clock.advance(100);
  assert.equal(b.log.of("deferred")[0]!.err, "The deliverer gave no outcome");
  await b.queue.stop(0);
});

test("when the report cannot be stored the recipient stays, and is reported on once", async () => {
  const b = await bench({
    verdicts: (address) => address.startsWith("bad") ? "failed" : "delivered",
    settings: { disabled: true },
  });
  await b.accept("A", ["bad@one.example"]);
  b.disk.fail = (step) => {
    if (step === "write") throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  };
  b.set({ disabled: false });
  await b.clock.advance(1000);
  assert.deepEqual(b.queue.list().map(({ recipients, state }) => [...recipients, state]), [[
    "bad@one.example",
    "waiting",
  ]]);
  b.disk.fail = () => {};
  await b.clock.advance(120_000);
  assert.equal(b.courier.deliveries.filter(({ sender }) => sender === "").length, 1);
  assert.deepEqual(b.queue.list(), []);
  await b.queue.stop(0);
});

test("the event of an attempt counts delivered, deferred and failed recipients", async () => {
  const b = await bench({
    verdicts: (a) => a.startsWith("bad") ? "failed" : a.startsWith("soft") ? "deferred" : "delivered",
  });
  await b.accept("A", ["x@one.example", "bad@one.example", "soft@one.example", "y@one.example"]);
  await b.clock.advance(100);
  assert.deepEqual([b.log.of("delivered")[0]!.rcpts, b.log.of("deferred")[0]!.rcpts, b.log.of("bounced")[0]!.rcpts], [
    "2/1/1",
    "2/1/1",
    "2/1/1",
  ]);
  await b.queue.stop(0);
});
