/**
 * Dovecot as the site's mail store: its IMAP server knows the passwords (auth/auth_imap), its auth socket the users (dovecot), and the mail goes to it
 * by LMTP (queue/lmtp), whence IMAP shows it.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import { thisMachine } from "../../src/host/machine.ts";
import type { NetAddr } from "../../src/host/types.ts";
import { createLogging } from "../../src/log/logging.ts";
import { serve } from "../../src/server.ts";
import { LogLines } from "../kit/log_lines.ts";
import { run, without } from "../kit/mail_programs.ts";
import { makePki } from "../kit/pki.ts";
import { eventually, temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { startDovecot, withoutUnpacked } from "../kit/unpacked_servers.ts";
import { zone } from "../kit/zone.ts";

const PASSWORDS = { you: 'with "quotes" and \\', and: "naïve 密码", long: "x".repeat(900) };

test(
  "users by IMAP, recipients by the auth socket, mail by LMTP: all of one Dovecot [row 230]",
  { skip: withoutUnpacked() ?? without("curl"), timeoutMs: 90_000 },
  async () => {
    const pki = await makePki();
    await using dovecot = await startDovecot({ identity: pki.leaf, passwords: PASSWORDS });
    const dir = temporaryDir("kasi-dovecot-");
    writeSite(dir, {
      files: {
        "config/auth_imap.ini": `host=127.0.0.1\nport=${dovecot.imap}\n[tls.test]\nport=${dovecot.imaps}\ntls=true\n` +
          `[strict.test]\nport=${dovecot.imaps}\ntls=true\nrejectUnauthorized=true\n`,
        "config/dovecot.ini": `path=${dovecot.userdb}\n[gone.test]\npath=${dir}/nowhere\n`,
        "config/lmtp.ini": `host=127.0.0.1\nport=${dovecot.port}\n[socket.test]\npath=${dovecot.lmtp}\n`,
      },
    });
    const machine = await thisMachine({ resolver: zone({}) });
    const sink = new LogLines();
    const logging = createLogging({ clock: machine.clock, sinks: [sink] });
    const plugins = ["tls", "auth/auth_imap", "dovecot", "queue/lmtp"];
    const server = await serve({ site: dir, machine, logging, plugins });
    const { port } = server.addresses[0] as NetAddr;
    try {
      const login = async (user: string, password: string) => {
        await using client = await SmtpClient.connect(port);
        assert.doesNotMatch(await client.hello(), /AUTH/, "nothing is offered without TLS");
        await client.startTls();
        assert.match(await client.say("EHLO client.test"), /^250[- ]AUTH PLAIN LOGIN$/m);
        return await client.say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString("base64")}`);
      };
      for (const [user, password] of Object.entries(PASSWORDS)) {
        assert.match(await login(user, password), /^235 /, user);
        assert.match(await login(`${user}@tls.test`, password), /^235 /, `${user}, over TLS`);
      }
      assert.match(await login("you", `${PASSWORDS.you}!`), /^535 /);
      // 127.0.0.1 is no name of its certificate: that is trouble of the server's, and nobody's wrong password.
      assert.match(await login("you@strict.test", PASSWORDS.you), /^454 /);
      assert.ok(sink.lines.some((line) => /Cannot check the password of you@strict\.test/.test(line)));

      await using client = await SmtpClient.connect(port);
      await client.hello();
      assert.match(await client.say("MAIL FROM:<me@client.test>"), /^250 /);
      assert.match(await client.say("RCPT TO:<nobody@kasi.test>"), /^550 /);
      assert.match(
        await client.say("RCPT TO:<you@gone.test>"),
        /^450 /,
        "a socket that is not there refuses nobody for good",
      );
      assert.match(await client.say("RCPT TO:<you@kasi.test>"), /^250 /);
      assert.match(await client.say("RCPT TO:<and@socket.test>"), /^250 /);
      assert.match(await client.say("DATA"), /^354 /);
      assert.match(await client.say("Subject: by LMTP\r\n\r\n..dot\r\n."), /^250 /);
      await eventually(
        () => dovecot.mails().length === 2,
        15_000,
        `two mails: ${dovecot.log()} ${sink.lines.join("\n")}`,
      );
      const { stdout } = await run("curl", [
        ...[
          "-sS",
          "--user",
          `long:${PASSWORDS.long}`,
          `imap://127.0.0.1:${dovecot.imap}/`,
          "-X",
          "STATUS INBOX (MESSAGES)",
        ],
      ]);
      assert.match(stdout, /MESSAGES 0/);
      assert.ok(sink.lines.some((line) => line.includes(`domain=socket.test host=${dovecot.lmtp} `)), "by the socket");
      const read = await run("curl", [
        "-sS",
        "--user",
        `you:${PASSWORDS.you}`,
        `imap://127.0.0.1:${dovecot.imap}/INBOX;MAILINDEX=1`,
      ]);
      assert.match(read.stdout, /^Subject: by LMTP\r$/m);
      assert.match(read.stdout, /\r\n\r\n\.dot\r\n$/);
      assert.match(read.stdout, /^Return-Path: <me@client\.test>\r$/m);
    } finally {
      await server.stop(1000);
      rmSync(dir, { recursive: true, force: true });
    }
  },
);
