/** What a newcomer gets: the server started without arguments in an empty directory, the README's first mail, STARTTLS, both families. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type tls from "node:tls";
import { answers, run, without } from "../kit/mail_programs.ts";
import { eventually, readMaildir, type RunningSite, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const PORT = 2525;
const taken = await answers(PORT) || await answers(PORT, "::1");
const hasIpv6 = Object.values(networkInterfaces()).flat().some((each) => each?.address === "::1");
const busy = taken ? `port ${PORT} is taken on this machine` : undefined;

/** Starts it in a directory of its own; the body sees the directory too. */
async function started(body: (kasi: RunningSite, dir: string) => Promise<void>): Promise<void> {
  const dir = temporaryDir("kasi-first-");
  try {
    await using kasi = await startKasi({ outOfTheBox: true, dir });
    await kasi.untilLogged(/Ctrl-C stops it/);
    await body(kasi, dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const inbox = (dir: string, user: string) => readMaildir(join(dir, "data/mail/localhost", user, "new"));

/** The mail itself, behind what the server put on top, which must be the three trace fields and nothing else. */
function withoutTrace(mail: string, { sender, recipient }: { sender: string; recipient: string }): string {
  const match = /^Return-Path: <(.*)>\nDelivered-To: (.*)\nReceived: from .*\n(?:[ \t].*\n)*/.exec(mail);
  assert.ok(match, `no trace fields on top of ${mail}`);
  assert.deepEqual([match[1], match[2]], [sender, recipient]);
  return mail.slice(match[0].length);
}

test("the README's curl line puts a first mail into the Maildir, whole, and nothing is written outside ./data", {
  skip: busy ?? without("curl", "sh"),
}, () =>
  started(async (kasi, dir) => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const line = /^ {4}(printf .*\| curl .*)$/m.exec(readme)?.[1];
    assert.ok(line, "no curl line in the README");
    const { code, output } = await run("sh", ["-c", line], { cwd: dir });
    assert.deepEqual([code, output], [0, ""]);
    const [mail, ...more] = inbox(dir, "you");
    assert.equal(more.length, 0);
    assert.equal(
      withoutTrace(mail!, { sender: "me@example.com", recipient: "you@localhost" }),
      "From: me@example.com\nSubject: First mail\n\nHello!\n",
    );
    await kasi.untilLogged(/disconnect ip=127\.0\.0\.1|disconnect ip=::1/);
    assert.deepEqual(readdirSync(dir), ["data"]);
    assert.equal(statSync(join(dir, "data/tls/key.pem")).mode & 0o077, 0, "others can read the key");
    assert.equal(await kasi.stop(), 0);
  }));

test("it says in five lines what it does and where mail goes", { skip: busy }, () =>
  started(async (kasi, dir) => {
    const said = kasi.output().split("\n").filter((line) => line !== "" && !line.startsWith("["));
    assert.equal(said.length, 5, said.join("\n"));
    assert.match(said[0]!, /127\.0\.0\.1:2525 and \[::1\]:2525 \(STARTTLS with a self-made certificate\)/);
    assert.ok(said[1]!.includes(`${dir}/data/mail/localhost/<local part>/new/`), said[1]!);
    assert.ok(said[2]!.includes(`${dir}/data/queue`), said[2]!);
  }));

for (const [family, host] of [["IPv4", "127.0.0.1"], ["IPv6", "::1"]] as const) {
  test(`it takes mail over ${family}, and queues what a client of this machine sends elsewhere`, {
    skip: busy ?? (family === "IPv6" && !hasIpv6 ? "no IPv6 on this machine" : undefined),
  }, () =>
    started(async (kasi, dir) => {
      await using client = await SmtpClient.connect(PORT, { host });
      assert.match(await client.hello(), /^250-/);
      assert.match(
        await client.mail("me@example.com", ["Bob@localhost"], `Subject: over ${family}\r\n\r\n..a dot\r\n`),
        /^250 /,
      );
      const [mail] = inbox(dir, "bob");
      const body = withoutTrace(mail!, { sender: "me@example.com", recipient: "Bob@localhost" });
      assert.equal(body, `Subject: over ${family}\n\n.a dot\n`);
      // A name that RFC 6761 keeps from the DNS, so that no network is needed to know that nobody is there.
      assert.match(await client.mail("me@example.com", ["x@nobody.localhost"], "Subject: out\r\n\r\nx\r\n"), /^250 /);
      assert.match(await client.say("QUIT"), /^221 /);
      await kasi.untilLogged(/\[queue\]|deferred file=|bounced file=/);
    }));
}

test("STARTTLS works with the self-made certificate, and the certificate is the same after a restart", {
  skip: busy,
}, async () => {
  const dir = temporaryDir("kasi-first-");
  const fingerprint = async () => {
    await using kasi = await startKasi({ outOfTheBox: true, dir });
    await using client = await SmtpClient.connect(PORT);
    assert.match(await client.hello(), /^250[- ]STARTTLS$/m);
    assert.match(await client.startTls({ servername: "localhost" }), /^220 /);
    const { fingerprint256 } = (client.socket as tls.TLSSocket).getPeerCertificate();
    assert.match(await client.say("EHLO client.test"), /^250-/);
    assert.match(await client.mail("", ["you@localhost"], "Subject: secret\r\n\r\nx\r\n"), /^250 /);
    await client.say("QUIT");
    await kasi.untilLogged(/tls=Y/);
    return fingerprint256;
  };
  try {
    const first = await fingerprint();
    assert.match(first, /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/);
    assert.equal(await fingerprint(), first);
    await eventually(() => inbox(dir, "you").length === 2, 5000, "two mails");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
