import assert from "node:assert/strict";
import plugin from "../../../plugins/auth/auth_imap.ts";
import { passwordAttempt } from "../../kit/auth_attempt.ts";
import { startPlugin } from "../../kit/hook.ts";
import { lineServer } from "../../kit/line_server.ts";
import { test } from "../../kit/test.ts";

const AT = { hostname: "192.0.2.9", port: 143 };

test("[row 230] IMAP's LOGIN says whether the password is right", async () => {
  const started = await startPlugin(plugin, {
    files: { "auth_imap.ini": "host=192.0.2.9\n[few.test]\nusers=tim\n" },
  });
  let said = "a1 OK [CAPABILITY IMAP4rev2] welcome\r\n";
  const server = lineServer(started.machine, AT, {
    greeting: "* OK [CAPABILITY IMAP4rev1] ready\r\n",
    answer: (line) =>
      line.startsWith("a1")
        ? (line.endsWith("}") ? "+ go\r\n" : `* something else\r\n${said}`)
        : /\{\d+\}$/.test(line)
        ? "+ go\r\n"
        : said,
  });
  const ask = async (user: string, password: string) =>
    (await started.run("auth", { event: { attempt: passwordAttempt(user, password) } })).verdict?.kind;
  assert.equal(await ask("tim@example.com", 'a "quoted" \\ one'), "ok");
  assert.equal(server.lines[0], 'a1 LOGIN "tim@example.com" "a \\"quoted\\" \\\\ one"');
  said = "a1 NO [AUTHENTICATIONFAILED] no\r\n";
  assert.equal(await ask("tim@example.com", "wrong"), "deny");
  said = "a1 NO [UNAVAILABLE] later\r\n";
  assert.equal(await ask("tim@example.com", "secret"), "defer");
  said = "a1 BAD what\r\n";
  assert.equal(await ask("tim@example.com", "secret"), "defer");
  // Octets that cannot be quoted go as literals; nothing that is said in a password is a command.
  said = "a1 OK\r\n";
  assert.equal(await ask("tim@example.com", "pässwörd"), "ok");
  assert.equal(await ask("tim@example.com", "x\r\na2 LOGOUT"), "ok");
  assert.ok(server.lines.includes('a1 LOGIN "tim@example.com" {10}'));
  assert.equal(await ask("tom@few.test", "x"), undefined);
  assert.equal(await ask("tim@few.test", "x"), "ok");
  server.stop();
  assert.equal(await ask("tim@example.com", "secret"), "defer", "nobody is there");
});

test("a server that greets with no, or says nothing, is trouble of its own", async () => {
  const started = await startPlugin(plugin, {
    files: { "auth_imap.ini": "host=192.0.2.9\nconnTimeout=50\nauthTimeout=50\n" },
  });
  const bye = lineServer(started.machine, AT, { greeting: "* BYE overloaded\r\n", answer: () => "" });
  const attempt = passwordAttempt("tim", "x");
  assert.equal((await started.run("auth", { event: { attempt } })).verdict?.kind, "defer");
  bye.stop();
  const mute = lineServer(started.machine, AT, { answer: () => "" });
  const waiting = started.run("auth", { event: { attempt } });
  await started.machine.clock.advance(101);
  assert.equal((await waiting).verdict?.kind, "defer");
  mute.stop();
});
