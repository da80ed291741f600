/** The tools of the command line over real sites and processes: plugin new, -t, grep, explain, the environment, service files, and what the log says. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { latin1Encode, utf8Decode } from "../../src/base/bytes.ts";
import { freePort, run, runKasi } from "../kit/mail_programs.ts";
import { eventually, ROOT, runtimeCommand, startKasi, temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

const ON_DENO = "Deno" in globalThis;
const text = (latin1: string) => utf8Decode(latin1Encode(latin1));

async function inSite(files: Record<string, string>, body: (dir: string) => Promise<void>): Promise<void> {
  const dir = temporaryDir("kasi-tools-");
  try {
    writeSite(dir, { files });
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function banner(port: number, host = "127.0.0.1"): Promise<string> {
  await using client = await SmtpClient.connect(port, { host });
  return (await client.reply())!;
}

// ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("[row 8] -p and plugin new make a plugin that runs, with its page and a test that is green by itself; -f overwrites", () =>
  inSite({ "config/plugins": "mine\n" }, async (dir) => {
    const made = await runKasi(["-p", "mine", "-c", dir]);
    assert.deepEqual([made.code, made.stderr], [0, ""]);
    const path = join(dir, "tests/mine_test.ts");
    const tested = ON_DENO
      ? await run(process.execPath, [
        "test",
        "-A",
        "--no-lock",
        "--no-check",
        "--config",
        join(ROOT, "deno.json"),
        path,
      ])
      // Node passes over the tests of a test's child, unless it does not know whose child it is.
      : await run("env", [
        "-u",
        "NODE_TEST_CONTEXT",
        process.execPath,
        "--import",
        join(ROOT, "src/host/node/door.mjs"),
        "--test",
        path,
      ]);
    assert.equal(tested.code, 0, tested.output);
    assert.match(tested.output, /nobody is refused/);
    assert.match((await runKasi(["-c", dir, "-h", "mine"])).stdout, /^# mine/);
    assert.equal((await runKasi(["check", "-c", dir])).code, 0);
    const tried = await runKasi(["-c", dir, "-t", "mine", "--envrcpt", "nobody@kasi.test", "--ip", "127.0.0.1"]);
    assert.equal(tried.code, 1);
    assert.match(tried.stdout, /RCPT answered 550 Nobody reads mail here, because mine said deny/);

    writeFileSync(join(dir, "plugins/mine.ts"), "// my own\n");
    const again = await runKasi(["plugin", "new", "mine", "-c", dir]);
    assert.equal(again.code, 0);
    assert.match(again.stderr, /File exists '.*plugins\/mine\.ts'/);
    assert.equal(readFileSync(join(dir, "plugins/mine.ts"), "utf8"), "// my own\n");
    await runKasi(["plugin", "new", "mine", "-f", "-c", dir]);
    assert.match(readFileSync(join(dir, "plugins/mine.ts"), "utf8"), /satisfies Plugin/);
    assert.equal((await runKasi(["-p", "mine"])).code, 255, "no site");
  }));

const ASKS = `
import { deny } from "kasi";
export default { name: "asks", setup: ({ machine }) => ({
  async rcpt({ recipient, signal }) {
    if (recipient.address.user === "you") return;
    const answer = await machine.resolver.resolve("list.invalid", "A", { signal });
    return deny("Not on the list");
  },
}) };
`;

// The other two forms: tests/cli/explain_test.ts, grep_test.ts.
for (const format of ["json"] as const) {
  test(`explain and grep read what a server has logged as ${format}, from a file and from standard input`, async () => {
    await using kasi = await startKasi({
      files: {
        "config/log.ini": `[main]\nlevel=debug\nformat=${format}\ntimestamps=true\n`,
        "config/plugins": "asks\nrcpt_to.in_host_list\nqueue/discard\nqueue/test\n",
        "plugins/asks.ts": ASKS,
      },
    });
    for (const who of ["nobody", "you"]) {
      await using client = await SmtpClient.connect(kasi.port);
      await client.hello();
      await client.say(`MAIL FROM:<me@${who}.test>`);
      assert.match((await client.say(`RCPT TO:<${who}@kasi.test>`))!, who === "you" ? /^250/ : /^550/);
      await client.say("QUIT");
    }
    const logged = await eventually(() => {
      const lines = kasi.output().split("\n");
      return lines.filter((line) => /disconnect/.test(line)).length === 2 && kasi.output();
    });
    const id = /[0-9A-F]{8}-[0-9A-F-]{27}/.exec(logged.split("\n").find((line) => /Not on the list/.test(line))!)![0];
    const log = join(kasi.dir, "log");
    writeFileSync(log, logged);
    for (const [args, options] of [[[log], {}], [[], { input: logged }]] as const) {
      const { code, stdout, stderr } = await runKasi(["explain", id.slice(0, 8), ...args], options);
      assert.deepEqual([code, stderr], [0, ""]);
      const story = text(stdout);
      assert.match(story, /\+\d+ ms {2,}rcpt: asks said deny "Not on the list" \([\d.]+ ms\)/);
      assert.match(story, /looked up A list\.invalid: .* \([\d.]+ ms\)/);
      assert.match(story, /RCPT answered 550 Not on the list, because asks said deny "Not on the list" at rcpt/);
      const found = await runKasi(["grep", "me@nobody.test", ...args], options);
      assert.equal(found.code, 0);
      assert.deepEqual(
        text(found.stdout).trimEnd().split("\n"),
        logged.split("\n").filter((line) => line.includes(id)),
      );
    }
    assert.equal((await runKasi(["grep", "stranger@nobody.test", log])).code, 1);
  });
}

// ── Where the configuration is ──────────────────────────────────────────────────────────────────────────────────────────────────

test("[row 44] HARAKA and HARAKA_TEST_DIR choose the site; -c goes before both, HARAKA_TEST_DIR before HARAKA", async () => {
  const [one, two, three] = [temporaryDir(), temporaryDir(), temporaryDir()];
  try {
    for (const [dir, me] of [[one, "one.test"], [two, "two.test"], [three, "three.test"]] as const) {
      writeSite(dir, { files: { "config/me": `${me}\n`, "config/plugins": "" } });
    }
    const cases = [
      [{ HARAKA: one }, [], "one.test"],
      [{ HARAKA: one, HARAKA_TEST_DIR: two }, [], "two.test"],
      [{ HARAKA: one, HARAKA_TEST_DIR: two }, ["-c", three], "three.test"],
    ] as const;
    for (const [env, args, me] of cases) {
      // `outOfTheBox` starts without -c, in `dir`; what -c says is given as it would be by hand.
      if (args.length > 0) {
        await using kasi = await startKasi({ dir: three, bare: true, env });
        assert.match(await banner(kasi.port), new RegExp(`^220 ${me} `));
        continue;
      }
      await using kasi = await startKasi({ dir: temporaryDirIn(one), outOfTheBox: true, env });
      assert.match(await banner(kasi.port), new RegExp(`^220 ${me} `));
    }
  } finally {
    for (const dir of [one, two, three]) rmSync(dir, { recursive: true, force: true });
  }
});

function temporaryDirIn(dir: string): string {
  const path = join(dir, "elsewhere");
  mkdirSync(path, { recursive: true });
  return path;
}

test("[row 54] a bad endpoint is logged and left out, those beside it are served; port and listen_host are honoured", async () => {
  const [port, old] = [await freePort(), await freePort()];
  {
    await using kasi = await startKasi({ listen: `nonsense!,127.0.0.1:${port},192.0.2.77:25` });
    assert.match(kasi.output(), /smtp\.ini.*listen.*nonsense!.*wanted/);
    assert.match(kasi.output(), /Cannot listen on 192\.0\.2\.77:25/);
    assert.match(await banner(port), /^220 /);
  }
  const dir = temporaryDir();
  try {
    writeSite(dir, { files: { "config/smtp.ini": `port=${old}\nlisten_host=127.0.0.1\nnodes=0\n` } });
    await using kasi = await startKasi({ dir, bare: true });
    assert.deepEqual(kasi.ports, [old]);
    assert.match(await banner(old), /^220 /);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

// ── Plugins ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("[row 70] a plugin is taken from the site's plugins, then its npm packages, then its package directory, then from the shipped ones", () => {
  const says = (where: string) =>
    `export default { name: "x", about: "x", hooks: { mail: () => ({ kind: "deny", reply: { text: "${where}" } }) } };\n`;
  const pack = (dir: string) => ({
    [`${dir}/package.json`]: '{"name":"x","type":"module","main":"index.js"}',
    [`${dir}/index.js`]: says(dir),
  });
  const name = "block_me"; // a shipped one, which says nothing at mail
  const places = [`plugins/${name}.js`, `node_modules/haraka-plugin-${name}`, `plugins/${name}`];
  const files = {
    [places[0]!]: says(places[0]!),
    ...pack(places[1]!),
    ...pack(places[2]!),
    "config/plugins": `${name}\n`,
  };
  return inSite(files, async (dir) => {
    for (const place of places) {
      const { stdout } = await runKasi(["-c", dir, "-t", name, "--ip", "127.0.0.1"]);
      assert.match(stdout, new RegExp(`^S: 550 5\\.7\\.1 ${place}$`, "m"));
      rmSync(join(dir, place), { recursive: true });
    }
    assert.match(
      (await runKasi(["-c", dir, "-t", name, "--ip", "127.0.0.1"])).stdout,
      /^S: 250 2\.1\.0 sender/m,
      "the shipped one",
    );
  });
});

// ── The log ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("[row 64] with timestamps a line begins with the time in ISO form; what is piped has no colours", async () => {
  for (const timestamps of [true, false]) {
    await using kasi = await startKasi({
      files: { "config/log.ini": `[main]\nlevel=info\ntimestamps=${timestamps}\n`, "config/plugins": "" },
      // Without NO_COLOR, so that it is the pipe that decides.
      env: { NO_COLOR: "" },
    });
    await banner(kasi.port);
    await kasi.untilLogged(/disconnect/);
    const lines = kasi.output().trimEnd().split("\n").filter((line) =>
      /\[NOTICE\]/.test(line) && !/Starting up/.test(line)
    );
    assert.ok(lines.length >= 3);
    for (const line of lines) {
      assert.equal(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[/.test(line), timestamps, line);
      assert.ok(!line.includes("\x1b"), "colours in a pipe");
    }
  }
});

test("[row 67] one session leaves its summary lines: connect, sender, recipient, message, queue, disconnect, with their counters", async () => {
  await using kasi = await startKasi({ files: { "config/plugins": "rcpt_to.in_host_list\nqueue/maildir\n" } });
  {
    await using client = await SmtpClient.connect(kasi.port);
    await client.hello();
    await client.say("MAIL FROM:<me@sender.test>");
    await client.say("RCPT TO:<you@kasi.test>");
    await client.say("RCPT TO:<you@elsewhere.test>");
    await client.say("DATA");
    await client.write("Subject: x\r\nMessage-Id: <1@sender.test>\r\n\r\nx\r\n.\r\n");
    assert.match((await client.reply())!, /^250/);
    await client.say("QUIT");
  }
  await kasi.untilLogged(/\] disconnect /);
  const id = /\[([0-9A-F-]{36})\] \[core\] connect /.exec(kasi.output())![1]!;
  const wanted = [
    String.raw`\[${id}\] \[core\] connect ip=127\.0\.0\.1 port=\d+ local_ip=127\.0\.0\.1 local_port=${kasi.port}`,
    String.raw`\[${id}(?:\.1)?\] \[core\] sender <me@sender\.test> code=250 msg=".*"`,
    String.raw`\[${id}(?:\.1)?\] \[core\] recipient <you@kasi\.test> code=250 msg=".*" sender=\S*me@sender\.test`,
    String.raw`\[${id}(?:\.1)?\] \[core\] recipient <you@elsewhere\.test> code=550 msg=.* sender=\S*me@sender\.test`,
    String.raw`\[${id}\.1\] \[core\] message mid=<1@sender\.test> size=\d+ rcpts=1/0/1 delay=[\d.]+ code=250 msg=.*`,
    String.raw`\[${id}\.1\] \[core\] queue code=250 msg=.*`,
    String
      .raw`\[${id}\] \[core\] disconnect ip=127\.0\.0\.1 rdns=localhost helo=\S+ relay=N early=N esmtp=Y tls=N pipe=N errors=0 txns=1 ` +
    String.raw`rcpts=1/0/1 msgs=1/0/0 bytes=\d+ lr=.* time=[\d.]+`,
  ];
  for (const line of wanted) assert.match(kasi.output(), new RegExp(`^\\[NOTICE\\] ${line}$`, "m"));
});

// ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const SERVICE = `${ROOT}config/service/`;
/** What a service file says, for this machine: our command for the installed one, the site for `/srv/kasi`. */
const here = (said: string, dir: string) =>
  said.replace(
    /\S*deno run -A(?: --cached-only)? \/opt\/kasi\/mod\.ts/,
    [...runtimeCommand(), `${ROOT}mod.ts`].join(" "),
  )
    .replaceAll("/srv/kasi", dir);

test("[row 19] the systemd unit's own commands start, reload and stop it", () =>
  inSite({ "config/plugins": "" }, async (dir) => {
    const unit = readFileSync(`${SERVICE}kasi.service`, "utf8");
    const said = (key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(unit)![1]!;
    const log = join(dir, "log");
    // Type=exec: the process of ExecStart is the one that gets the signals.
    const started = await run("sh", ["-c", `${here(said("ExecStart"), dir)} >${log} 2>&1 </dev/null & echo $!`]);
    const pid = Number(started.stdout);
    try {
      const output = () => readFileSync(log, "utf8");
      await eventually(() => /Listening on/.test(output()));
      await run("sh", ["-c", said("ExecReload").replace("$MAINPID", `${pid}`)]);
      await eventually(() => /Flushing the temp fail queue/.test(output()));
      process.kill(pid, said("KillSignal") as NodeJS.Signals);
      await eventually(() => !alive(pid));
      assert.doesNotMatch(output(), /\[(CRIT|ERROR)\]/);
    } finally {
      if (alive(pid)) process.kill(pid, "SIGKILL");
    }
  }));

test("[row 19] the rc script starts, reloads, reports, restarts and stops it", () =>
  inSite({ "config/plugins": "" }, async (dir) => {
    copyFileSync(`${SERVICE}kasi.rc`, join(dir, "kasi.rc"));
    const [log, pidFile] = [join(dir, "log"), join(dir, "pid")];
    const env = {
      KASI_SITE: dir,
      KASI_COMMAND: [...runtimeCommand(), `${ROOT}mod.ts`].join(" "),
      KASI_USER: "root",
      KASI_PID: pidFile,
      KASI_LOG: log,
    };
    const rc = (verb: string) => run("sh", [join(dir, "kasi.rc"), verb], { env });
    assert.equal((await rc("status")).code, 3);
    assert.match((await rc("start")).output, /started/);
    const first = Number(readFileSync(pidFile, "utf8"));
    try {
      await eventually(() => /Listening on/.test(readFileSync(log, "utf8")));
      assert.match((await rc("start")).output, /runs already/);
      assert.equal((await rc("status")).code, 0);
      assert.equal((await rc("reload")).code, 0);
      await eventually(() => /Flushing the temp fail queue/.test(readFileSync(log, "utf8")));
      assert.match((await rc("restart")).output, /stopped\n.*started/);
      assert.ok(!alive(first));
      assert.notEqual(Number(readFileSync(pidFile, "utf8")), first);
    } finally {
      assert.match((await rc("stop")).output, /stopped/);
    }
    assert.equal((await rc("status")).code, 3);
    assert.equal((await rc("nonsense")).code, 2);
  }));

test("[row 19] the container's command starts it and its stop signal ends it in good order", () =>
  inSite({ "config/plugins": "" }, async (dir) => {
    const file = readFileSync(`${SERVICE}Dockerfile`, "utf8");
    const command = JSON.parse(/^CMD (\[.*\])$/m.exec(file)![1]!) as string[];
    const signal = /^STOPSIGNAL (\w+)$/m.exec(file)![1] as NodeJS.Signals;
    const log = join(dir, "log");
    const started = await run("sh", ["-c", `${here(command.join(" "), dir)} >${log} 2>&1 </dev/null & echo $!`]);
    const pid = Number(started.stdout);
    try {
      await eventually(() => /Listening on/.test(readFileSync(log, "utf8")));
      process.kill(pid, signal);
      await eventually(() => !alive(pid));
    } finally {
      if (alive(pid)) process.kill(pid, "SIGKILL");
    }
  }));

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A child of this container's first process may stay behind as a zombie.
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
