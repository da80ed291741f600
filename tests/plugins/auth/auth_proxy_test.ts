import assert from "node:assert/strict";
import plugin from "../../../plugins/auth/auth_proxy.ts";
import { passwordAttempt } from "../../kit/auth_attempt.ts";
import { fakeCapabilities } from "../../kit/fake_session.ts";
import { hook, startPlugin } from "../../kit/hook.ts";
import { memoryServerTls } from "../../kit/memory_tls.ts";
import { scriptedPeer } from "../../kit/scripted_peer.ts";
import { test } from "../../kit/test.ts";

const ONE = { hostname: "192.0.2.1", port: 25 };
const TWO = { hostname: "192.0.2.2", port: 587 };
const FILES = { "auth_proxy.ini": "[domains]\nexample.com=192.0.2.1, 192.0.2.2:587\nother.test=192.0.2.1\n" };
const plain = (user: string, password: string) => `AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`;

test("AUTH is offered over TLS only, for passwords that can be handed on", async () => {
  for (const [tls, offered] of [[true, ["PLAIN", "LOGIN"]], [false, []]] as const) {
    const capabilities = fakeCapabilities();
    await hook(plugin, "capabilities", { tls, isPrivate: !tls, event: { capabilities } });
    assert.deepEqual([...capabilities.auth], offered);
  }
});

test("[row 226] the servers of the user's domain say whether the password is right, one after the other", async () => {
  const started = await startPlugin(plugin, { files: FILES });
  const say = async (user: string, password: string, mechanism?: string) =>
    (await started.run("auth", { event: { attempt: passwordAttempt(user, password, mechanism) } })).verdict?.kind;
  const { machine } = started;

  // Nobody is there: for now.
  assert.equal(await say("me@example.com", "secret"), "defer");
  const two = scriptedPeer(machine, TWO, { offers: ["AUTH PLAIN LOGIN"], auth: ["235 ok", "535 no", "535 no"] });
  assert.equal(await say("me@example.com", "secret"), "ok");
  assert.ok(two.commands.includes(plain("me@example.com", "secret")));
  // A refusal of the whole name is asked about once more without the domain, and then final.
  assert.equal(await say("me@example.com", "wrong"), "deny");
  assert.deepEqual(two.commands.filter((line) => line.startsWith("AUTH")).slice(1), [
    plain("me@example.com", "wrong"),
    plain("me", "wrong"),
  ]);
  assert.equal(two.connections, 2);
  two.stop();

  // The first one is asked first; what it can't say, the second may.
  const one = scriptedPeer(machine, ONE, {
    offers: ["AUTH LOGIN"],
    auth: "334 VXNlcm5hbWU6",
    challenge: ["334 UGFzc3dvcmQ6", "235 ok"],
  });
  assert.equal(await say("me@example.com", "secret"), "ok");
  assert.deepEqual(one.commands.slice(1, 4), ["AUTH LOGIN", btoa("me@example.com"), btoa("secret")]);
  one.stop();
  const away = scriptedPeer(machine, ONE, { offers: ["AUTH PLAIN"], auth: "454 not now" });
  const next = scriptedPeer(machine, TWO, { offers: ["AUTH PLAIN"] });
  assert.equal(await say("me@example.com", "secret"), "ok");
  assert.deepEqual([away.connections, next.connections], [1, 1]);
  away.stop();
  next.stop();

  // Whom it has no servers for, it leaves to others.
  assert.equal(await say("me@unlisted.test", "x"), undefined);
  assert.equal(await say("nobody", "x"), undefined);
  assert.equal(await say("me@example.com", "x", "CRAM-MD5"), undefined);
});

test("a server that offers STARTTLS hears no password in clear", async () => {
  const started = await startPlugin(plugin, { files: FILES });
  const { machine } = started;
  const tls = memoryServerTls(machine.clock);
  const peer = scriptedPeer(machine, ONE, { offers: ["STARTTLS", "AUTH PLAIN"], offersSecure: ["AUTH PLAIN"], tls });
  const { verdict } = await started.run("auth", { event: { attempt: passwordAttempt("me@other.test", "secret") } });
  assert.equal(verdict?.kind, "ok");
  assert.deepEqual(peer.commands.map((line) => line.split(" ")[0]).slice(0, 4), ["EHLO", "STARTTLS", "EHLO", "AUTH"]);
  peer.stop();
  const broken = scriptedPeer(machine, ONE, { offers: ["STARTTLS", "AUTH PLAIN"], tls: "broken" });
  const again = await started.run("auth", { event: { attempt: passwordAttempt("me@other.test", "secret") } });
  assert.equal(again.verdict?.kind, "defer");
  assert.equal(broken.commands.some((line) => line.startsWith("AUTH")), false);
  broken.stop();
});
