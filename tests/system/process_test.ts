/** The server as a process: in the background, as another user, how long its end may take, and faults that nobody caught. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { answers, freePort, runKasi, startSink, without } from "../kit/mail_programs.ts";
import { relaySite } from "../kit/relay_site.ts";
import { eventually, ROOT, startKasi, temporaryDir, writeSite } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";
import { which } from "../setup.ts";

const asRoot = process.getuid?.() === 0 ? undefined : "not root";

async function inDir(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = temporaryDir("kasi-process-");
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Whether a process runs; one that ended and was not fetched by its parent does not. */
const runs = (pid: number) => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
};

// ── Background ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A site that goes to the background; `body` is given its process. Ends it. */
async function inBackground(
  dir: string,
  body: (pid: number, port: number) => Promise<void>,
  options: { readonly smtpIni?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const port = await freePort();
  const pidFile = join(dir, "kasi.pid");
  writeSite(dir, {
    listen: `127.0.0.1:${port}`,
    files: { "config/plugins": "" },
    smtpIni: `daemonize=true\ndaemon_log_file=${dir}/kasi.log\ndaemon_pid_file=${pidFile}\n${options.smtpIni ?? ""}`,
  });
  const started = await runKasi(["-c", dir], {
    timeoutMs: 20_000,
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const pid = Number(existsSync(pidFile) ? readFileSync(pidFile, "utf8") : "");
  try {
    assert.equal(started.code, 0, started.output);
    assert.equal(started.stdout, `Kasi runs in the background (process ${pid}); its log is ${dir}/kasi.log\n`);
    await body(pid, port);
  } finally {
    if (pid > 0 && runs(pid)) process.kill(pid, "SIGKILL");
  }
}

test("[row 23] daemonize: the process detaches, logs to its file, holds its PID file and removes it at its end", () =>
  inDir((dir) =>
    inBackground(dir, async (pid, port) => {
      // Stands already when the command has ended; in a session of its own, without the command's terminal and pipes.
      assert.ok(await answers(port));
      const [, , session] = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) . /, "").split(" ");
      assert.equal(Number(session), pid);
      assert.equal(readFileSync(join(dir, "kasi.pid"), "utf8"), `${pid}\n`);
      const log = () => readFileSync(join(dir, "kasi.log"), "utf8");
      assert.match(log(), new RegExp(`Listening on 127\\.0\\.0\\.1:${port}`));
      assert.equal(statSync(join(dir, "kasi.log")).mode & 0o077, 0o040, "not for everybody");

      // A second one is refused, at once and without harm.
      const second = await runKasi(["-c", dir]);
      assert.equal(second.code, 1, second.output);
      assert.match(second.stderr, new RegExp(`daemon_pid_file: .*kasi\\.pid.*process ${pid} runs; stop it first`));
      assert.ok(await answers(port));

      process.kill(pid, "SIGTERM");
      await eventually(() => !runs(pid), 10_000, "its end");
      assert.ok(!existsSync(join(dir, "kasi.pid")));
    })
  ));

test("[row 23] a PID file left behind by a process that is gone is taken over, and the log says so", () =>
  inDir(async (dir) => {
    const gone = spawnSync("true", []).pid;
    writeFileSync(join(dir, "kasi.pid"), `${gone}\n`);
    await inBackground(dir, (pid) => {
      assert.notEqual(pid, gone);
      assert.match(readFileSync(join(dir, "kasi.log"), "utf8"), new RegExp(`left behind by process ${gone}`));
      return Promise.resolve();
    });
  }));

test("a start in the background that fails is seen in front: exit code 1, and where to look", () =>
  inDir(async (dir) => {
    const port = await freePort();
    writeSite(dir, {
      listen: `127.0.0.1:${port}`,
      files: { "config/plugins": "broken\n", "plugins/broken.ts": "throw new Error('not today');\n" },
      smtpIni: `daemonize=true\ndaemon_log_file=${dir}/kasi.log\ndaemon_pid_file=${dir}/kasi.pid\n`,
    });
    const { code, stderr } = await runKasi(["-c", dir], { timeoutMs: 20_000 });
    assert.equal(code, 1);
    assert.match(stderr, /^Kasi did not start in the background: it ended with 1; see .*kasi\.log\n$/);
    assert.match(readFileSync(join(dir, "kasi.log"), "utf8"), /not today/);
    assert.ok(!existsSync(join(dir, "kasi.pid")));
    const nowhere = join(dir, "no/such/log");
    writeSite(dir, { listen: `127.0.0.1:${port}`, smtpIni: `daemonize=true\ndaemon_log_file=${nowhere}\n` });
    const unwritable = await runKasi(["-c", dir], { timeoutMs: 20_000 });
    assert.equal(unwritable.code, 1);
    assert.match(
      unwritable.stderr,
      /daemonize: current value is "true"; wanted: a service manager instead.*no\/such\/log/,
    );
  }));

// ── User ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** uid, gid and groups of all threads of a process, each combination once. */
function whoIs(pid: number): string[] {
  const of = (text: string, name: string) => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(text)?.[1] ?? "?";
  const all = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "latin1");
    return ["Uid", "Gid", "Groups"].map((name) => of(text, name)).join(" / ");
  });
  return [...new Set(all)];
}

/** A port below 1024 that nobody listens on. */
async function privilegedPort(): Promise<number> {
  for (let port = 1023; port > 900; port--) if (!await answers(port)) return port;
  throw new Error("no port below 1024 is free");
}

/** Where Deno keeps packages, readable by everybody, as an operator would have it; the runtime under Node needs none. */
function readableRuntime(dir: string): Record<string, string> {
  if (!("Deno" in globalThis)) return {};
  const { stdout } = spawnSync(process.execPath, ["info", "--json"], { encoding: "utf8" });
  const { denoDir } = JSON.parse(stdout) as { denoDir: string };
  const to = join(dir, "deno");
  mkdirSync(to, { recursive: true });
  if (existsSync(join(denoDir, "npm"))) {
    // By links where they are on one file system: there are many megabytes.
    const linked = spawnSync("cp", ["-rl", join(denoDir, "npm"), to]).status === 0;
    if (!linked) cpSync(join(denoDir, "npm"), join(to, "npm"), { recursive: true });
  }
  return { DENO_DIR: to };
}

/** Whether `uid` can go down to a file. */
const canRead = (uid: number, path: string) =>
  spawnSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "cat", path]).status === 0;

const noOtherUser = asRoot ?? without("setpriv") ??
  (canRead(65_534, join(ROOT, "mod.ts")) ? undefined : "the checkout is root's alone");

test(
  "[row 24] user and group: the process becomes them once its ports are bound, all of it and with no group left over",
  {
    skip: noOtherUser,
    timeoutMs: 120_000,
  },
  () =>
    inDir(async (dir) => {
      chmodSync(dir, 0o755);
      const site = join(dir, "site");
      mkdirSync(site);
      chownSync(site, 65_534, 65_534);
      const port = await privilegedPort();
      await using running = await startKasi({
        dir: site,
        listen: `127.0.0.1:${port}`,
        // As root has it after a login: in groups of its own.
        under: [which("setpriv")!, "--groups", "0,4,5"],
        env: readableRuntime(dir),
        smtpIni: "user=65534\ngroup=1\n",
        files: { "config/plugins": "rcpt_to.in_host_list\nqueue/maildir\n" },
      });
      await running.untilLogged(/Running as 65534:1/);
      const [only, ...others] = whoIs(running.pid);
      assert.deepEqual(others, [], "threads of several kinds");
      assert.match(only!, /^65534\s65534\s65534\s65534 \/ 1\s1\s1\s1 \/ (1|65534|1 65534|65534 1)?$/);
      // The port is still bound, and mail goes all its way: what is written is theirs.
      await using client = await SmtpClient.connect(port);
      await client.hello();
      assert.match(await client.mail("a@b.test", ["you@kasi.test"], "Subject: x\r\n\r\nx\r\n"), /^250 /);
      assert.equal(statSync(join(site, "queue")).uid, 65_534);
      assert.equal(statSync(join(site, "mail/kasi.test/you/new")).uid, 65_534);
      await eventually(() => existsSync(join(site, "control.sock")), 5000, "the control socket");
      assert.equal(statSync(join(site, "control.sock")).uid, 65_534);
    }),
);

test(
  "in the background as another user: the command still hears that it stands",
  { skip: noOtherUser },
  () =>
    inDir(async (dir) => {
      chmodSync(dir, 0o755);
      const site = join(dir, "site");
      mkdirSync(site);
      chownSync(site, 65_534, 65_534);
      await inBackground(site, (pid) => {
        assert.match(whoIs(pid).join(), /^65534\s/);
        return Promise.resolve();
      }, { smtpIni: "user=65534\ngroup=65534\n", env: readableRuntime(dir) });
    }),
);

test("[row 24] a user that does not exist, or cannot be become, stops the start with its file and setting", {
  skip: without("setpriv"),
}, () =>
  inDir(async (dir) => {
    writeSite(dir, { smtpIni: "user=nobody-of-that-name\n", files: { "config/plugins": "" } });
    const unknown = await runKasi(["-c", dir]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /smtp\.ini: \[main\] user: current value is "nobody-of-that-name"; wanted: a user/);
    writeSite(dir, {
      listen: "127.0.0.1:25",
      smtpIni: "user=65534\ngroup=65534\n",
      files: { "config/smtp.ini": "listen=127.0.0.1:25\nnodes=2\nuser=65534\ngroup=65534\n" },
    });
    const workers = await runKasi(["-c", dir]);
    assert.equal(workers.code, 1);
    assert.match(workers.stderr, asRoot === undefined ? /nodes=0, or ports from 1024 on/ : /started by root/);
  }));

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const STOPS_IN = (ms: number) => `
export default { name: "slow", hooks: {}, async stop() {
  console.log("stopping");
  await new Promise((resolve) => setTimeout(resolve, ${ms}));
  console.log("stopped by itself");
} };
`;

async function endOf(stopMs: number, smtpIni: string): Promise<{ ms: number; code: number | null; output: string }> {
  await using running = await startKasi({
    files: { "config/plugins": "slow\n", "plugins/slow.ts": STOPS_IN(stopMs) },
    smtpIni,
  });
  const told = performance.now();
  running.signal("SIGTERM");
  const code = await running.ended;
  return { ms: performance.now() - told, code, output: running.output() };
}

test("[row 26] with graceful_shutdown a plugin's timer delays the end, but never beyond force_shutdown_timeout", async () => {
  const [patient, forced, brisk] = await Promise.all([
    endOf(1500, "graceful_shutdown=true\nforce_shutdown_timeout=20\n"),
    endOf(60_000, "graceful_shutdown=true\nforce_shutdown_timeout=2\n"),
    endOf(60_000, "graceful_shutdown=false\nforce_shutdown_timeout=30\n"),
  ]);
  assert.match(patient.output, /stopped by itself/);
  assert.ok(patient.ms >= 1400 && patient.ms < 10_000, `${patient.ms} ms`);
  assert.equal(patient.code, 0);
  assert.match(forced.output, /Plugin slow did not stop in time/);
  assert.doesNotMatch(forced.output, /stopped by itself/);
  assert.ok(forced.ms >= 1900 && forced.ms < 6000, `${forced.ms} ms`);
  assert.equal(forced.code, 0);
  assert.ok(brisk.ms >= 4900 && brisk.ms < 9000, `without it five seconds: ${brisk.ms} ms`);
  assert.equal(brisk.code, 0);
});

test("[row 26] with graceful_shutdown a delivery under way is finished before the process ends", {
  skip: without("smtp-sink"),
}, async () => {
  // The sink waits two seconds before it answers the end of the message.
  await using sink = await startSink({ args: ["-w", "2"] });
  await using running = await startKasi({
    files: relaySite(sink.port),
    smtpIni: "graceful_shutdown=true\nforce_shutdown_timeout=20\n",
  });
  {
    await using client = await SmtpClient.connect(running.port);
    await client.hello();
    assert.match(await client.mail("me@kasi.test", ["a@one.test"], "Subject: x\r\n\r\nx\r\n"), /^250 /);
  }
  await eventually(() => sink.counters().sessions > 0 || sink.mails().length > 0, 5000, "the delivery's begin");
  const told = performance.now();
  running.signal("SIGTERM");
  assert.equal(await running.ended, 0);
  assert.ok(performance.now() - told > 1000, "it was under way");
  assert.match(running.output(), /delivered .*domain=one\.test/);
  assert.equal((await runKasi(["-c", running.dir, "--qlist"])).stdout, "", "nothing is left to deliver again");
});

// ── Faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const THROWS = `
export default { name: "throws", hooks: { mail() {
  setTimeout(() => { throw new Error("out of the blue"); }, 0);
} } };
`;

for (const nodes of [0, 2]) {
  test(`[row 29] an uncaught exception: its stack at CRIT, line by line, and exit code 1 where on_uncaught=exit (nodes=${nodes})`, () =>
    endsByFault(nodes));
}

async function endsByFault(nodes: number): Promise<void> {
  await using running = await startKasi({
    files: {
      "config/plugins": "throws\n",
      "plugins/throws.ts": THROWS,
      "config/smtp.ini": `listen=127.0.0.1:0\nnodes=${nodes}\non_uncaught=exit\n`,
    },
  });
  await using client = await SmtpClient.connect(running.port);
  await client.hello();
  await client.say("MAIL FROM:<a@b.test>");
  assert.equal(await running.ended, 1);
  assert.match(running.output(), /^\[CRIT\] \[-\] \[\S*\] Error: out of the blue$/m);
  assert.match(running.output(), /^\[CRIT\] \[-\] \[\S*\] +at .*plugins\/throws\.ts:3:\d+/m);
}

test("[row 29] by default the stack is logged at CRIT all the same, and the session and others go on", async () => {
  await using running = await startKasi({ files: { "config/plugins": "throws\n", "plugins/throws.ts": THROWS } });
  await using other = await SmtpClient.connect(running.port);
  await other.hello();
  await using client = await SmtpClient.connect(running.port);
  await client.hello();
  assert.match(await client.say("MAIL FROM:<a@b.test>"), /^250 /);
  await running.untilLogged(/^\[CRIT\] \[-\] \[\S*\] +at .*plugins\/throws\.ts:3:\d+/m);
  for (const each of [client, other]) assert.match(await each.say("NOOP"), /^250 /);
  assert.equal(await running.stop(), 0);
});
