/** A real Redis: results are published there, and broken TLS is remembered for all servers that share it. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";
import { answers, without } from "../kit/mail_programs.ts";
import { freePort } from "../kit/free_port.ts";
import { eventually, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

interface Redis extends AsyncDisposable {
  readonly port: number;
  cli(...words: string[]): string;
  subscribe(pattern: string): { readonly child: ChildProcess; said(): string };
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
    subscribe(pattern) {
      const listener = spawn("redis-cli", ["-p", String(port), "PSUBSCRIBE", pattern]);
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

test("[row 153] each change of results is heard on result-ID by whoever subscribes", options, async () => {
  await using redis = await startRedis();
  await using kasi = await startKasi({
    files: { "config/plugins": "redis\nhelo.checks\n", "config/redis.ini": `[server]\nport=${redis.port}\n` },
  });
  await kasi.untilLogged(/Connected to Redis/);
  const ear = redis.subscribe("result-*");
  try {
    await eventually(() => ear.said().includes("psubscribe"));
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    await eventually(() => ear.said().includes('"plugin":"helo.checks"'));
    assert.match(ear.said(), /\nresult-[0-9A-F-]{36}\n\{"plugin":"helo\.checks","result":\{/);
  } finally {
    process.kill(ear.child.pid!, "SIGTERM");
  }
});

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
