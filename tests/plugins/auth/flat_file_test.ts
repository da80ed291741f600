import assert from "node:assert/strict";
import plugin from "../../../plugins/auth/flat_file.ts";
import type { AuthAttempt } from "../../../src/hooks/session.ts";
import { hook, type HookOptions, startPlugin } from "../../kit/hook.ts";
import { fakeCapabilities } from "../../kit/fake_session.ts";
import { test } from "../../kit/test.ts";
import { attemptOf, shownPassword } from "../../../src/session/auth_exchange.ts";
import { hashPassword } from "../../../src/host/password_hash.ts";
import { formatScramKeys, newScramKeys } from "../../../src/wire/sasl/scram_keys.ts";

const ini = (core: string) => ({
  "auth_flat_file.ini": `[core]\n${core}\n[users]\nalice@example.com=s3cret\nbob=007\nempty=\n`,
});

async function methods(core: string, options: HookOptions): Promise<string[]> {
  const capabilities = fakeCapabilities();
  await hook(plugin, "capabilities", { files: ini(core), ...options, event: { capabilities } });
  return [...capabilities.auth];
}
const attempt = (user: string, password: string) => shownPassword("PLAIN", user, password);

test("users, methods and the constraint on senders are those of auth_flat_file.ini [row 225]", async () => {
  const three = "methods=PLAIN,LOGIN,cram-md5";
  assert.deepEqual(await methods(three, { tls: true }), ["PLAIN", "LOGIN", "CRAM-MD5"]);
  assert.deepEqual(await methods(three, { isPrivate: true }), ["PLAIN", "LOGIN", "CRAM-MD5"]);
  assert.deepEqual(await methods(three, {}), []);
  assert.deepEqual(await methods("", { tls: true }), []);

  const said = async (user: string, password: string) => {
    const event = { attempt: attempt(user, password) };
    return (await hook(plugin, "auth", { files: ini(three), event })).verdict?.kind;
  };
  assert.equal(await said("alice@example.com", "s3cret"), "ok");
  assert.equal(await said("bob", "007"), "ok", "a number is taken as it is written");
  assert.equal(await said("bob", "7"), "deny");
  assert.equal(await said("alice@example.com", ""), "deny");
  assert.equal(await said("carol", "x"), undefined);
  assert.equal(await said("carol", ""), undefined);
  assert.equal(await said("empty", ""), undefined);
  assert.equal(await said("constructor", ""), undefined);

  const send = async (user: string | undefined, from: string, core = three) => {
    const { verdict } = await hook(plugin, "mail", { files: ini(core), from, ...(user !== undefined && { user }) });
    return verdict;
  };
  assert.equal(await send("alice@example.com", "x@example.com"), undefined);
  assert.equal(await send("alice@mail.example.com", "x@news.Example.com"), undefined);
  const refused = await send("alice@example.com", "x@example.org");
  assert.equal(refused?.kind, "deny");
  assert.match(JSON.stringify(refused), /alice@example\.com.*x@example\.org/);
  assert.equal((await send("a@one.co.uk", "x@two.co.uk"))?.kind, "deny", "co.uk is nobody's domain");
  assert.equal(await send("bob", "x@example.org"), undefined);
  assert.equal(await send("alice@example.com", ""), undefined);
  assert.equal(await send(undefined, "x@example.org"), undefined);
  assert.equal(await send("alice@example.com", "x@example.org", `${three}\nconstrain_sender=false`), undefined);
});

test("keys may stand in the place of passwords: CRAM-MD5 is not offered for them, and who is unknown looks like them", async () => {
  const keys = formatScramKeys(await newScramKeys("s3cret", 5000));
  const files = {
    "auth_flat_file.ini":
      `[core]\nmethods=SCRAM-SHA-256,PLAIN,CRAM-MD5\n[users]\nalice=${keys}\nbroken=SCRAM-SHA-256$x\n`,
  };
  const capabilities = fakeCapabilities();
  await hook(plugin, "capabilities", { files, tls: true, event: { capabilities } });
  assert.deepEqual([...capabilities.auth], ["SCRAM-SHA-256", "PLAIN"]);
  const said = async (user: string, password: string) => {
    const event = { attempt: attempt(user, password) };
    const { verdict } = await hook(plugin, "auth", { files, event });
    return [verdict?.kind, event.attempt.decoy?.iterations];
  };
  assert.deepEqual(await said("alice", "s3cret"), ["ok", undefined]);
  assert.deepEqual(await said("alice", keys), ["deny", undefined]);
  assert.deepEqual(await said("broken", "SCRAM-SHA-256$x"), [undefined, 5000]);
  assert.deepEqual(await said("nobody", "s3cret"), [undefined, 5000]);
});

test("hashes may stand in the place of passwords: they serve PLAIN and LOGIN, and nothing else is offered for them alone", async () => {
  const hashes = { argon: "argon2", scry: "scrypt", bcry: "bcrypt" } as const;
  const lines = await Promise.all(
    Object.entries(hashes).map(async ([user, kind]) => `${user} = ${await hashPassword(`of ${user}`, kind)}`),
  );
  const core = "[core]\nmethods=SCRAM-SHA-256,PLAIN,LOGIN,CRAM-MD5\n[users]\n";
  const ofFile = async (users: readonly string[]) => {
    const capabilities = fakeCapabilities();
    const files = { "auth_flat_file.ini": core + users.join("\n") };
    await hook(plugin, "capabilities", { files, tls: true, event: { capabilities } });
    return [...capabilities.auth];
  };
  assert.deepEqual(await ofFile(lines), ["PLAIN", "LOGIN"]);
  assert.deepEqual(await ofFile([...lines, "clear=text"]), ["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]);

  const started = await startPlugin(plugin, { files: { "auth_flat_file.ini": core + lines.join("\n") } });
  const said = async (event: AuthAttempt) => (await started.run("auth", { event: { attempt: event } })).verdict?.kind;
  for (const user of Object.keys(hashes)) {
    assert.equal(await said(attempt(user, `of ${user}`)), "ok", user);
    assert.equal(await said(attempt(user, "of somebody else")), "deny", user);
    assert.equal(await said(attempt(user, "")), "deny", user);
  }
  assert.equal(await said(attempt("nobody", "of argon")), undefined);
  // Whoever shows the hash itself, or an answer made of it, is let in by neither.
  const [, hash] = /= (.*)/.exec(lines[0]!)!;
  assert.equal(await said(attempt("argon", hash!)), "deny");
  const cram = attemptOf("CRAM-MD5", "argon", { verify: (known) => "password" in known && known.password === hash });
  assert.equal(await said(cram), undefined);
});

test("a hash that asks too much is told of at the start and at a change, and lets nobody in", async () => {
  const costly = "$2b$31$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK";
  const users = (hash: string) => `[core]\nmethods=PLAIN\n[users]\ncarl=${hash}\nwell=$2b$05$${"a".repeat(53)}\n`;
  const started = await startPlugin(plugin, { files: { "auth_flat_file.ini": users(costly) } });
  assert.match(started.log.text(), /\[users\] carl: .* asks for more work/);
  assert.doesNotMatch(started.log.text(), /\$2b|well/);
  const { verdict } = await started.run("auth", { event: { attempt: attempt("carl", "s3cret") } });
  assert.equal(verdict, undefined);
  started.change("auth_flat_file.ini", users("$scrypt$nonsense"));
  assert.match(started.log.text(), /\[users\] carl: .* form/);
});

test("a user nobody knows costs about what a known one does", async () => {
  const file = `[core]\nmethods=PLAIN\n[users]\ncarl=${await hashPassword("s3cret", "scrypt")}\n`;
  const started = await startPlugin(plugin, { files: { "auth_flat_file.ini": file } });
  const takes = async (user: string) => {
    const took: number[] = [];
    for (let i = 0; i < 3; i++) {
      const from = performance.now();
      await started.run("auth", { event: { attempt: attempt(user, "wrong") } });
      took.push(performance.now() - from);
    }
    return Math.min(...took);
  };
  const [known, unknown] = [await takes("carl"), await takes("nobody")];
  assert.ok(unknown > known / 3, `${known} ms and ${unknown} ms`);
});
