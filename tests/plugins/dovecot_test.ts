import assert from "node:assert/strict";
import plugin from "../../plugins/dovecot.ts";
import { startPlugin } from "../kit/hook.ts";
import { lineServer } from "../kit/line_server.ts";
import { test } from "../kit/test.ts";

const answer = (line: string) => {
  const [verb, , user] = line.split("\t");
  if (verb !== "USER") return "";
  if (user === "tim@a.test") return "USER\t1\ttim@a.test\tuid=1000\n";
  if (user === "broken@a.test") return "FAIL\t1\treason=the database is away\n";
  return user === "old@a.test" ? "FAIL\t1\n" : "NOTFOUND\t1\n";
};
const GREETING = "VERSION\t1\t2\nSPID\t12\n";

test("[row 231] recipients and senders that Dovecot knows are taken, others are left to others", async () => {
  const started = await startPlugin(plugin, {
    files: { "dovecot.ini": "path=/run/userdb\n[b.test]\nhost=192.0.2.4\nport=8999\n" },
  });
  const { machine } = started;
  const local = lineServer(machine, { path: "/run/userdb" }, { greeting: GREETING, answer });
  const far = lineServer(machine, { hostname: "192.0.2.4", port: 8999 }, {
    greeting: GREETING,
    answer: () => "USER\t1\tx\n",
  });
  const rcpt = async (to: string) => await started.run("rcpt", { to });
  const known = await rcpt("tim@a.test");
  assert.equal(known.verdict?.kind, "ok");
  assert.deepEqual(known.results?.pass, ["rcpt"]);
  assert.equal(local.lines[0], "VERSION\t1\t0");
  assert.equal(local.lines[1], "USER\t1\ttim@a.test\tservice=smtp");
  assert.equal((await rcpt("nobody@a.test")).verdict, undefined);
  assert.equal((await rcpt("old@a.test")).verdict, undefined);
  const broken = await rcpt("broken@a.test");
  assert.equal(broken.verdict, undefined);
  assert.match(String(broken.results?.err), /the database is away/);
  assert.equal((await rcpt("x@b.test")).verdict?.kind, "ok", "b.test has a socket of its own");
  far.stop();

  const { session, verdict } = await started.run("mail", { from: "tim@a.test", relaying: true });
  assert.equal(verdict, undefined);
  assert.equal(session.transaction!.notes.get("local_sender"), true);
  // A local sender that may relay sends to anybody.
  assert.equal((await started.run("rcpt", { session, to: "who@elsewhere.test" })).verdict?.kind, "ok");
  local.stop();
  assert.equal((await rcpt("tim@a.test")).verdict?.kind, "defer", "nobody is there");
});

test("a socket that says nothing is waited for no longer than timeout", async () => {
  const started = await startPlugin(plugin, {
    files: { "dovecot.ini": "path=/run/userdb\ntimeout=5\ncheck_outbound=false\n" },
  });
  const mute = lineServer(started.machine, { path: "/run/userdb" }, { answer: () => "" });
  assert.equal((await started.run("mail", { from: "tim@a.test" })).verdict, undefined, "senders are not asked about");
  const waiting = started.run("rcpt", { to: "tim@a.test" });
  await started.machine.clock.advance(5001);
  const { verdict, results } = await waiting;
  assert.equal(verdict?.kind, "defer");
  assert.match(String(results?.err), /timed out after 5000 ms/);
  mute.stop();
});
