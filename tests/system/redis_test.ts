/** A real Redis: results are published there, and broken TLS is remembered for all servers that share it. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";
import { answers, without } from "../kit/mail_programs.ts";
import { freePort } from "../kit/free_port.ts";
import { startNextHop } from "../kit/next_hop.ts";
import { eventually, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

interface Redis extends AsyncDisposable {
  readonly port: number;
  cli(...words: string[]): string;
  /** `PSUBSCRIBE PATTERN`, or `MONITOR`. */
  listen(...words: string[]): { readonly child: ChildProcess; said(): string };
}

async function startRedis(): Promise<Redis> {
  const port = await freePort();
  const dir = temporaryDir("redis-");
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir];
  const child = spawn("redis-server", args, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await eventually(() => answers(port));
  return {
    port,
    cli: (...words) => execFileSync("redis-cli", ["-p", String(port), ...words], { encoding: "utf8" }).trim(),
    listen(...words) {
      const listener = spawn("redis-cli", ["-p", String(port), ...words]);
      let said = "";
      listener.stdout.on("data", (octets) => said += octets);
      return { child: listener, said: () => said };
    },
    async [Symbol.asyncDispose]() {
      process.kill(child.pid!, "SIGTERM");
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const skip = without("redis-server", "redis-cli");
const options = skip === undefined ? {} : { skip };

test(
  "[row 166] after a failed handshake two servers that share a Redis offer no STARTTLS, until the key expires",
  options,
  async () => {
    await using redis = await startRedis();
    const files = {
      "config/plugins": "redis\ntls\n",
      "config/redis.ini": `[server]\nport=${redis.port}\n`,
      "config/tls.ini": "[redis]\ndisable_for_failed_hosts=true\ndisable_inbound_expiry=600\n",
    };
    await using one = await startKasi({ files });
    await using other = await startKasi({ files });
    for (const kasi of [one, other]) await kasi.untilLogged(/Connected to Redis/);
    const offered = async (port: number) => {
      await using client = await SmtpClient.connect(port);
      return /STARTTLS/.test(await client.hello());
    };
    assert.deepEqual([await offered(one.port), await offered(other.port)], [true, true]);
    await brokenHandshake(one.port);
    await one.untilLogged(/TLS handshake failed/);
    assert.equal(await offered(one.port), false);
    await eventually(async () => !await offered(other.port));
    assert.match(redis.cli("GET", "no_tls|127.0.0.1"), /^"?\d{4}-\d\d-/);
    const left = Number(redis.cli("TTL", "no_tls|127.0.0.1"));
    assert.equal(left > 590 && left <= 600, true, String(left));
    redis.cli("DEL", "no_tls|127.0.0.1");
    assert.equal(await offered(other.port), true);
  },
);

test(
  "[row 153] [row 285] [row 286] [row 290] [row 292] plugins share one connection or have a database of their own, as MONITOR shows; each change of results is heard on result-ID, recipients and deliveries are counted, and mail goes by the routes of Redis and of the file",
  options,
  async () => {
    await using redis = await startRedis();
    await using hop = await startNextHop();
    const at = `127.0.0.1:${hop.port}`;
    await using kasi = await startKasi({
      files: {
        // Whoever shares the connection need not stand behind it.
        "config/plugins": "limit\nredis\nrecipient-routes\n",
        "config/redis.ini": `[server]\nport=${redis.port}\n`,
        "config/limit.ini":
          "tarpit_delay=0\n[rate_rcpt]\nenabled=true\ndefault=2/1h\n[rate_conn]\nenabled=true\ndefault=9\n" +
          "[outbound]\nenabled=true\nfile.test=5\n[rate_outbound]\nenabled=true\ndefault=9/1h\n",
        "config/rcpt_to.routes.ini": `[redis]\ndatabase=5\n[routes]\nfile.test=${at}\n`,
      },
    });
    await kasi.untilLogged(/Connected to Redis[^]*Connected to Redis/);
    redis.cli("-n", "5", "SET", "joe@redis.test", `smtp://${at}`);
    const [ear, monitor] = [redis.listen("PSUBSCRIBE", "result-*"), redis.listen("MONITOR")];
    try {
      await eventually(() => ear.said().includes("psubscribe") && monitor.said().includes("OK"));
      await using client = await SmtpClient.connect(kasi.port);
      await client.hello();
      const codes: string[] = [];
      const rcpts = ["joe@redis.test", "ann@file.test", "ann@file.test", "Ann@file.test", "x@elsewhere.test"];
      for (const line of ["MAIL FROM:<me@client.test>", ...rcpts.map((one) => `RCPT TO:<${one}>`), "DATA"]) {
        codes.push((await client.say(line)).slice(0, 3));
      }
      assert.deepEqual(codes, ["250", "250", "250", "250", "450", "550", "354"]);
      assert.match(await client.say("Subject: x\r\n\r\nhello\r\n."), /^250 /);
      const mails = await hop.untilMails(2);
      assert.deepEqual(mails.map(({ recipients }) => recipients).sort(), [
        ["ann@file.test", "ann@file.test"],
        ["joe@redis.test"],
      ]);
      // Of the session, and of the transaction.
      for (
        const said of [
          /\nresult-[0-9A-F-]{36}\n\{"plugin":"limit","result":\{"rate_conn":"127\.0\.0\.1:1:9"\}/,
          /\nresult-[0-9A-F-]{36}\n\{"plugin":"limit","result":\{"fail":"rate_rcpt"\}/,
          /\nresult-[0-9A-F-]{36}\.1\n\{"plugin":"recipient-routes","result":\{"pass":"redis\.email"\}/,
        ]
      ) await eventually(() => said.test(ear.said()), 15_000, String(said));
      assert.equal(redis.cli("GET", "rate_rcpt:ann@file.test").replaceAll('"', ""), "3");
      // Each delivery was counted as it began; those under way until they were settled.
      assert.equal(redis.cli("GET", "rate_outbound:file.test").replaceAll('"', ""), "1");
      await eventually(() => redis.cli("HGET", "outbound-rate:file.test", "TOTAL").replaceAll('"', "") === "0");
      // Which command came to which database, over which connection.
      await eventually(() => /"PUBLISH"/.test(monitor.said()));
      const places = (verb: string) =>
        new Set([...monitor.said().matchAll(new RegExp(`\\[(\\d+ \\S+)\\] "${verb}"`, "g"))].map((match) => match[1]!));
      const [shared, own] = [places("INCRBY"), places("MGET")];
      assert.deepEqual([shared.size, own.size], [1, 1]);
      assert.deepEqual(places("PUBLISH"), shared);
      assert.match([...shared][0]!, /^0 /);
      assert.match([...own][0]!, /^5 /);
    } finally {
      for (const { child } of [ear, monitor]) process.kill(child.pid!, "SIGTERM");
    }
  },
);

test("mail goes on when Redis is not there", async () => {
  await using kasi = await startKasi({
    files: { "config/plugins": "redis\ntls\n", "config/redis.ini": `[server]\nport=${await freePort()}\n` },
  });
  await kasi.untilLogged(/No Redis: .*going on without/);
  await using client = await SmtpClient.connect(kasi.port);
  assert.match(await client.hello(), /STARTTLS/);
});

/** STARTTLS, and then something that is no ClientHello. */
async function brokenHandshake(port: number): Promise<void> {
  await using client = await SmtpClient.connect(port);
  await client.hello();
  assert.match(await client.say("STARTTLS"), /^220 /);
  await client.write("this is no handshake at all\r\n");
  await client.rest();
}
