/**
 * Every file that Haraka and the packages of its plugins ship in `config/`, in one site directory, with all their plugins at once: `kasi check`
 * finds it in order, and a start warns of nothing.
 *
 * Not as shipped is what no test may do (port 25, workers, real lists in the DNS) and where qmail-queue and a GeoIP database lie, which this machine lacks.
 */
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../../src/cli/check.ts";
import { pluginName } from "../../src/hooks/plugin_names.ts";
import { thisMachine } from "../../src/host/machine.ts";
import type { Machine, NetAddr } from "../../src/host/types.ts";
import { createLogging } from "../../src/log/logging.ts";
import { serve } from "../../src/server.ts";
import { HARAKA_VERSIONS, harakaConfigs } from "../kit/haraka_configs.ts";
import { LogLines } from "../kit/log_lines.ts";
import { mmdb } from "../kit/mmdb.ts";
import { MemoryRedis } from "../kit/memory_redis.ts";
import { temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { zone, type ZoneText } from "../kit/zone.ts";

const configs = harakaConfigs();
const skip = configs === undefined ? "npm cannot be had" : undefined;

/** Named in Haraka's `config/plugins`, and another day's work: scanners and what keeps its state in Redis. */
const NOT_YET = new Set([
  ...[
    "karma",
    "clamd",
    "rspamd",
    "spamassassin",
    "qmail-deliverable",
    "watch",
    "p0f",
    "auth/auth_ldap",
    "rcpt_to.ldap",
  ],
]);
/** Bundled with Haraka or packages of their own, but not in that file. */
const BESIDE: readonly string[] = [
  ...[
    "redis",
    "delay_deny",
    "xclient",
    "auth/auth_bridge",
    "auth/auth_vpopmaild",
    "auth/auth_imap",
    "dovecot",
    "aliases",
  ],
  ...["block_me", "data.signatures", "prevent_credential_leaks", "record_envelope_addresses", "constrain_sender"],
  ...["arc", "dmarc", "authentication-results", "accounting-files", "outbound-logger", "reseed_rng", "profile"],
];
/** One comment of that file names them all. */
const QUEUES: readonly string[] = [
  ...["discard", "qmail-queue", "quarantine", "smtp_forward", "smtp_proxy", "smtp_bridge", "lmtp", "maildir", "test"],
  "deliver",
].map((name) => `queue/${name}`);

const MAIL = `From: a@client.test\r\nDate: ${
  new Date().toUTCString().replace("GMT", "+0000")
}\r\nSubject: x\r\n\r\nhello\r\n`;

/** Haraka's list with nothing commented out, ours behind it, then the queues. */
function allPlugins(configDir: string): string[] {
  const lines = readFileSync(join(configDir, "plugins"), "utf8").split("\n");
  const named = lines.flatMap((line) => /^(?:# )?([a-z][\w./-]*)$/.exec(line)?.[1] ?? []);
  assert.ok(named.length > 25, `plugins of Haraka's file: ${named}`);
  const wanted = named.filter((name) => !NOT_YET.has(name) && !name.startsWith("queue/"));
  return [...wanted, ...BESIDE, ...QUEUES, "tarpit"];
}

/** What the lists and the provider of the shipped files say of the addresses they are tested with. */
function lists(configDir: string): ZoneText {
  const ini = readFileSync(join(configDir, "dns-list.ini"), "utf8");
  const zones = [...ini.matchAll(/^zones\[\] ?= ?(\S+)/gm)].map((match) => match[1]!);
  assert.ok(zones.length > 5, ini);
  const tests = zones.flatMap((zone) =>
    ["2.0.0.127", `2.0.0.0.0.0.f.7.f.f.f.f${".0".repeat(20)}`].map((name) => [`${name}.${zone}`, { A: ["127.0.0.2"] }])
  );
  const asn = { "165.51.128.66.asn.rspamd.com": { TXT: ["26496|66.128.48.0/20|US|arin|2002-08-27"] } };
  const client = { MX: ["10 mx.client.test"], A: ["203.0.113.5"], TXT: ["v=spf1 ~all"] };
  return { ...Object.fromEntries(tests), ...asn, "client.test": client, "mx.client.test": client };
}

for (const version of HARAKA_VERSIONS) {
  test(
    `all files of config/ of Haraka ${version} and of its plugins' packages, with all plugins: nothing unknown, no warning, no error, and a mail is taken`,
    { skip },
    async () => {
      const dir = temporaryDir("kasi-haraka-");
      const configDir = join(dir, "config");
      try {
        // Haraka's own files win over those of the packages, as they do there.
        for (const from of [...configs!.plugins, configs!.core(version)]) cpSync(from, configDir, { recursive: true });
        const plugins = allPlugins(configDir);
        writeFileSync(join(configDir, "plugins"), `${plugins.join("\n")}\n`);
        const smtp = join(configDir, version === "3.0.4" ? "smtp.json" : "smtp.ini");
        const text = readFileSync(smtp, "utf8");
        writeFileSync(smtp, version === "3.0.4" ? text.replace('"nodes": 1', '"nodes": 0') : `nodes=0\n${text}`);
        const program = join(dir, "qmail-queue.sh");
        writeFileSync(program, "#!/bin/sh\nexec cat >/dev/null\n");
        chmodSync(program, 0o755);
        writeFileSync(join(configDir, "qmail-queue.path"), `${program}\n`);
        // Where the databases lie, in the shipped file's own comment.
        const geoip = join(configDir, "geoip.ini");
        writeFileSync(geoip, readFileSync(geoip, "utf8").replace(/^;dbdir=.*$/m, `dbdir=${dir}`));
        const facts = { country: { iso_code: "US" }, continent: { code: "NA" } };
        const city = mmdb({ type: "GeoLite2-City", networks: { "44.10.20.0/24": facts } });
        writeFileSync(join(dir, "GeoLite2-City.mmdb"), city);
        mkdirSync(join(dir, "quarantine"));
        writeFileSync(join(configDir, "quarantine.ini"), `quarantine_path=${join(dir, "quarantine")}\n`);

        const real = await thisMachine({ resolver: zone(lists(configDir)) });
        const redis = new MemoryRedis(real.clock);
        const machine: Machine = {
          ...real,
          openRedis: (settings, watch) => Promise.resolve(redis.open(settings, watch)),
          openLocalLog: () => Promise.resolve({ write: () => Promise.resolve(), close: () => {} }),
          setTitle: () => {},
        };
        const complaints: string[] = [];
        const out = { say: () => 0 as const, write: () => {}, complain: (line: string) => void complaints.push(line) };
        const code = await check({ site: dir }, { machine, out });
        assert.deepEqual([code, complaints.map((line) => line.replaceAll(dir, ""))], [0, []]);

        const sink = new LogLines();
        const logging = createLogging({ clock: machine.clock, sinks: [sink] });
        const server = await serve({ site: dir, machine, logging, listen: ["127.0.0.1:0"] });
        try {
          const meant = new Set(plugins.map((listed) => pluginName(listed).name));
          assert.deepEqual(meant.difference(new Set(server.plugins.map(({ name }) => name))), new Set());
          await using client = await SmtpClient.connect((server.addresses[0] as NetAddr).port);
          await client.hello();
          const reply = await client.mail("", ["root@haraka.local"], MAIL);
          assert.match(reply, /^250 /, [reply, ...sink.lines].join("\n"));
        } finally {
          await server.stop();
        }
        const bad = sink.lines.filter((line) => /\[(?:WARN|ERROR|CRIT|ALERT|EMERG)\]|unknown|wanted:/.test(line));
        assert.ok(sink.lines.some((line) => line.includes("Listening on")), "the log is heard");
        // Nobody listens where smtp_proxy.ini leads, and it asks at MAIL already.
        assert.deepEqual(bad.filter((line) => !/backend failure: .*refused/i.test(line)), []);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  );
}
