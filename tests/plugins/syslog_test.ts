import assert from "node:assert/strict";
import plugin from "../../plugins/syslog.ts";
import { facilityOf, messageOf, priorityOf, textOf } from "../../plugins/syslog_format.ts";
import { Outbox, type Sink } from "../../plugins/syslog_outbox.ts";
import { utf8Decode } from "../../src/base/bytes.ts";
import { ConfigError } from "../../src/base/config_error.ts";
import { type LevelName, LEVELS, type LogItem } from "../../src/log/types.ts";
import { FakeClock, settled } from "../kit/fake_clock.ts";
import { startPlugin } from "../kit/hook.ts";
import { lineServer } from "../kit/line_server.ts";
import type { PluginHostOptions } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

const TIME = new Date(2026, 10, 3, 9, 5, 7).getTime();
const item = (message: string, level: LevelName = "NOTICE"): LogItem => ({
  time: TIME,
  level,
  uuid: "A1.1",
  origin: "core",
  message,
  fields: { code: 250 },
});
const LINE = "[NOTICE] [A1.1] [core] hello code=250";

test("a line becomes a message of RFC 5424 or RFC 3164, by facility and level", () => {
  const sender = { host: "mx.kasi.test", name: "haraka", pid: 42 };
  assert.equal(
    messageOf("rfc5424", item("hello"), 21, sender),
    `<21>1 ${new Date(TIME).toISOString()} mx.kasi.test haraka 42 - - ${LINE}`,
  );
  assert.equal(
    messageOf("rfc3164", item("hello"), 21, sender),
    `<21>Nov  3 09:05:07 mx.kasi.test haraka[42]: ${LINE}`,
  );
  const nameless = messageOf("rfc5424", item("hello"), 21, { host: "", name: "two words", pid: undefined });
  assert.match(nameless, /Z - twowords - - - \[/);
  assert.match(messageOf("rfc3164", item("hello"), 21, { ...sender, pid: undefined }), / haraka: \[/);
  assert.deepEqual(["MAIL", "log_local7", "Daemon", "nothing"].map(facilityOf), [2, 23, 3, undefined]);
  assert.deepEqual(
    (Object.keys(LEVELS) as LevelName[]).map((level) => priorityOf(2, level)),
    [16, 17, 18, 19, 20, 21, 22, 23, 23, 23],
  );
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(textOf(item("a\tb\r\n<3>c\x1b[0m\x85d")), /[\x00-\x1f\x7f-\x9f]/);
});

/** An outbox whose daemon is there or not, as `there` says. */
function box() {
  const clock = new FakeClock();
  const sent: string[] = [];
  const told: string[] = [];
  const state = { there: true, open: 0, opened: 0 };
  const open = (): Promise<Sink> => {
    if (!state.there) return Promise.reject(new Error("not there"));
    state.open++;
    state.opened++;
    return Promise.resolve({
      send: ({ message }) => state.there ? Promise.resolve(void sent.push(message)) : Promise.reject(new Error("gone")),
      close: () => void state.open--,
    });
  };
  const outbox = new Outbox({
    clock,
    open,
    onTrouble: (reason) => void told.push((reason as Error).message),
    onBack: (dropped) => void told.push(`back ${dropped}`),
  });
  return { clock, sent, told, state, outbox };
}

test("lines go out in order over one connection; those of a daemon that is away wait, the oldest are dropped and counted", async () => {
  const { clock, sent, told, state, outbox } = box();
  outbox.push(item("1"));
  await settled();
  outbox.push(item("2"));
  await settled();
  assert.deepEqual([sent, state.opened], [["1", "2"], 1]);
  state.there = false;
  for (let i = 3; i < 1010; i++) outbox.push(item(`${i}`));
  await settled();
  assert.deepEqual([told, outbox.works, state.open], [["gone"], false, 0]);
  await clock.advance(3_000);
  assert.deepEqual(told, ["gone"], "told once");
  state.there = true;
  await clock.advance(60_000);
  assert.deepEqual(told, ["gone", "back 7"]);
  assert.deepEqual([sent[2], sent.at(-1), sent.length], ["10", "1009", 1002]);
  await outbox.end(1000);
  assert.deepEqual([state.open, clock.pending], [0, 0]);
});

test("the end waits for what can still be handed over, and for nothing else", async () => {
  const good = box();
  good.outbox.push(item("1"));
  await good.outbox.end(1000);
  assert.deepEqual([good.sent, good.clock.pending, good.state.open], [["1"], 0, 0]);
  good.outbox.push(item("2"));
  assert.equal(good.sent.length, 1);
  const away = box();
  away.state.there = false;
  away.outbox.push(item("1"));
  await settled();
  await away.outbox.end(1000);
  assert.equal(away.clock.pending, 0);
  const idle = box();
  await idle.outbox.end(1000);
  assert.equal(idle.state.opened, 0);
});

test("[row 293] every line goes to the local daemon under our name, pid and facility; always_ok keeps it from other outputs", async () => {
  const written: [number, string][] = [];
  const opened: object[] = [];
  const options = (ini: string): PluginHostOptions => ({
    files: { "syslog.ini": `[general]\n${ini}` },
    openLocalLog({ path, ident, pid }) {
      opened.push({ path, ident, pid });
      return Promise.resolve({
        write: (priority, text) => Promise.resolve(void written.push([priority, text])),
        close() {},
      });
    },
  });
  const usual = await startPlugin(plugin, options(""));
  await usual.run("init_master");
  assert.equal(opened.length, 0, "the first line connects");
  assert.equal((await usual.run("log", { event: { item: item("hello") } })).verdict, undefined);
  await plugin.stop();
  assert.deepEqual([opened, written], [[{ path: "/dev/log", ident: "haraka", pid: 4242 }], [[21, LINE]]]);

  const quiet = await startPlugin(
    plugin,
    options("name=kasi\nfacility=local0\npid=false\nalways_ok=true\nndelay=true\npath=/run/log\n"),
  );
  await quiet.run("init_master");
  await settled();
  assert.deepEqual(opened[1], { path: "/run/log", ident: "kasi", pid: undefined });
  assert.equal((await quiet.run("log", { event: { item: item("x", "CRIT") } })).verdict?.kind, "ok");
  await plugin.stop();
  assert.equal(written[1]![0], 16 * 8 + 2);
});

test("while the daemon is away always_ok keeps nothing from the other outputs, and the log says so once", async () => {
  const started = await startPlugin(plugin, {
    files: { "syslog.ini": "[general]\nalways_ok=true\n" },
    openLocalLog: () => Promise.reject(new Error("/dev/log is not there")),
  });
  await started.run("log", { event: { item: item("1") } });
  await settled();
  assert.equal((await started.run("log", { event: { item: item("2") } })).verdict, undefined);
  await plugin.stop();
  assert.equal(started.log.items.filter(({ message }) => /No syslog: \/dev\/log is not there/.test(message)).length, 1);
});

test("by UDP a line is a datagram, by TCP it is counted, or ended by a line feed in the older form", async () => {
  const datagrams: string[] = [];
  const to: object[] = [];
  const udp = await startPlugin(plugin, {
    files: { "syslog.ini": "[general]\ntransport=udp\nhost=logs.test\n" },
    zone: { "logs.test": { A: ["192.0.2.5"] } },
    openUdp(where) {
      to.push(where);
      return Promise.resolve({ send: (bytes) => Promise.resolve(void datagrams.push(utf8Decode(bytes))), close() {} });
    },
  });
  await udp.run("log", { event: { item: item("hello") } });
  await udp.run("log", { event: { item: item("x".repeat(9000)) } });
  await settled();
  await plugin.stop();
  assert.deepEqual(to, [{ address: "192.0.2.5", port: 514 }]);
  assert.match(datagrams[0]!, /^<21>1 \S+Z mx\.kasi\.test haraka 4242 - - \[NOTICE\]/);
  assert.equal(datagrams[1]!.length, 8192);

  for (const format of ["rfc5424", "rfc3164"]) {
    const tcp = await startPlugin(plugin, {
      files: { "syslog.ini": `[general]\ntransport=tcp\nport=601\nformat=${format}\n` },
    });
    const daemon = lineServer(tcp.machine, { hostname: "127.0.0.1", port: 601 }, { answer: () => "" });
    await tcp.run("log", { event: { item: item("grüße") } });
    await tcp.run("log", { event: { item: item("two\n") } });
    await settled();
    await plugin.stop();
    if (format === "rfc3164") {
      assert.match(daemon.lines[0]!, /^<21>Nov {2}3 09:05:07 mx\.kasi\.test haraka\[4242\]: .* code=250$/);
      assert.equal(daemon.lines.length, 2);
    }
    daemon.stop();
  }
});

test("a facility that there is none of stops the start", async () => {
  await assert.rejects(
    startPlugin(plugin, { files: { "syslog.ini": "[general]\nfacility=letters\n" } }),
    (fault: Error) => fault instanceof ConfigError && /facility.*letters/.test(fault.message),
  );
});

test("a line leaves nothing behind once it is sent, however many there are", async () => {
  const added: string[] = [];
  const { addEventListener } = AbortSignal.prototype;
  AbortSignal.prototype.addEventListener = function (this: AbortSignal, ...given: [string, ...unknown[]]) {
    added.push(given[0]);
    return (addEventListener as (...given: unknown[]) => void).apply(this, given);
  };
  const sent: string[] = [];
  try {
    const sink: Sink = { send: ({ message }) => (sent.push(message), Promise.resolve()), close() {} };
    const box = new Outbox({
      clock: new FakeClock(),
      open: () => Promise.resolve(sink),
      onTrouble: () => assert.fail(),
      onBack: () => assert.fail(),
    });
    for (let i = 0; i < 20; i++) {
      box.push(item(`${i}`));
      await settled();
    }
    await box.end(1000);
  } finally {
    AbortSignal.prototype.addEventListener = addEventListener;
  }
  assert.equal(sent.length, 20);
  assert.ok(added.length <= 1, `${added.length} listeners for 20 lines`);
});
