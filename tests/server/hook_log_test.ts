import assert from "node:assert/strict";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { followHooks, loggedMachine } from "../../src/server/hook_log.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

function room(level: "DEBUG" | "INFO") {
  const memory = memoryLog(level);
  const resolver = zone({ "a.test": { A: ["192.0.2.1", "192.0.2.2"], MX: [{ preference: 5, exchange: "b.test" }] } });
  const given = { ...memoryMachine(), resolver };
  const machine = loggedMachine(given, memory.log.child({ origin: "asker" }));
  const runner = new HookRunner({ clock: given.clock, log: memory.log });
  followHooks(runner);
  return { memory, machine, runner };
}

test("what a hook function asks is logged under the id it runs for, with the answer; without one under the plugin's name", async () => {
  const { memory, machine, runner } = room("DEBUG");
  runner.add({ name: "asker" }, {
    async connect() {
      await machine.resolver.resolve("a.test", "A");
      await Promise.resolve();
      await machine.resolver.resolve("a.test", "MX");
      await machine.resolver.resolve("nobody.test", "TXT");
      await machine.dial({ to: { hostname: "::1", port: 9 }, timeoutMs: 10 }).catch(() => {});
    },
  });
  const event = { session: {} } as never;
  await Promise.all(["ONE", "TWO"].map((uuid) => runner.run("connect", event, { log: memory.log.child({ uuid }) })));
  await machine.resolver.resolve("a.test", "A");
  const asked = memory.items.filter(({ message }) => message === "lookup" || message === "dial");
  const of = (uuid: string) =>
    asked.filter((item) => item.uuid === uuid).map(({ origin, fields }) => {
      return [origin, fields.type ?? fields.to, fields.answer];
    });
  const wanted = [
    ["asker", "A", "192.0.2.1, 192.0.2.2"],
    ["asker", "MX", "5 b.test"],
    ["asker", "TXT", "nxdomain"],
  ];
  for (const uuid of ["ONE", "TWO"]) {
    assert.deepEqual(of(uuid).slice(0, 3), wanted);
    assert.equal(of(uuid)[3]![1], "[::1]:9");
    assert.notEqual(of(uuid)[3]![2], "connected");
  }
  assert.deepEqual(of(""), [wanted[0]]);
});

test("below DEBUG nothing is logged, and the functions run as they are", async () => {
  const { memory, machine, runner } = room("INFO");
  runner.add({ name: "asker" }, { connect: async () => void await machine.resolver.resolve("a.test", "A") });
  await runner.run("connect", { session: {} } as never, { log: memory.log });
  assert.deepEqual(memory.items, []);
});
