/**
 * Other people's servers as next hops: Postfix, Exim, OpenSMTPD and Dovecot's LMTP, in plain and over verified TLS. What arrives is what was sent, a
 * recipient they refuse comes back or waits, and a UTF-8 address goes only where it is taken.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { latin1Encode } from "../../src/base/bytes.ts";
import { freePort, run, startPostfix, without } from "../kit/mail_programs.ts";
import { type NextHop, startNextHop } from "../kit/next_hop.ts";
import { makePki, type Pki } from "../kit/pki.ts";
import { eventually, type RunningSite, startKasi, temporaryDir } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import {
  startDovecotLmtp,
  startExim,
  startOpenSmtpd,
  type UnpackedServer,
  withoutUnpacked,
} from "../kit/unpacked_servers.ts";
import { chmodSync, rmSync, writeFileSync } from "node:fs";

interface Peer extends AsyncDisposable {
  readonly port: number;
  log(): string;
  /** What arrived, as it arrived; lines end in LF or CRLF. */
  arrived(): string[];
}

interface Row {
  readonly name: string;
  readonly skip: string | undefined;
  readonly start: (pki: Pki, behind: NextHop) => Promise<Peer>;
  readonly lmtp?: true;
  /** Its TLS cannot be had, and why. */
  readonly noTls?: string;
  readonly takesUtf8: boolean;
  /** It keeps to NOTIFY, ORCPT and ENVID. */
  readonly reports?: true;
  /** What its log says of a mail that came by BDAT. */
  readonly chunked?: RegExp;
  /** Replies to `never@` and `later@`. */
  readonly never: RegExp;
  readonly later: RegExp;
}

const unpacked = (server: UnpackedServer, behind?: NextHop): Peer => ({
  port: server.port,
  log: () => server.log(),
  arrived: () => behind === undefined ? server.mails() : behind.mails.map(({ content }) => content),
  [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
});

const ROWS: readonly Row[] = [
  {
    name: "Postfix",
    skip: without("postfix") ?? (await isRoot() ? undefined : "Postfix wants root"),
    async start({ leaf }, behind) {
      const dir = temporaryDir("kasi-postfix-tls-");
      chmodSync(dir, 0o755);
      writeFileSync(join(dir, "cert.pem"), leaf.cert);
      writeFileSync(join(dir, "key.pem"), leaf.key, { mode: 0o600 });
      const postfix = await startPostfix(behind.port, {
        smtpd_tls_security_level: "may",
        smtpd_tls_cert_file: `${dir}/cert.pem`,
        smtpd_tls_key_file: `${dir}/key.pem`,
        smtpd_recipient_restrictions:
          "check_recipient_access inline:{{never@=550 5.1.1 No such user here} {later@=451 4.2.1 Come back later}}, permit_mynetworks, reject",
      });
      return {
        port: postfix.port,
        log: () => postfix.log(),
        arrived: () => behind.mails.map(({ content }) => content),
        async [Symbol.asyncDispose]() {
          await postfix[Symbol.asyncDispose]();
          rmSync(dir, { recursive: true, force: true });
        },
      };
    },
    takesUtf8: true,
    reports: true,
    never: /550 5\.1\.1 .*No such user here/,
    later: /451 4\.2\.1 .*Come back later/,
  },
  {
    name: "Exim",
    skip: withoutUnpacked(),
    start: async ({ leaf }) => unpacked(await startExim({ identity: leaf })),
    takesUtf8: true,
    chunked: / <= me@kasi\.test .* K /,
    never: /550 No such user here/,
    later: /451 Come back later/,
  },
  {
    name: "OpenSMTPD",
    skip: withoutUnpacked(),
    start: async ({ leaf }, behind) => unpacked(await startOpenSmtpd({ identity: leaf, nextHop: behind.port }), behind),
    noTls:
      "Debian's OpenSMTPD 6.8.0p2 ends every handshake with an internal error of OpenSSL 3, with RSA and ECDSA, TLS 1.2 and 1.3",
    takesUtf8: false,
    never: /550 5\.1\.1 No such user here/,
    later: /451 4\.2\.1 Come back later/,
  },
  {
    name: "Dovecot's LMTP",
    skip: withoutUnpacked(),
    start: async ({ leaf }) => unpacked(await startDovecotLmtp({ identity: leaf })),
    lmtp: true,
    takesUtf8: false,
    never: /550 5\.1\.1 .*User doesn't exist/,
    later: /451 4\.[23]\.0 /,
  },
];

async function isRoot(): Promise<boolean> {
  return (await run("id", ["-u"])).stdout.trim() === "0";
}

/** `plain.test` never by TLS, `tls.test` only so, verified by our authority, `any.test` as it comes; all go to the peer. */
async function startRelay(peer: Peer, pki: Pki, lmtp: boolean): Promise<RunningSite> {
  const port = await freePort();
  const nexthop = `${lmtp ? "lmtp://" : ""}127.0.0.1:${peer.port}`;
  const routes = { "plain.test": nexthop, "tls.test": nexthop, "any.test": nexthop, "kasi.test": `127.0.0.1:${port}` };
  return await startKasi({
    listen: `127.0.0.1:${port}`,
    files: {
      "config/plugins": "relay\nrcpt_to.in_host_list\nqueue/maildir\n",
      "config/host_list": "kasi.test\n",
      "config/relay_acl_allow": "127.0.0.1/32\n",
      "config/relay_dest_domains.ini": `[domains]\n${
        Object.entries(routes).map(([domain, nexthop]) => `${domain}=${JSON.stringify({ nexthop })}`).join("\n")
      }\n`,
      "config/outbound.ini": "temp_fail_intervals=1h*5\n",
      "config/tls.ini": "[outbound]\nca=authority.pem\nno_tls_hosts=plain.test\nforce_tls_hosts=tls.test\n",
      "config/authority.pem": pki.ca,
    },
  });
}

const HEAD = "Message-Id: <1@kasi.test>\r\nDate: Mon, 23 Nov 2026 04:00:00 +0000\r\nFrom: me@kasi.test\r\n";
const BODY = ".\r\n..\r\n...x\r\n\r\nr\xe9sum\xe9 \t\r\n" + `${"0123456789".repeat(7)}\r\n`.repeat(2000) + "\r\n.\r\n";

async function send(
  kasi: RunningSite,
  recipients: readonly string[],
  subject: string,
  body: string,
  asked: { readonly mail: string; readonly rcpt: string } = { mail: "", rcpt: "" },
): Promise<string> {
  const content = `${HEAD}Subject: ${subject}\r\n\r\n${body}`;
  await using client = await SmtpClient.connect(kasi.port);
  await client.hello();
  const utf8 = recipients.some((each) => !/^[ -~]*$/.test(each));
  assert.match(await client.say(`MAIL FROM:<me@kasi.test>${utf8 ? " SMTPUTF8" : ""}${asked.mail}`), /^250 /);
  for (const each of recipients) {
    await client.write(`RCPT TO:<${each}>${asked.rcpt}\r\n`);
    assert.match(await client.reply() ?? "", /^250 /);
  }
  const octets = latin1Encode(content);
  await client.write(`BDAT ${octets.length} LAST\r\n`);
  await client.write(octets);
  assert.match(await client.reply() ?? "", /^250 /);
  return content;
}

/** Of what stands from our own first field on; line ends and the last one alike, as boxes have their own. */
function hashOf(content: string): string {
  const own = content.slice(content.indexOf("Message-Id: <1@kasi.test>")).replaceAll("\r\n", "\n").replace(/\n*$/, "");
  return createHash("sha256").update(latin1Encode(own)).digest("hex");
}

const arrival = (peer: Peer, subject: string) =>
  eventually(
    () => peer.arrived().find((mail) => mail.includes(`\nSubject: ${subject}`)),
    20_000,
    `the mail ${subject}`,
  );

/** It is told what the sender wants to hear (RFC 3461), and keeps to it. */
async function reportsByItself(peer: Peer, kasi: RunningSite): Promise<void> {
  const rcpt = " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first+2Bx@any.test";
  await send(kasi, ["you@plain.test"], "asked", "hello\r\n", { mail: " RET=HDRS ENVID=Q+2BQ", rcpt });
  const report = await eventually(
    () => peer.arrived().find((mail) => mail.includes("report-type=delivery-status")),
    30_000,
    "its report",
  );
  assert.match(report, /^Original-Envelope-Id: Q\+Q\r?$/m);
  assert.match(report, /^Original-Recipient: rfc822; ?first\+x@any\.test\r?$/m);
  assert.match(report, /^Action: (?:relayed|delivered)/m);
}

for (const row of ROWS) {
  const skip = row.skip === undefined ? {} : { skip: row.skip };
  const with_ = async (body: (peer: Peer, kasi: RunningSite) => Promise<void>) => {
    const pki = await makePki();
    await using behind = await startNextHop({ offers: ["8BITMIME", "SMTPUTF8"] });
    await using peer = await row.start(pki, behind);
    await using kasi = await startRelay(peer, pki, row.lmtp === true);
    try {
      await body(peer, kasi);
    } catch (cause) {
      console.log(`${peer.log()}\n${kasi.output()}`);
      throw cause;
    }
  };

  test(`${row.name} as next hop: every octet arrives, refusals come back or wait, UTF-8 goes where it is taken`, {
    ...skip,
    timeoutMs: 120_000,
  }, () =>
    with_(async (peer, kasi) => {
      const recipients = ["you", "never", "later"].map((user) => `${user}@plain.test`);
      const sent = await send(kasi, recipients, "octets", BODY);
      assert.equal(hashOf(await arrival(peer, "octets")), hashOf(sent));
      await kasi.untilLogged(/delivered .* domain=plain\.test .* tls=N .* rcpts=1\/1\/1/);
      await kasi.untilLogged(new RegExp(`bounced .* domain=plain\\.test .*${row.never.source}`));
      await kasi.untilLogged(new RegExp(`deferred .* domain=plain\\.test .*${row.later.source}`));

      const small = await send(kasi, ["you@plain.test"], "small", "hello\r\n");
      assert.equal(hashOf(await arrival(peer, "small")), hashOf(small));
      if (row.chunked !== undefined) assert.match(peer.log(), row.chunked);

      await send(kasi, ["gr\xc3\xbc\xc3\x9fe@plain.test"], "wide", "hello\r\n");
      if (row.takesUtf8) await arrival(peer, "wide");
      else await kasi.untilLogged(/bounced .* domain=plain\.test .*does not take internationalized addresses/);
      if (row.reports) await reportsByItself(peer, kasi);
    }));

  if (row.noTls !== undefined) {
    test(`${row.name}, whose TLS breaks here, gets its mail in plain where that may be, and is remembered [row 202]`, {
      ...skip,
      timeoutMs: 120_000,
    }, () =>
      with_(async (peer, kasi) => {
        for (const subject of ["first", "second"]) {
          const sent = await send(kasi, ["you@any.test"], subject, "hello\r\n");
          assert.equal(hashOf(await arrival(peer, subject)), hashOf(sent));
        }
        assert.equal(kasi.output().match(/delivered .* domain=any\.test .* tls=N /g)?.length, 2);
        assert.equal(peer.log().match(/ smtp disconnected reason="io-error/g)?.length, 1);
        await send(kasi, ["you@tls.test"], "secret", "hello\r\n");
        await kasi.untilLogged(/deferred .* domain=tls\.test /);
        assert.equal(peer.arrived().length, 2);
      }));
  }
  test(`${row.name} as next hop over verified TLS`, {
    ...row.noTls === undefined ? skip : { skip: row.noTls },
    timeoutMs: 120_000,
  }, () =>
    with_(async (peer, kasi) => {
      const sent = await send(kasi, ["you@tls.test", "and@tls.test"], "secret", BODY);
      assert.equal(hashOf(await arrival(peer, "secret")), hashOf(sent));
      await kasi.untilLogged(/delivered .* domain=tls\.test .* tls=Y .* rcpts=2\/0\/0/);
    }));
}
