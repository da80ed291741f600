/** The control socket of a running server, by the command line and by hand: what it does, and to whom it says no. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import process from "node:process";
import { freePort, runKasi, startSink, without } from "../kit/mail_programs.ts";
import { relaySite } from "../kit/relay_site.ts";
import { eventually, type RunningSite, startKasi } from "../kit/site.ts";
import { SmtpClient } from "../kit/smtp_client.ts";
import { test } from "../kit/test.ts";

async function kasi(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const { code, stdout, stderr } = await runKasi(args);
  return { code, out: stdout, err: stderr };
}

/** A request by a client that has read no table of verbs. */
function ask(path: string, method: string, target: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: path, method, path: target, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => body += piece);
      response.once("end", () => resolve({ status: response.statusCode!, body }));
    });
    request.once("error", reject);
    request.end();
  });
}

const socketOf = (running: RunningSite) => join(running.dir, "control.sock");

/** Up to where commands reach it: a moment behind its listening. */
async function startCommanded(options: Parameters<typeof startKasi>[0]): Promise<RunningSite> {
  const running = await startKasi(options);
  const answers = () => ask(socketOf(running), "GET", "/status").then(() => true, () => false);
  await eventually(answers, 5000, "the control socket");
  return running;
}

/** A running site with one mail for two domains that could not be delivered, its next attempt being far away. */
async function withDeferredMail(port: number): Promise<RunningSite> {
  const running = await startCommanded({
    files: relaySite(port, { "config/outbound.ini": "[main]\ntemp_fail_intervals=1h*10\n" }),
  });
  await using client = await SmtpClient.connect(running.port);
  await client.hello();
  assert.match(
    await client.mail("me@kasi.test", ["a@one.test", "b@one.test", "c@two.test"], "Subject: x\r\n\r\nx\r\n"),
    /^250 /,
  );
  const status = () => ask(socketOf(running), "GET", "/status").then(({ body }) => JSON.parse(body).queue.tempFail);
  await eventually(async () => await status() === 2, 10_000, "two deferred items");
  return running;
}

test("[row 10] [row 11] --qlist and --qstat tell the queue, beside a server and without one", async () => {
  await using running = await withDeferredMail(await freePort());
  const site = ["-c", running.dir];
  const lines =
    /^Q: \S+ rcpt:2 from:<me@kasi\.test> domain:one\.test\nQ: \S+ rcpt:1 from:<me@kasi\.test> domain:two\.test\n$/;
  const stat = `{ queue_dir: '${join(running.dir, "queue")}', queue_count: 2 }\n`;
  for (const server of ["running", "gone"]) {
    const [listed, stats, ours] = await Promise.all([
      kasi(...site, "--qlist"),
      kasi(...site, "--qstat"),
      kasi("queue", "ls", "two.test", ...site),
    ]);
    assert.deepEqual([listed.code, listed.err], [0, ""], server);
    assert.match(listed.out, lines);
    assert.deepEqual(stats, { code: 0, out: stat, err: "" }, server);
    assert.match(ours.out, /^\S+ .*\(two\.test\).*\n1 item\n$/);
    if (server === "running") await running.stop();
  }
});

test("[row 12] --qunstick makes the running server try again within two seconds, of one domain or of all", {
  skip: without("smtp-sink"),
}, async () => {
  const port = await freePort();
  await using running = await withDeferredMail(port);
  await using sink = await startSink({ port });
  const site = ["-c", running.dir];
  const asked = performance.now();
  const one = await kasi(...site, "--qunstick", "one.test");
  assert.deepEqual(one, { code: 0, out: "The server tries 1 waiting item now\n", err: "" });
  const said = performance.now();
  const [mail] = await sink.untilMails(1, 2000);
  assert.ok(performance.now() - said < 2000, `${performance.now() - asked} ms`);
  assert.deepEqual(mail!.recipients, ["a@one.test", "b@one.test"]);
  const left = () => ask(socketOf(running), "GET", "/queue").then(({ body }) => body.split("\n").length - 1);
  await eventually(async () => await left() === 1, 5000, "one item left");
  assert.match((await kasi(...site, "--qunstick")).out, /tries 1 waiting item now/);
  assert.equal((await sink.untilMails(2, 2000)).length, 2);
});

test("queue hold, release, remove, retry, bounce, show and trace", async () => {
  await using running = await withDeferredMail(await freePort());
  const site = ["-c", running.dir];
  const listed = await ask(socketOf(running), "GET", "/queue?domain=one.test");
  const { id } = JSON.parse(listed.body) as { id: string };
  assert.deepEqual(await kasi("queue", "hold", id, ...site), { code: 0, out: "1 item held\n", err: "" });
  assert.match((await kasi("queue", "flush", ...site)).out, /tries 1 waiting item now/, "the held one stays");
  assert.match(
    (await kasi("status", ...site)).out,
    /^Kasi .*\nlistening on 127.*\nqueue: .* 1 held; the oldest since 2\S+ \S+\n/,
  );
  assert.match((await kasi("queue", "release", id, ...site)).out, /^1 item released/);
  assert.match((await kasi("queue", "remove", id, ...site)).out, /^1 item removed/);
  const [again, left] = await Promise.all([kasi("queue", "remove", id, ...site), kasi("queue", "ls", ...site)]);
  assert.deepEqual([again.code, again.err], [
    1,
    `No queued message has the ID ${id}; what became of one the log tells: kasi explain ${id}\n`,
  ]);
  assert.match(left.out, /^1 item$/m);
  const other = left.out.split(" ")[0]!;
  const [shown, traced] = await Promise.all([
    kasi("queue", "show", other, ...site),
    kasi("queue", "trace", other, "--json", ...site),
  ]);
  assert.match(shown.out, /^To +<c@two\.test>\n(?:.*\n)*Next .*: attempt [23] of 11, by the schedule/m);
  const item = JSON.parse(traced.out);
  assert.deepEqual([item.history.length >= 1, item.next.why], [true, "schedule"]);
  assert.match((await kasi("queue", "retry", "--domain", "two.test", ...site)).out, /^1 item due now/);
  assert.match((await kasi("queue", "bounce", "--all", "--dry-run", ...site)).out, /^[01] items? would be bounced/);
  const dead = await kasi("queue", "rm", ...site);
  assert.deepEqual([dead.code, dead.err], [255, "queue rm wants the ID that queue ls prints, a filter, or --all\n"]);
});

test("[row 13] --graceful is refused where there are no workers", async () => {
  await using running = await startCommanded({ files: { "config/plugins": "" } });
  const refused = await kasi("-c", running.dir, "--graceful");
  assert.deepEqual(refused, {
    code: 1,
    out: "",
    err: "Graceful restart not possible without `nodes` value in smtp.ini\n",
  });
  // Nor by hand, past the command line.
  const { status, body } = await ask(socketOf(running), "POST", "/restart");
  assert.equal(status, 500);
  assert.match(JSON.parse(body).error, /nodes/);
});

test("[row 13] --graceful replaces the workers, and says so when all are new", async () => {
  await using running = await startCommanded({
    files: { "config/plugins": "", "config/smtp.ini": "listen=127.0.0.1:0\nnodes=2\n" },
  });
  assert.deepEqual(await kasi("-c", running.dir, "--graceful"), { code: 0, out: "All workers are new\n", err: "" });
  assert.match((await kasi("status", "-c", running.dir)).out, / 2 threads, /);
  await using client = await SmtpClient.connect(running.port);
  assert.match(await client.reply() ?? "", /^220 /);
});

test("[row 15] the queue's options without -c, and --qempty at all, end with 255 and a word", async () => {
  const refused = await Promise.all(["qlist", "qstat", "qunstick", "graceful", "qempty"].map(async (option) => {
    const { code, err } = await kasi(`--${option}`);
    return [option, code, err];
  }));
  const needs = (option: string) => [option, 255, `${option} option requires config path\n`];
  assert.deepEqual(refused, [
    ...["qlist", "qstat", "qunstick", "graceful"].map(needs),
    ["qempty", 255, "qempty is unimplemented\n"],
  ]);
});

test("--verbose lets what reading the configuration has to say through, on standard error", async () => {
  await using running = await startCommanded({ files: { "config/plugins": "" }, smtpIni: "smtputf9=true\n" });
  const [quiet, { code, out, err }] = await Promise.all([
    kasi("-c", running.dir, "--qlist"),
    kasi("-c", running.dir, "--qlist", "--verbose"),
  ]);
  assert.deepEqual(quiet, { code: 0, out: "", err: "" });
  assert.deepEqual([code, out], [0, ""]);
  assert.match(err, /smtputf9.*smtputf8/);
});

test("[row 135] commands are for this machine's authorised users: no INTERNALCMD over SMTP, no socket for others, no unknown verb", async () => {
  await using running = await startCommanded({
    files: { "config/plugins": "", "config/internalcmd_key": "0123abcd\n" },
  });
  await using client = await SmtpClient.connect(running.port);
  await client.reply();
  for (const words of ["INTERNALCMD key:0123abcd flushQueue", "INTERNALCMD key:wrong shutdown"]) {
    assert.match(await client.say(words), /^500 /, "with the right key no less");
  }
  const path = socketOf(running);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal((await ask(path, "POST", "/flushQueue")).status, 404);
  assert.equal((await ask(path, "GET", "/shutdown")).status, 405, "nothing that changes something is a GET");
  assert.equal((await ask(path, "POST", "/shutdown?now=1")).status, 400);
  assert.match(await client.say("NOOP"), /^250 /, "it still serves");
});

test("[row 135] another user may not command the server, and is told why", {
  skip: process.getuid?.() === 0 ? without("setpriv", "curl") : "not root, so nobody can be another user",
}, async () => {
  await using running = await startCommanded({ files: { "config/plugins": "" } });
  chmodSync(running.dir, 0o755);
  const as = (uid: number) =>
    spawnSync("setpriv", [
      `--reuid=${uid}`,
      `--regid=${uid}`,
      "--clear-groups",
      "curl",
      ...["-sS", "--unix-socket", socketOf(running), "http://localhost/status"],
    ], { encoding: "utf8" });
  const other = as(65_534);
  assert.deepEqual([other.status, other.stdout], [7, ""], other.stderr);
  assert.match(as(0).stdout, /"pid":/);
});

test("status and stop: the server ends in good order, and takes its socket with it", async () => {
  await using running = await startCommanded({ files: { "config/plugins": "" } });
  const site = ["-c", running.dir];
  const status = JSON.parse((await kasi("status", "--json", ...site)).out);
  assert.deepEqual([status.pid, status.sessions, status.threads], [running.pid, 0, 1]);
  assert.deepEqual(status.addresses, [`127.0.0.1:${running.port}`]);
  const stop = await kasi("stop", ...site);
  assert.deepEqual(stop, { code: 0, out: `The server (process ${running.pid}) is ending\n`, err: "" });
  assert.equal(await running.ended, 0);
  assert.ok(!readdirSync(running.dir).includes("control.sock"));
  for (const nobody of await Promise.all(["status", "stop"].map((verb) => kasi(verb, ...site)))) {
    assert.deepEqual([nobody.code, nobody.err], [1, `No server is running on ${running.dir}/queue\n`]);
  }
});

test("a socket left behind is replaced; one that is answered stops the start", async () => {
  await using first = await startCommanded({ files: { "config/plugins": "" } });
  await first.kill();
  assert.ok(readdirSync(first.dir).includes("control.sock"), "left behind");
  assert.match((await kasi("status", "-c", first.dir)).err, /^No server is running/);
  await using second = await startCommanded({ dir: first.dir });
  assert.equal((await ask(socketOf(second), "GET", "/status")).status, 200);
  // Another server of the same site, with a queue of its own.
  writeFileSync(join(first.dir, "config/queue_dir"), "other\n");
  const { code, stderr } = await runKasi(["-c", first.dir]);
  assert.equal(code, 255);
  assert.match(stderr, new RegExp(`control\\.sock is answered by process ${second.pid}; stop it first`));
  assert.equal((await ask(socketOf(second), "GET", "/status")).status, 200, "the first one keeps it");
});
