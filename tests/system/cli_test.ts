/** The command line as an operator meets it: what is printed where, exit codes, and what it does to the disk and to a running server. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { latin1Encode, utf8Decode } from "../../src/base/bytes.ts";
import { freePort, runKasi } from "../kit/mail_programs.ts";
import { readMaildir, type RunningSite, type SiteOptions, startKasi, temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

/** Exit code, standard output and standard error, as UTF-8. */
async function kasi(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const { code, stdout, stderr } = await runKasi(args);
  const text = (latin1: string) => utf8Decode(latin1Encode(latin1));
  return { code, out: text(stdout), err: text(stderr) };
}

async function inDir(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = temporaryDir("kasi-cli-");
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const inSite = (options: SiteOptions, body: (dir: string) => Promise<void>) =>
  inDir((dir) => {
    writeSite(dir, options);
    return body(dir);
  });

// ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("[row 1] -v and --version print name, version and the checkout's commit in one line", async () => {
  for (const option of ["-v", "--version"]) {
    const { code, out, err } = await kasi(option);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^Kasi — Version: \d+\.\d+\.\d+(.*)\n$/);
    if (existsSync(new URL("../../.git/HEAD", import.meta.url))) assert.match(out, / \(git [0-9a-f]{12}\)\n$/);
  }
});

test("[row 2] -h and --help list every option and command", async () => {
  for (const option of ["-h", "--help"]) {
    const { code, out, err } = await kasi(option);
    assert.deepEqual([code, err], [0, ""]);
    const wanted = ["--version", "--help", "--configs", "--install", "--force", "--list", "--order", "--json"];
    for (const word of [...wanted, "check", "queue ls", "queue show", "queue flush"]) {
      assert.ok(out.includes(word), word);
    }
  }
});

test("[row 3] -h NAME prints the page of a plugin, a hook, a file, and of the site first; an unknown name is a warning", () =>
  inSite({ files: { "docs/plugins/foo.md": "# foo\n\nThe site's own.\n" } }, async (dir) => {
    assert.match((await kasi("-h", "relay")).out, /^# relay/);
    assert.match((await kasi("-h", "smtp.ini")).out, /smtps_port/);
    assert.match((await kasi("-h", "get_mx")).out, /get_mx/);
    assert.equal((await kasi("-c", dir, "-h", "foo")).out, "# foo\n\nThe site's own.\n");
    const unknown = await kasi("-h", "nonesuch");
    assert.deepEqual(unknown, { code: 0, out: "", err: "No documentation found for: nonesuch\n" });
    assert.equal((await kasi("-h", "../README")).out, "", "a name that leaves docs/");
  }));

test("an unknown option or command says so, prints the usage and ends with 255", async () => {
  for (const args of [["--nonesuch"], ["nonesuch"], ["queue", "eat"], ["-i"]]) {
    const { code, out, err } = await kasi(...args);
    assert.equal(code, 255, args.join(" "));
    assert.match(err, /\S/);
    assert.match(out, /^Usage:/);
  }
});

test("[row 7] -l lists the shipped plugins, and with -c the site's own", () =>
  inSite({ files: { "plugins/mine.ts": "export default { name: 'mine' };\n" } }, async (dir) => {
    const { code, out } = await kasi("-l", "-c", dir);
    assert.equal(code, 0);
    assert.match(out, /^\*global\*\n(?: {2}\S.*\n)*? {2}relay /);
    assert.match(out, /\*local\*\n {2}mine\n/);
  }));

const AT_RCPT = (name: string, priority: number) =>
  `export default { name: "${name}", hooks: { rcpt: { priority: ${priority}, run() {} } } };\n`;

test("[row 9] -o prints hooks in the order they run, with priority and timeout", () =>
  inSite({
    files: {
      "config/plugins": "late\nearly\n",
      "config/early.timeout": "7\n",
      "plugins/late.ts": AT_RCPT("late", 5),
      "plugins/early.ts": AT_RCPT("early", -5),
    },
  }, async (dir) => {
    const { code, out } = await kasi("-o", "-c", dir);
    assert.equal(code, 0, out);
    assert.match(out, /^early +rcpt +-5 +7\nlate +rcpt +5 +30$/m);
  }));

// ── A site ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("[row 4] [row 5] -i makes a site; a second time keeps what is there, and -f overwrites it", () =>
  inDir(async (parent) => {
    const dir = join(parent, "site");
    const at = (name: string) => join(dir, "config", name);
    const first = await kasi("-i", dir);
    assert.deepEqual([first.code, first.err], [0, ""]);
    assert.equal(readFileSync(at("me"), "utf8"), `${hostname()}\n`);
    assert.equal(readFileSync(at("host_list"), "utf8"), `${hostname()}\n`);
    const key = readFileSync(at("internalcmd_key"), "utf8");
    assert.match(key, /^[0-9a-f]{64}\n$/);
    const shipped = readFileSync(at("smtp.ini"), "utf8");
    assert.match(shipped, /^listen=/m);
    assert.deepEqual((await kasi("check", "-c", dir)).out, `${dir}/config is in order\n`);

    writeFileSync(at("smtp.ini"), "listen=127.0.0.1:2626\n");
    const second = await kasi("-i", dir);
    assert.equal(second.code, 0);
    assert.match(second.err, new RegExp(`File exists '${at("smtp.ini")}'`));
    assert.equal(readFileSync(at("smtp.ini"), "utf8"), "listen=127.0.0.1:2626\n");
    assert.equal(readFileSync(at("internalcmd_key"), "utf8"), key);

    const forced = await kasi("-i", dir, "-f");
    assert.deepEqual([forced.code, forced.err], [0, ""]);
    assert.equal(readFileSync(at("smtp.ini"), "utf8"), shipped);
  }));

test("[row 6] -c serves a site; a missing directory or smtp.ini is said on standard error, with 255", () =>
  inDir(async (dir) => {
    const missing = await kasi("-c", join(dir, "nonesuch"));
    assert.equal(missing.code, 255);
    assert.match(missing.err, /^No such directory: .*nonesuch\n$/);
    mkdirSync(join(dir, "config"));
    const empty = await kasi("-c", dir);
    assert.equal(empty.code, 255);
    assert.match(empty.err, /^No smtp\.ini at: .*\/config\n$/);
    for (const name of ["smtp.json", "smtp.yaml"]) {
      const site = join(dir, name);
      mkdirSync(join(site, "config"), { recursive: true });
      const port = await freePort();
      writeFileSync(
        join(site, "config", name),
        JSON.stringify({ "!smtp.ini": { main: { listen: `127.0.0.1:${port}`, nodes: 0 } } }),
      );
      await greets(await startKasi({ dir: site, bare: true }));
    }
    await greets(await startKasi({ files: { "config/plugins": "" } }));
  }));

async function greets(running: RunningSite): Promise<void> {
  await using _running = running;
  await using client = await SmtpClient.connect(running.port);
  assert.match(await client.reply() ?? "", /^220 /);
}

test("[row 51] `me` names the server, in the banner and in Received; by default it is the machine's name", async () => {
  for (const [me, name] of [["mx.kasi.test\n", "mx.kasi.test"], ["", hostname()]] as const) {
    await using running = await startKasi({
      files: { "config/me": me, "config/plugins": "rcpt_to.in_host_list\nqueue/maildir\n" },
    });
    await using client = await SmtpClient.connect(running.port);
    assert.equal((await client.reply())?.split(" ")[1], name);
    await client.say("EHLO client.test");
    assert.match(await client.mail("a@b.test", ["you@kasi.test"], "Subject: x\r\n\r\nx\r\n"), /^250 /);
    const [mail] = readMaildir(join(running.dir, "mail/kasi.test/you/new"));
    assert.match(mail!, new RegExp(`^Received: from client\\.test .*\\n\\s+by ${name.replaceAll(".", "\\.")} `, "m"));
  }
});

// ── Faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("check names every fault with file and line: a wrong value, an unknown key, an unreadable key, a broken plugin", () =>
  inSite({
    files: {
      "config/plugins": "tls\nbroken\nthrowing\n",
      "config/outbound.ini": "concurrency_max=many\nalways_spilt=true\n",
      "config/tls_key.pem": "no key\n",
      "config/tls_cert.pem": "no certificate\n",
      "plugins/broken.ts": "export default {\n  name: 'broken',\n  hooks: {\n",
      "plugins/throwing.ts": "export const x = 1;\nthrow new Error('not today');\n",
    },
  }, async (dir) => {
    const { code, out, err } = await kasi("check", "-c", dir);
    assert.deepEqual([code, out], [1, ""]);
    const wanted = [
      /config\/outbound\.ini:1: \[main\] concurrency_max: current value is "many"; wanted: /,
      /config\/outbound\.ini:2: \[main\] always_spilt: .*did you mean "always_split"/,
      /config\/tls_(?:key|cert)\.pem: .*wanted: /,
      /Loading plugin broken failed: [^]*plugins\/broken\.ts:\d/,
      /Loading plugin throwing failed: not today \(\S*plugins\/throwing\.ts:2\b/,
      /^\d faults in /m,
    ];
    for (const pattern of wanted) assert.match(err, pattern);
    writeFileSync(join(dir, "config/outbound.ini"), "");
    writeFileSync(join(dir, "config/plugins"), "tls\n");
    for (const name of ["tls_key.pem", "tls_cert.pem"]) rmSync(join(dir, "config", name));
    assert.deepEqual(await kasi("check", "-c", dir), { code: 0, out: `${dir}/config is in order\n`, err: "" });
    assert.deepEqual(readdirSync(dir).sort(), ["config", "plugins"], "check wrote something");
  }));

const BROKEN = { "config/plugins": "broken\n", "plugins/broken.ts": "throw new Error('not today');\n" };

test("[row 32] a plugin that does not load stops the start, and is named", () =>
  inSite({ files: BROKEN }, async (dir) => {
    const { code, out, err } = await kasi("-c", dir);
    assert.equal(code, 1);
    assert.match(out + err, /Loading plugin broken failed: not today/);
  }));

test("[row 31] with ignore_bad_plugins the server starts without it and answers", async () => {
  const running = await startKasi({ files: BROKEN, smtpIni: "ignore_bad_plugins=true\n" });
  assert.match(running.output(), /\[CRIT\] .*Loading plugin broken failed: not today/);
  await greets(running);
});

test("[row 30] a refusal at init_master or init_child stops the start with 1", async () => {
  for (const hook of ["init_master", "init_child"]) {
    const plugin = `import { deny } from "kasi";\nexport default { name: "no", hooks: { ${hook}: () => deny() } };\n`;
    await inSite({ files: { "config/plugins": "no\n", "plugins/no.ts": plugin } }, async (dir) => {
      const { code, out, err } = await kasi("-c", dir);
      assert.equal(code, 1, out + err);
      assert.match(out + err, new RegExp(`no\\b.*${hook}`));
    });
  }
});

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const STOPS = (waits: string) => `
import { writeFileSync } from "node:fs";
export default { name: "stops", hooks: {}, async stop() { writeFileSync(new URL("../stopped", import.meta.url), "yes"); ${waits} } };
`;

test("[row 27] a plugin hears of the end, by SIGTERM and by SIGINT, and the exit code is 0", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using running = await startKasi({
      files: { "config/plugins": "stops\n", "plugins/stops.ts": STOPS("") },
    });
    running.signal(signal);
    assert.equal(await running.ended, 0);
    assert.ok(existsSync(join(running.dir, "stopped")));
  }
});

test("[row 25] SIGINT once shuts down with 0; a second one does not wait and ends with 1", async () => {
  await using running = await startKasi({
    files: {
      "config/plugins": "stops\n",
      "plugins/stops.ts": STOPS('console.log("waiting"); await new Promise((r) => setTimeout(r, 60_000));'),
    },
  });
  running.signal("SIGINT");
  await running.untilLogged(/waiting/);
  running.signal("SIGINT");
  assert.equal(await running.ended, 1);
  await using other = await startKasi({ files: { "config/plugins": "" } });
  other.signal("SIGINT");
  assert.equal(await other.ended, 0);
});

// ── The queue ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("queue ls, show and flush beside a running server", async () => {
  const port = await freePort();
  await using running = await startKasi({
    files: {
      "config/plugins": "relay\n",
      "config/relay.ini": "[relay]\nall=true\n",
      "config/relay_dest_domains.ini": `[domains]\nany={"nexthop":"127.0.0.1:${port}"}\n`,
    },
  });
  const site = ["-c", running.dir];
  assert.deepEqual(await kasi("queue", "ls", ...site), { code: 0, out: "The queue is empty\n", err: "" });
  {
    await using client = await SmtpClient.connect(running.port);
    await client.hello();
    const mail = "Subject: waiting\r\n\r\nbody\r\n";
    assert.match(await client.mail("me@kasi.test", ["a@one.test", "b@one.test", "c@two.test"], mail), /^250 /);
  }
  await running.untilLogged(/deferred .* domain=one\.test/);
  await running.untilLogged(/deferred .* domain=two\.test/);

  const all = (await kasi("queue", "ls", ...site)).out;
  assert.match(
    all,
    /^(\S+) <me@kasi\.test> → <a@one\.test>,<b@one\.test> \(one\.test\), \d+ octets, 1 failed, next attempt in .*: \S.*$/m,
  );
  assert.match(all, /→ <c@two\.test> \(two\.test\)/);
  assert.match(all, /^2 items$/m);
  const one = (await kasi("queue", "ls", "one.test", ...site)).out;
  assert.match(one, /^1 item$/m);
  const id = one.split(" ")[0]!;
  const show = await kasi("queue", "show", id, ...site);
  assert.equal(show.code, 0);
  assert.match(show.out, /^Attempts +1 failed; the last: \S/m);
  assert.match((await kasi("queue", "cat", id, ...site)).out, /\r\nSubject: waiting\r\n(?:.+\r\n)*\r\nbody\r\n$/);
  const json = JSON.parse((await kasi("queue", "show", id, "--json", ...site)).out);
  assert.deepEqual([json.id, json.domain], [id, "one.test"]);
  const unknown = await kasi("queue", "show", "nonesuch", ...site);
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /^No queued message has the ID nonesuch; /);

  const asked = performance.now();
  const flush = await kasi("queue", "flush", ...site);
  assert.deepEqual(flush, { code: 0, out: "The server tries 2 waiting items now\n", err: "" });
  await running.untilLogged(/deferred .* domain=one\.test .*fails=2/);
  await running.untilLogged(/deferred .* domain=two\.test .*fails=2/);
  assert.ok(performance.now() - asked < 5000);
  await running.stop();
  const nobody = await kasi("queue", "flush", ...site);
  assert.deepEqual([nobody.code, nobody.err], [1, `No server is running on ${running.dir}/queue\n`]);
  assert.match((await kasi("queue", "ls", ...site)).out, /^2 items$/m, "the queue can be read without a server");
});
