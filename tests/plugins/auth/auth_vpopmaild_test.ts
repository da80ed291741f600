import assert from "node:assert/strict";
import plugin from "../../../plugins/auth/auth_vpopmaild.ts";
import { passwordAttempt } from "../../kit/auth_attempt.ts";
import { fakeCapabilities } from "../../kit/fake_session.ts";
import { hook, startPlugin } from "../../kit/hook.ts";
import { lineServer } from "../../kit/line_server.ts";
import { test } from "../../kit/test.ts";

const FILES = {
  "auth_vpopmaild.ini": "sysadmin=admin@a.test:s3cret pass\n[b.test]\nhost=127.0.0.7\nport=90\n",
};
/** A vpopmaild as the protocol's documents have it: an answer is a line, a list ends with a dot. */
const answer = (line: string) => {
  const [verb, ...words] = line.split(" ");
  if (verb === "slogin") {
    return ["tim@a.test right", "admin@a.test s3cret pass", "bob@b.test right"].includes(words.join(" "))
      ? "+OK+\r\n".replace("+OK+", "+OK")
      : "-ERR 0x0a02 Login failed\r\n";
  }
  if (verb === "user_info") {
    return words[0] === "tim@a.test"
      ? "+OK\r\nencrypted_password $1$x\r\nclear_text_password right\r\nquota NOQUOTA\r\n.\r\n"
      : "-ERR 0x0b01 No such user\r\n";
  }
  return verb === "quit" ? undefined : "-ERR what\r\n";
};

test("[row 228] vpopmaild says whether the password is right; with a sysadmin also for CRAM-MD5", async () => {
  const started = await startPlugin(plugin, { files: FILES });
  const { machine } = started;
  const servers = [{ hostname: "127.0.0.6", port: 89 }, { hostname: "127.0.0.7", port: 90 }].map((at) =>
    lineServer(machine, at, { greeting: "+OK vpopmaild\r\n", answer })
  );
  const ask = async (user: string, password: string, mechanism?: string) =>
    (await started.run("auth", { event: { attempt: passwordAttempt(user, password, mechanism) } })).verdict?.kind;
  assert.equal(await ask("tim@a.test", "right"), "ok");
  assert.equal(await ask("tim@a.test", "wrong"), "deny");
  assert.equal(await ask("bob@b.test", "right"), "ok", "the server of b.test");
  assert.deepEqual([servers[0]!.lines.length > 0, servers[1]!.lines[0]], [true, "slogin bob@b.test right"]);
  assert.equal(await ask("tim@a.test", "right", "CRAM-MD5"), "ok");
  assert.equal(await ask("tim@a.test", "wrong", "CRAM-MD5"), "deny");
  assert.equal(await ask("tom@a.test", "right", "CRAM-MD5"), undefined);
  assert.equal(await ask("two words", "x"), "defer");
  for (const server of servers) server.stop();
  assert.equal(await ask("tim@a.test", "right"), "defer");
});

test("AUTH is offered over TLS; CRAM-MD5 with a sysadmin; senders are the user's own domain's", async () => {
  for (
    const [files, offered] of [
      [FILES, ["PLAIN", "LOGIN", "CRAM-MD5"]],
      [{ "auth_vpopmaild.ini": "" }, ["PLAIN", "LOGIN"]],
    ] as const
  ) {
    const capabilities = fakeCapabilities();
    await hook(plugin, "capabilities", { files, tls: true, event: { capabilities } });
    assert.deepEqual([...capabilities.auth], offered);
  }
  const { verdict } = await hook(plugin, "mail", { files: FILES, user: "tim@a.test", from: "x@b.test" });
  assert.equal(verdict?.kind, "deny");
  assert.equal((await hook(plugin, "mail", { files: FILES, user: "tim@a.test", from: "x@a.test" })).verdict, undefined);
});
