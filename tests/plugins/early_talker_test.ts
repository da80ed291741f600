import assert from "node:assert/strict";
import plugin from "../../plugins/early_talker.ts";
import { type FakeSession, fakeSession, type FakeSessionOptions } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { settled } from "../kit/fake_clock.ts";
import { test } from "../kit/test.ts";

const begin = async (files: { readonly [name: string]: string } = {}, options: FakeSessionOptions = {}) => {
  const started = await startPlugin(plugin, { files });
  const session = fakeSession({ from: "a@b.test", ...options });
  session.startedAt = started.machine.clock.now();
  /** Runs the hook; says how long it took, in milliseconds. */
  const run = async (name: "connect_init" | "data", meanwhile?: (session: FakeSession) => void) => {
    const { clock } = started.machine;
    const from = clock.monotonic();
    let over: number | undefined;
    const running = started.run(name, { session }).then((ran) => (over = clock.monotonic() - from, ran));
    await settled();
    meanwhile?.(session);
    for (let i = 0; i < 40 && over === undefined; i++) await clock.advance(250);
    const { verdict } = await running;
    return { verdict, took: over! };
  };
  const found = () => session.results.get(plugin);
  return { ...started, run, found, session };
};
const talks = (session: FakeSession) => void (session.earlyTalker = true);

test("strangers wait, whitelisted networks don't, and who talks meanwhile is refused at DATA if so set [row 236]", async () => {
  const quiet = await begin();
  assert.deepEqual(await quiet.run("connect_init"), { verdict: undefined, took: 5000 });
  assert.deepEqual(await quiet.run("data"), { verdict: undefined, took: 5000 });
  assert.deepEqual([quiet.found()?.pass, quiet.found()?.fail], [["early", "early"], []]);

  const early = await begin({ "early_talker.ini": "pause=2\n" });
  assert.deepEqual(await early.run("connect_init", talks), { verdict: undefined, took: 2000 });
  const refused = { kind: "deny", reply: { enhanced: "5.5.0", text: "You talk too soon" }, hangUp: true };
  // It need not be asked to wait again.
  assert.deepEqual(await early.run("data"), { verdict: refused, took: 0 });
  assert.deepEqual(early.found()?.fail, ["early", "early"]);

  const impatient = await begin({ "early_talker.ini": "pause=2\n" });
  await impatient.run("connect_init");
  assert.deepEqual((await impatient.run("data", talks)).verdict, refused);

  const spared = await begin({ "early_talker.ini": "pause=2\nreject=false\n" });
  await spared.run("connect_init", talks);
  assert.equal((await spared.run("data")).verdict, undefined);
  assert.deepEqual(spared.found()?.fail, ["early", "early"]);

  const ini = { "early_talker.ini": "[ip_whitelist]\n2001:db8::1\n192.0.2.0/24\n" };
  for (const ip of ["192.0.2.77", "2001:db8::1"]) {
    const known = await begin(ini, { ip });
    assert.deepEqual(await known.run("connect_init", talks), { verdict: undefined, took: 0 });
    assert.deepEqual([(await known.run("data")).verdict, known.found()?.skip], [undefined, ["whitelist", "whitelist"]]);
  }
  const other = await begin(ini, { ip: "198.51.100.1" });
  assert.equal((await other.run("connect_init")).took, 5000);
});

test("users, relays, clients of good karma, local and private ones need not wait [row 237]", async () => {
  const CASES: readonly [skip: string, options: FakeSessionOptions, prepare?: (session: FakeSession) => void][] = [
    ["authed", { user: "ann" }],
    ["relay", { relaying: true }],
    ["+karma", {}, (session) => session.results.incr("karma", { good: 2 })],
    ["local_ip", { ip: "127.0.0.1" }],
    ["private_ip", { ip: "10.0.0.1", isPrivate: true }],
  ];
  for (const [skip, options, prepare] of CASES) {
    const client = await begin({}, options);
    prepare?.(client.session);
    assert.deepEqual(await client.run("connect_init", talks), { verdict: undefined, took: 0 }, skip);
    assert.deepEqual(await client.run("data"), { verdict: undefined, took: 0 }, skip);
    assert.deepEqual(client.found()?.skip, [skip, skip]);
  }
  const bad = await begin();
  bad.session.results.incr("karma", { good: 0, bad: 1 });
  assert.equal((await bad.run("connect_init")).took, 5000);
});

test("what other plugins took of the time is not waited for again, and 0 makes nobody wait", async () => {
  const late = await begin();
  await late.machine.clock.advance(3000);
  assert.equal((await late.run("connect_init")).took, 2000);
  const off = await begin({ "early_talker.ini": "pause=0\n" });
  assert.deepEqual(await off.run("connect_init", talks), { verdict: undefined, took: 0 });
  assert.deepEqual([(await off.run("data")).verdict, off.found()], [undefined, undefined]);
  const older = await begin({ "early_talker.pause": "1500\n" });
  assert.equal((await older.run("connect_init")).took, 1500);
});
