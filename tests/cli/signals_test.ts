import assert from "node:assert/strict";
import { takeOrders } from "../../src/cli/signals.ts";
import { ExitCalled, memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("takeOrders() heeds a stop once, and a second signal ends the process with 1", async () => {
  const { host, raise } = memoryMachine();
  const orders = takeOrders(host);
  raise("SIGTERM");
  assert.equal(await orders.stopped, 0);
  assert.throws(() => raise("SIGINT"), (cause: unknown) => cause instanceof ExitCalled && cause.code === 1);
  orders.release();
  raise("SIGINT");
});

test("an order by another way is a first one: signals still end in good order behind it", async () => {
  const { host, raise } = memoryMachine();
  const orders = takeOrders(host);
  orders.stop(1);
  orders.stop(0);
  raise("SIGTERM");
  assert.equal(await orders.stopped, 1, "the first reason counts");
  orders.release();
});

test("a SIGHUP from before the server stands reaches it once it does", () => {
  const { host, raise } = memoryMachine();
  const orders = takeOrders(host);
  let flushes = 0;
  raise("SIGHUP");
  orders.onFlush(() => flushes++);
  assert.equal(flushes, 1);
  raise("SIGHUP");
  assert.equal(flushes, 2);
  orders.release();
});
