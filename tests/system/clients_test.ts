/** Clients that others wrote send mail to a running Kasi: each mail must arrive whole, and the log must say how it came. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import nodemailer from "nodemailer";
import { freePort, type Ran, run, without } from "../kit/mail_programs.ts";
import { eventually, readMaildir, type RunningSite, startKasi } from "../kit/site.ts";
import { test } from "../kit/test.ts";

const USER = "you@kasi.test";
const PASSWORD = "sesame=open #1";
/** Dots at the start, a line of one dot, eight bits, an empty line at the end: what clients get wrong. */
const BODY = ".one dot\n..two\n.\n\nr\xe9sum\xe9\n. \n\n";
const MAIL = `From: me@example.com\nTo: ${USER}\nSubject: whole\n\n${BODY}`;

interface Site {
  readonly kasi: RunningSite;
  readonly port: number;
  readonly smtpsPort: number;
  /** The mails that arrived for USER, behind the trace fields. */
  mails(): string[];
}

async function withSite(body: (site: Site) => Promise<void>, connectionIni = ""): Promise<void> {
  const smtpsPort = await freePort();
  await using kasi = await startKasi({
    listen: `127.0.0.1:0,127.0.0.1:${smtpsPort}`,
    smtpIni: `smtps_port=${smtpsPort}\n`,
    files: {
      "config/plugins": "tls\nauth/flat_file\nrcpt_to.in_host_list\nqueue/maildir\n",
      "config/auth_flat_file.ini": `[core]\nmethods=PLAIN,LOGIN,CRAM-MD5\n[users]\n${USER}=${PASSWORD}\n`,
      "config/connection.ini": connectionIni,
    },
  });
  await kasi.untilLogged(new RegExp(`Listening on \\S+:${smtpsPort}\\s`));
  const port = kasi.ports.find((each) => each !== smtpsPort)!;
  await body({ kasi, port, smtpsPort, mails: () => inbox(kasi, "you") });
}

function inbox({ dir }: RunningSite, folder: string): string[] {
  return readMaildir(join(dir, "mail/kasi.test", folder, "new")).map((mail) =>
    mail.replace(
      /^Return-Path: .*\nDelivered-To: .*\n(?:Received: from .*\n(?:[ \t].*\n)*|Authentication-Results: .*\n(?:[ \t].*\n)*)+/,
      "",
    )
  );
}

const lines = (text: string) => text.replaceAll("\r\n", "\n");

// ── curl ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (
  const [how, args, secure] of [["in plain", [], "N"], ["with --ssl-reqd", ["--ssl-reqd", "--insecure"], "Y"]] as const
) {
  test(
    `curl ${how}: the mail arrives octet by octet`,
    { skip: without("curl") },
    () =>
      withSite(async ({ kasi, port, mails }) => {
        const sent = MAIL.replaceAll("\n", "\r\n");
        const { code, output } = await run("curl", [
          "-sS",
          ...args,
          `smtp://127.0.0.1:${port}/curl.test`,
          ...["--mail-from", "me@example.com", "--mail-rcpt", USER, "-T", "-"],
        ], { input: Uint8Array.from(sent, (char) => char.charCodeAt(0)) });
        assert.deepEqual([code, output], [0, ""]);
        assert.deepEqual(mails(), [MAIL]);
        await kasi.untilLogged(/disconnect .* helo=curl\.test .* rcpts=1\/0\/0 msgs=1\/0\/0/);
        assert.match(kasi.output(), new RegExp(`disconnect .* tls=${secure} `));
      }),
  );
}

// ── swaks ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const noSwaks = without("swaks");

function swaks(site: Site, ...args: string[]): Promise<Ran> {
  const file = join(site.kasi.dir, "mail.eml");
  writeFileSync(file, MAIL, "latin1");
  const to = args.includes("--tls-on-connect") ? site.smtpsPort : site.port;
  return run("swaks", [
    ...["--server", "127.0.0.1", "--port", String(to), "--helo", "swaks.test", "--timeout", "20"],
    ...["--from", "me@kasi.test", "--to", USER, "--data", file, ...args],
  ]);
}

const SWAKS: readonly (readonly [how: string, args: readonly string[], log: RegExp])[] = [
  ["in plain", [], /disconnect .* relay=N .* esmtp=Y tls=N pipe=N errors=0 txns=1/],
  ["with --tls", ["--tls"], /secured cipher=\S+ version=TLSv1\.[23]/],
  ["with --tls-on-connect", ["--tls-on-connect"], /disconnect .* tls=Y /],
  ["with --pipeline", ["--pipeline"], /disconnect .* pipe=Y /],
];

for (const [how, args, log] of SWAKS) {
  test(`swaks ${how}: the mail arrives whole`, { skip: noSwaks }, () =>
    withSite(async (site) => {
      const { code, output } = await swaks(site, ...args);
      assert.equal(code, 0, output);
      assert.equal(site.mails().length, 1);
      assert.equal(site.mails()[0]!.trimEnd(), MAIL.trimEnd()); // swaks itself is free with the line ends at the end
      await site.kasi.untilLogged(log);
    }));
}

test(
  "[row 55] a listener on smtps_port speaks TLS before the banner",
  { skip: noSwaks },
  () =>
    withSite(async (site) => {
      const { output } = await swaks(site, "--tls-on-connect", "--quit-after", "CONNECT");
      const started = output.indexOf("TLS started");
      assert.ok(started > 0 && started < output.indexOf("<~  220 "), output);
      assert.ok(!/<- {2}220/.test(output), "a banner in plain text");
    }),
);

for (const method of ["PLAIN", "LOGIN", "CRAM-MD5"]) {
  test(
    `swaks --auth ${method}: the right password is welcome, the wrong one is 535`,
    { skip: noSwaks },
    () =>
      withSite(async (site) => {
        const auth = (password: string) => ["--auth", method, "--auth-user", USER, "--auth-password", password];
        const good = await swaks(site, ...auth(PASSWORD));
        assert.equal(good.code, 0, good.output);
        assert.match(good.output, /<- {2}235 /);
        assert.equal(site.mails().length, 1);
        const bad = await swaks(site, ...auth(`${PASSWORD}!`));
        assert.equal(bad.code, 28, bad.output);
        assert.match(bad.output, /<\*\* 535 /);
        assert.equal(site.mails().length, 1, "a mail came in with the wrong password");
        assert.ok(!site.kasi.output().includes(PASSWORD), "the log tells the password");
      }),
  );
}

// ── Python ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const PYTHON = `
import smtplib, ssl, sys
from email.message import EmailMessage
port = int(sys.argv[1])
body = sys.stdin.buffer.read()
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

with smtplib.SMTP("127.0.0.1", port, local_hostname="python.test", timeout=20) as s:
    assert s.sendmail("me@example.com", ["${USER}"], body) == {}
    try:
        s.sendmail("me@kasi.test", ["nobody@elsewhere.test"], body)
    except smtplib.SMTPRecipientsRefused as refused:
        print("refused", refused.recipients["nobody@elsewhere.test"][0])
with smtplib.SMTP("127.0.0.1", port, local_hostname="python.test", timeout=20) as s:
    s.starttls(context=context)
    s.ehlo()
    s.login("${USER}", "${PASSWORD}")
    assert s.sendmail("me@kasi.test", ["${USER}"], body) == {}
with smtplib.SMTP("127.0.0.1", port, local_hostname="python.test", timeout=20) as s:
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = "r\\u00e9mi@example.com", "j\\u00f6rg@kasi.test", "gr\\u00fc\\u00dfe"
    m.set_content("sch\\u00f6n\\n")
    s.send_message(m)
try:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="python.test", timeout=20) as s:
        s.ehlo()
        s.user, s.password = "${USER}", "wrong"
        s.auth("PLAIN", s.auth_plain)
except smtplib.SMTPAuthenticationError as refused:
    print("auth", refused.smtp_code)
`;

test(
  "Python's smtplib: plain, STARTTLS with AUTH, SMTPUTF8; refusals arrive as such",
  { skip: without("python3") },
  () =>
    withSite(async ({ kasi, port, mails }) => {
      const { code, output } = await run("python3", ["-c", PYTHON, String(port)], {
        input: Uint8Array.from(MAIL.replaceAll("\n", "\r\n"), (char) => char.charCodeAt(0)),
      });
      assert.equal(code, 0, output);
      assert.deepEqual(lines(output).trim().split("\n"), ["refused 550", "auth 535"]);
      assert.deepEqual(mails(), [MAIL, MAIL]);
      const [utf8] = inbox(kasi, "j%C3%B6rg");
      assert.match(utf8!, /^Subject: gr\xc3\xbc\xc3\x9fe$/m);
      assert.match(utf8!, /\n\nsch\xc3\xb6n\n$/);
      assert.match(kasi.output(), /sender <rémi@example\.com> code=250/);
    }),
);

// ── nodemailer ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test(
  "nodemailer: a pool with STARTTLS and AUTH sends attachments that arrive octet by octet",
  { sanitize: false },
  () =>
    withSite(async ({ kasi, port, mails }) => {
      const attachment = crypto.getRandomValues(new Uint8Array(60_000));
      const transport = nodemailer.createTransport({
        host: "127.0.0.1",
        port,
        name: "nodemailer.test",
        pool: true,
        maxConnections: 2,
        requireTLS: true,
        tls: { rejectUnauthorized: false },
        auth: { user: USER, pass: PASSWORD },
      });
      try {
        const sent = Array.from({ length: 6 }, (_, i) =>
          transport.sendMail({
            from: "me@kasi.test",
            to: USER,
            subject: `number ${i}`,
            text: ".\n.a dot\n",
            attachments: [{ filename: "noise.bin", content: Buffer.from(attachment) }],
          }));
        for (const { response, accepted } of await Promise.all(sent)) {
          assert.match(response, /^250 2\.0\.0 /);
          assert.deepEqual(accepted, [USER]);
        }
      } finally {
        transport.close();
      }
      const all = mails();
      assert.deepEqual(all.map((mail) => /^Subject: (.*)$/m.exec(mail)![1]).sort(), sixNumbers());
      for (const mail of all) {
        const encoded = /noise\.bin\n(?:.+\n)*\n([A-Za-z0-9+/=\n]+?)\n--/.exec(mail)![1]!;
        assert.deepEqual(Uint8Array.from(atob(encoded.replaceAll("\n", "")), (char) => char.charCodeAt(0)), attachment);
        assert.match(mail, /\n\n\.\n\.a dot\n/);
      }
      await kasi.untilLogged(/disconnect .* tls=Y /);
      assert.ok(kasi.output().match(/ connect ip=/g)!.length <= 2, "the pool was not used");
    }),
);

const sixNumbers = () => Array.from({ length: 6 }, (_, i) => `number ${i}`);

test("nodemailer: a wrong password is told as EAUTH", { sanitize: false }, () =>
  withSite(async ({ port }) => {
    const transport = nodemailer.createTransport({
      host: "127.0.0.1",
      port,
      tls: { rejectUnauthorized: false },
      auth: { user: USER, pass: "wrong" },
    });
    await assert.rejects(transport.sendMail({ from: "me@kasi.test", to: USER, text: "x" }), {
      code: "EAUTH",
      responseCode: 535,
    });
    transport.close();
  }));

// ── smtp-source ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (
  const [how, args, sessions] of [["a new connection for each", [], 200], ["connections kept", ["-d"], 10]] as const
) {
  test(
    `smtp-source: 200 messages, 10 at a time, ${how}`,
    { skip: without("smtp-source") },
    () =>
      withSite(async ({ kasi, port, mails }) => {
        const { code, output } = await run("smtp-source", [
          ...["-s", "10", "-m", "200", "-l", "5000", "-f", "me@example.com", "-t", USER, ...args],
          `127.0.0.1:${port}`,
        ]);
        assert.deepEqual([code, output], [0, ""]);
        const all = mails();
        assert.equal(all.length, 200);
        const sizes = new Set(all.map((mail) => mail.slice(mail.indexOf("\n\n")).length));
        assert.equal(sizes.size, 1, `bodies of different sizes: ${[...sizes]}`);
        assert.ok([...sizes][0]! >= 4900, `a body of ${[...sizes][0]} octets`);
        const connects = () => kasi.output().match(/ connect ip=/g)?.length ?? 0;
        await eventually(() => connects() === sessions, 5000, `${sessions} sessions, now ${connects()}`);
      }),
  );
}

// ── OpenSSL ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const noOpenssl = without("openssl");

function sClient(port: number, input: string, ...args: string[]): Promise<Ran> {
  return run("openssl", ["s_client", "-starttls", "smtp", "-connect", `127.0.0.1:${port}`, "-ign_eof", ...args], {
    input,
    timeoutMs: 20_000,
  });
}

for (const [version, flag] of [["TLSv1.2", "-tls1_2"], ["TLSv1.3", "-tls1_3"]] as const) {
  test(
    `openssl s_client -starttls smtp ${flag}: a mail by BDAT arrives whole`,
    { skip: noOpenssl },
    () =>
      withSite(async ({ kasi, port, mails }) => {
        const mail = "Subject: by hand\r\n\r\n.\r\nQUIT\r\n";
        const input = "ehlo openssl.test\r\nmail from:<me@example.com>\r\nrcpt to:<you@kasi.test>\r\n" +
          `bdat ${mail.length} last\r\n${mail}quit\r\n`;
        const { output } = await sClient(port, input, flag);
        assert.match(output, new RegExp(`New, ${version.replace("v1.2", "v1\\.2")}, Cipher is (?!\\(NONE\\))`));
        assert.match(output, /^221 /m);
        assert.deepEqual(mails(), [lines(mail)]);
        await kasi.untilLogged(new RegExp(`secured cipher=\\S+ version=${version.replace(".", "\\.")}`));
      }),
  );
}

test("openssl s_client -tls1_1 is refused", { skip: noOpenssl }, () =>
  withSite(async ({ kasi, port }) => {
    const { code, output } = await sClient(port, "", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0");
    assert.notEqual(code, 0);
    assert.match(output, /Cipher is \(NONE\)/);
    assert.ok(!kasi.output().includes("secured cipher"), kasi.output());
    // It lives on.
    assert.match((await sClient(port, "quit\r\n", "-tls1_2")).output, /^221 /m);
  }));
