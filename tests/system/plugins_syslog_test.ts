/** The log goes to a real rsyslogd: by its local socket, by UDP and by TCP, in both forms. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import plugin from "../../plugins/syslog.ts";
import { thisMachine } from "../../src/host/machine.ts";
import { freePort, without } from "../kit/mail_programs.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { eventually, startKasi, temporaryDir } from "../kit/site.ts";
import { test } from "../kit/test.ts";
import { which } from "../setup.ts";

/** A private rsyslogd that writes what it took apart, one line a message. */
async function startRsyslog() {
  const dir = temporaryDir("kasi-rsyslog-");
  const [udp, tcp] = [await freePort(), await freePort()];
  const socket = join(dir, "log.sock");
  const out = join(dir, "out");
  writeFileSync(
    join(dir, "conf"),
    `global(workDirectory="${dir}")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
input(type="imuxsock" Socket="${socket}")
input(type="imudp" address="127.0.0.1" port="${udp}")
input(type="imtcp" address="127.0.0.1" port="${tcp}")
template(name="t" type="string" string="%inputname% %syslogfacility-text%.%syslogseverity-text% %hostname% %programname%:%procid% %protocol-version% %msg%\\n")
action(type="omfile" file="${out}" template="t")
`,
  );
  const child = spawn(which("rsyslogd")!, ["-n", "-f", join(dir, "conf"), "-i", join(dir, "pid")], { stdio: "ignore" });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const lines = () => existsSync(out) ? readFileSync(out, "utf8").split("\n") : [];
  const until = (pattern: RegExp) =>
    eventually(() => lines().find((line) => pattern.test(line)), 20_000, `${pattern} in ${lines().join("\n")}`);
  await eventually(() => existsSync(socket), 20_000, "rsyslogd");
  return {
    udp,
    tcp,
    socket,
    until,
    async [Symbol.asyncDispose]() {
      process.kill(child.pid!, "SIGTERM");
      await gone;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

test("rsyslogd reads every line: of the local socket, UDP and TCP, RFC 5424 and RFC 3164", {
  skip: without("rsyslogd", "logger"),
  timeoutMs: 120_000,
}, async () => {
  await using daemon = await startRsyslog();
  const kasi = await startKasi({
    files: { "config/plugins": "syslog\n", "config/syslog.ini": `[general]\npath=${daemon.socket}\n` },
  });
  await daemon.until(/^imuxsock mail\.notice \S+ haraka:\d+ 0 .*\[NOTICE\] \[-\] \[core\] Listening on/);
  assert.equal(await kasi.stop(), 0);

  const machine = await thisMachine();
  const ways = [
    [
      `transport=udp\nport=${daemon.udp}\nfacility=local3\n`,
      /^imudp local3\.warning mx\.kasi\.test haraka:\d+ 1 .*grüße$/,
    ],
    [`transport=tcp\nport=${daemon.tcp}\n`, /^imtcp mail\.warning mx\.kasi\.test haraka:\d+ 1 .*grüße$/],
    [
      `transport=tcp\nport=${daemon.tcp}\nformat=rfc3164\nname=old\n`,
      /^imtcp mail\.warning mx\.kasi\.test old:\d+ 0 .*grüße$/,
    ],
  ] as const;
  for (const [ini, expected] of ways) {
    const { host } = pluginHost("syslog", { files: { "syslog.ini": `[general]\n${ini}` } });
    const { log } = await plugin.setup({ ...host, machine });
    const item = { time: Date.now(), level: "WARN", uuid: "", origin: "core", fields: {} } as const;
    log({ item: { ...item, message: "one" } });
    log({ item: { ...item, message: "grüße" } });
    await plugin.stop();
    await daemon.until(expected);
  }
});

test("a local socket that is not there, and a log daemon that has gone, are told of", {
  skip: without("rsyslogd", "logger"),
}, async () => {
  const machine = await thisMachine();
  const { clock } = machine;
  await assert.rejects(
    machine.openLocalLog({ path: "/nowhere/log", ident: "x", clock }),
    /\/nowhere\/log is not there/,
  );
  const daemon = await startRsyslog();
  const log = await machine.openLocalLog({ path: daemon.socket, ident: "kasi", pid: 77, clock });
  await log.write(20, "before <3> ü");
  await daemon.until(/^imuxsock mail\.warning \S+ kasi:77 0 .*before <3> ü$/);
  await daemon[Symbol.asyncDispose]();
  await assert.rejects(async () => {
    for (let i = 0; i < 100; i++) {
      await log.write(20, "after");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  log.close();
  log.close();
  const udp = await machine.openUdp({ address: "127.0.0.1", port: await freePort() });
  await udp.send(new Uint8Array([1]));
  udp.close();
  udp.close();
  await assert.rejects(udp.send(new Uint8Array([1])), /closed/);
});
