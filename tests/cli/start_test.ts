import assert from "node:assert/strict";
import { start } from "../../src/cli/start.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { test } from "../kit/test.ts";

test("start() serves until SIGTERM, and SIGHUP flushes meanwhile", { sanitize: false }, async () => {
  const machine = memoryMachine();
  machine.host.mkdirSync("/site/config", { recursive: true });
  machine.host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\n");
  machine.host.writeTextFileSync("/site/config/plugins", "");
  const out = { say: () => 0 as const, write: () => {}, complain: () => {} };
  const running = start({ site: "/site" }, { machine, out });
  const until = async (pattern: RegExp) => {
    for (let i = 0; i < 500 && !pattern.test(machine.printed.stdout); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await machine.clock.advance(5);
    }
    assert.match(machine.printed.stdout, pattern);
  };
  await until(/Listening on 127\.0\.0\.1:25/);
  machine.raise("SIGHUP");
  await until(/Flushing the temp fail queue/);
  machine.raise("SIGTERM");
  await machine.clock.advance(60_000);
  assert.equal(await running, 0);
});
