import assert from "node:assert/strict";
import plugin from "../../plugins/tarpit.ts";
import type { HookName } from "../../src/hooks/points.ts";
import { settled } from "../kit/fake_clock.ts";
import { type FakeSession, fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { test } from "../kit/test.ts";

const HOOKS = "connect helo ehlo mail rcpt rcpt_ok data data_post queue unrecognized_command vrfy noop rset quit";

/** How long the hook takes, in seconds. */
async function took(started: Awaited<ReturnType<typeof startPlugin>>, hook: HookName, session: FakeSession) {
  const { clock } = started.machine;
  const from = clock.monotonic();
  let over: number | undefined;
  const running = started.run(hook, { session }).then((ran) => (over = clock.monotonic() - from, ran));
  await settled();
  for (let i = 0; i < 20 && over === undefined; i++) await clock.advance(500);
  assert.equal((await running).verdict, undefined);
  return over! / 1000;
}
const noted = (seconds: unknown, on: "session" | "transaction") => {
  const session = fakeSession({ from: "a@b.test" });
  (on === "session" ? session : session.transaction!).notes.set("tarpit", seconds);
  return session;
};

test("plugins slow the answers to a client down by a note of session or transaction [row 136]", async () => {
  const started = await startPlugin(plugin);
  for (const hook of HOOKS.split(" ") as HookName[]) {
    assert.equal(await took(started, hook, noted(2, "session")), 2, hook);
    assert.equal(await took(started, hook, noted("1.5", "transaction")), 1.5, hook);
    assert.equal(await took(started, hook, fakeSession({ from: "a@b.test" })), 0, hook);
  }
  const logged = fakeSession({ log: started.log.log });
  logged.notes.set("tarpit", 2);
  await took(started, "ehlo", logged);
  assert.match(started.log.text(), /tarpit: ehlo waits for 2 s/);
  // Before MAIL there is no transaction, and the session's note holds all the same.
  const early = fakeSession();
  early.notes.set("tarpit", 3);
  assert.equal(await took(started, "ehlo", early), 3);
  for (const nothing of [0, -1, "soon", true, null]) {
    assert.equal(await took(started, "mail", noted(nothing, "session")), 0, String(nothing));
  }
});

test("only the hooks of the settings are delayed, and those may change [row 247]", async () => {
  const started = await startPlugin(plugin, { files: { "tarpit.ini": "hooks_to_delay=rcpt, data;quit nonsense\n" } });
  const delayed = async () => {
    const list: string[] = [];
    for (const hook of [...HOOKS.split(" "), "queue_outbound"] as HookName[]) {
      if (await took(started, hook, noted(1, "session")) === 1) list.push(hook);
    }
    return list.join(" ");
  };
  assert.equal(await delayed(), "rcpt data quit");
  assert.match(started.log.text(), /nonsense cannot be delayed/);
  started.change("tarpit.ini", "hooks_to_delay=queue_outbound\n");
  assert.equal(await delayed(), "queue_outbound");
});

test("a client that leaves is not waited for", async () => {
  const started = await startPlugin(plugin);
  const table = await plugin.setup({ ...started.host });
  const gone = new AbortController();
  const handler = table.mail as (event: unknown) => Promise<undefined>;
  const waiting = handler({ session: noted(60, "session"), signal: gone.signal });
  gone.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  assert.equal(started.machine.clock.pending, 0);
});
