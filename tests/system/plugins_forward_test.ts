/** queue/smtp_forward and queue/smtp_proxy in front of a real Postfix, which is told by XCLIENT who the client is, and of a real Exim, over TLS. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { latin1Encode } from "../../src/base/bytes.ts";
import { thisMachine } from "../../src/host/machine.ts";
import type { NetAddr } from "../../src/host/types.ts";
import { createLogging } from "../../src/log/logging.ts";
import { serve } from "../../src/server.ts";
import { run, startPostfix, startSink, without } from "../kit/mail_programs.ts";
import { makePki } from "../kit/pki.ts";
import { eventually, temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { startExim, withoutUnpacked } from "../kit/unpacked_servers.ts";
import { zone } from "../kit/zone.ts";

const machine = await thisMachine({ resolver: zone({}) });

/** A server in this process; quick to start. */
async function serveHere(plugin: string, files: { readonly [path: string]: string }) {
  const dir = temporaryDir("kasi-forward-");
  writeSite(dir, { files });
  const logging = createLogging({ clock: machine.clock, sinks: [] });
  const plugins = ["rcpt_to.in_host_list", `queue/${plugin}`];
  const server = await serve({ site: dir, machine, logging, plugins });
  return {
    port: (server.addresses[0] as NetAddr).port,
    async [Symbol.asyncDispose]() {
      await server.stop(0);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const isRoot = (await run("id", ["-u"])).stdout.trim() === "0";

test(
  "Postfix behind smtp_proxy and smtp_forward judges the client it was told of, and what it says is what the client hears",
  {
    skip: without("postfix", "smtp-sink") ?? (isRoot ? undefined : "Postfix wants root"),
    timeoutMs: 90_000,
  },
  async () => {
    await using sink = await startSink();
    await using postfix = await startPostfix(sink.port, {
      smtpd_authorized_xclient_hosts: "127.0.0.1",
      smtpd_peername_lookup: "no",
      mynetworks: "198.51.100.0/24",
      smtpd_recipient_restrictions:
        "check_recipient_access inline:{{no@kasi.test = 550 5.1.1 Nobody here}}, permit_mynetworks, reject",
    });
    const sent: string[] = [];
    for (const plugin of ["smtp_proxy", "smtp_forward"]) {
      await using kasi = await serveHere(plugin, {
        "config/connection.ini": "[haproxy]\nhosts=127.0.0.1\n",
        [`config/${plugin}.ini`]: `host=127.0.0.1\nport=${postfix.port}\n`,
      });
      const live = plugin === "smtp_proxy";
      await using client = await SmtpClient.connect(kasi.port);
      await client.write("PROXY TCP4 198.51.100.7 192.0.2.1 41000 25\r\n");
      await client.reply();
      await client.say("EHLO client.example");
      await client.say("MAIL FROM:<me@client.example>");
      assert.match(await client.say("RCPT TO:<no@kasi.test>"), live ? /^550 5\.1\.1 .*Nobody here$/ : /^250 /);
      if (!live) {
        await client.say("RSET");
        await client.say("MAIL FROM:<me@client.example>");
      }
      assert.match(await client.say("RCPT TO:<you@kasi.test>"), /^250 /);
      assert.match(await client.say("DATA"), /^354 /);
      assert.match(await client.say(`Subject: ${plugin}\r\n\r\n..dot\r\n.`), /^250 2\.0\.0 Ok: .*queued as /);
      sent.push(plugin);
      const mails = await sink.untilMails(sent.length, 30_000);
      const mail = mails.find(({ content }) => content.includes(`Subject: ${plugin}\n`))!;
      assert.deepEqual([mail.recipients, mail.content.endsWith("\n\n.dot\n")], [["you@kasi.test"], true]);
      assert.match(mail.content, /^Received: from client\.example \(\S+ \[198\.51\.100\.7\]\)\n\tby relay\.localhost/m);
      await using stranger = await SmtpClient.connect(kasi.port);
      await stranger.write("PROXY TCP4 203.0.113.9 192.0.2.1 41000 25\r\n");
      await stranger.hello();
      const refused = await stranger.mail("me@client.example", ["you@kasi.test"], "Subject: x\r\n\r\n");
      assert.match(refused, /^454 4\.7\.1 <you@kasi\.test>: Relay access denied/, "Postfix sees a stranger");
    }
  },
);

test(
  "Exim behind smtp_proxy and smtp_forward, over TLS: what it refuses the client hears, what it takes is whole",
  { skip: withoutUnpacked(), timeoutMs: 90_000 },
  async () => {
    const pki = await makePki();
    await using exim = await startExim({ identity: pki.leaf });
    const ini = `host=127.0.0.1\nport=${exim.port}\nenable_tls=true\n`;
    const body = `..dot\r\n\xe9 \t\r\n${`${"0123456789".repeat(7)}\r\n`.repeat(3000)}`;
    for (const [i, plugin] of ["smtp_proxy", "smtp_forward"].entries()) {
      await using kasi = await serveHere(plugin, {
        "config/smtp_proxy.ini": ini,
        // The domain's own server, not the one of [main].
        "config/smtp_forward.ini": `host=127.0.0.1\nport=1\n[kasi.test]\n${ini}`,
      });
      await using client = await SmtpClient.connect(kasi.port);
      await client.hello();
      const mail = (to: string) =>
        client.mail("me@client.test", [to], latin1Encode(`Subject: ${plugin}\r\n\r\n${body}`));
      assert.match(await mail("never@kasi.test"), /^550 .*No such user here/, plugin);
      await client.say("RSET");
      assert.match(await mail("later@kasi.test"), /^45\d .*Come back later/, plugin);
      await client.say("RSET");
      assert.match(await mail("you@kasi.test"), /^250 .*OK id=/, plugin);
      await eventually(() => exim.mails().length === i + 1, 10_000, `a mail: ${exim.log()}`);
      const arrived = exim.mails().find((text) => text.includes(`Subject: ${plugin}\n`))!;
      assert.equal(arrived.slice(arrived.indexOf("\n\n") + 2), body.slice(1).replaceAll("\r", ""), plugin);
      assert.match(exim.log(), /<= me@client\.test .* P=esmtps /);
    }
  },
);
