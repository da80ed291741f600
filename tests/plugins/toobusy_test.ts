import assert from "node:assert/strict";
import plugin from "../../plugins/toobusy.ts";
import { systemClock } from "../../src/base/clock.ts";
import { ConfigError } from "../../src/base/config_error.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

/** A clock whose timers come as late as the test says, and the plugin over it. */
async function begin(maxlag?: string) {
  const fake = pluginHost("toobusy", { files: maxlag === undefined ? {} : { "toobusy.maxlag": maxlag } });
  let time = 0;
  let armed: { at: number; run: () => void } | undefined;
  const stop = new AbortController();
  const clock = {
    now: () => time,
    monotonic: () => time,
    after(ms: number, run: () => void) {
      armed = { at: time + ms, run };
      return { cancel: () => void (armed = undefined) };
    },
  };
  const machine = { ...fake.machine, host: fake.machine.host, resolver: fake.machine.resolver, clock };
  const { connect } = await plugin.setup({ ...fake.host, machine: machine as never, signal: stop.signal });
  return {
    priority: connect.priority,
    connect: () => connect.run({ session: fakeSession({ log: fake.log.log }), signal: stop.signal } as never),
    /** The loop is held up for so long past the next timer. */
    block(ms: number) {
      time = armed!.at + ms;
      armed!.run();
    },
    pass: (ms: number) => void (time += ms),
    timers: () => armed === undefined ? 0 : 1,
    stop: () => stop.abort(),
    ...fake,
  };
}
const BUSY = { kind: "defer", reply: { code: 421, text: "Too busy, try again later" }, hangUp: true };
const crits = (text: string) => text.match(/lags \d+ ms behind/g)?.length ?? 0;

test("new clients are turned away while the event loop lags, and let in again once it keeps up [row 248]", async () => {
  const it = await begin();
  assert.equal(it.priority, -100);
  assert.equal(it.connect(), undefined);
  it.block(200);
  assert.equal(it.connect(), undefined, "67 ms on the average");
  it.block(200);
  assert.deepEqual(it.connect(), BUSY);
  assert.deepEqual(it.connect(), BUSY);
  assert.equal(crits(it.log.text()), 1, "said once");
  for (let i = 0; i < 4; i++) it.block(0);
  assert.equal(it.connect(), undefined);
  it.block(1000);
  assert.deepEqual(it.connect(), BUSY);
  assert.equal(crits(it.log.text()), 2);
});

test("a loop that is held up right now counts before its timer comes", async () => {
  const it = await begin();
  it.pass(1500);
  assert.deepEqual(it.connect(), BUSY);
});

test("a loop that is really blocked is noticed", async () => {
  const { host, log: { log } } = pluginHost("toobusy");
  const stop = new AbortController();
  const machine = { ...host.machine, clock: systemClock };
  const { connect } = await plugin.setup({ ...host, machine: machine as never, signal: stop.signal });
  const until = performance.now() + 500 + 450;
  while (performance.now() < until);
  assert.deepEqual(connect.run({ session: fakeSession({ log }), signal: stop.signal } as never), BUSY);
  stop.abort();
});

test("toobusy.maxlag says how much is too much, and 9 ms is a slip", async () => {
  const it = await begin("1000\n");
  it.block(2000);
  assert.equal(it.connect(), undefined);
  it.change("toobusy.maxlag", "300\n");
  assert.deepEqual(it.connect(), BUSY);
  it.change("toobusy.maxlag", "soon\n");
  assert.match(it.log.text(), /toobusy\.maxlag.*300 ms stays/);
  await assert.rejects(startPlugin(plugin, { files: { "toobusy.maxlag": "9" } }), ConfigError);
});

test("nothing runs on once the server stops", async () => {
  const it = await begin();
  it.stop();
  assert.equal(it.timers(), 0);
});
