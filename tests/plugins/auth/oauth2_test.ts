import assert from "node:assert/strict";
import plugin from "../../../plugins/auth/oauth2.ts";
import type { AuthAttempt } from "../../../src/hooks/session.ts";
import { attemptOf } from "../../../src/session/auth_exchange.ts";
import { fakeCapabilities } from "../../kit/fake_session.ts";
import { hook, startPlugin } from "../../kit/hook.ts";
import { test } from "../../kit/test.ts";

const URL = "https://id.test/introspect";
const ini = (lines = "") => ({ "auth_oauth2.ini": `[main]\nurl=${URL}\n${lines}\n` });
const withToken = (token: string, user = "tim@kasi.test"): AuthAttempt =>
  attemptOf("OAUTHBEARER", user, { token, verify: () => false });
const GOOD = { active: true, username: "tim@kasi.test" };

/** A plugin whose endpoint says what `said` holds. */
async function start(lines: string, first: unknown = GOOD) {
  const asked: { request: Request; body: string }[] = [];
  const endpoint = { said: first };
  const started = await startPlugin(plugin, {
    files: ini(lines),
    async fetch(request) {
      asked.push({ request, body: await request.text() });
      if (endpoint.said instanceof Error) throw endpoint.said;
      if (typeof endpoint.said === "number") return new Response("no", { status: endpoint.said });
      return new Response(typeof endpoint.said === "string" ? endpoint.said : JSON.stringify(endpoint.said));
    },
  });
  const say = async (attempt: AuthAttempt) => (await started.run("auth", { event: { attempt } })).verdict?.kind;
  return { ...started, asked, endpoint, say };
}

test("offered over TLS only, and where there is an endpoint", async () => {
  for (const [files, tls, offered] of [[ini(), true, 2], [ini(), false, 0], [{}, true, 0]] as const) {
    const capabilities = fakeCapabilities();
    await hook(plugin, "capabilities", { files, tls, isPrivate: true, event: { capabilities } });
    assert.deepEqual([...capabilities.auth], ["OAUTHBEARER", "XOAUTH2"].slice(0, offered));
  }
});

test("introspection: a POST with our name; the claim says who it is", async () => {
  const { asked, say } = await start("client_id=a:b\nclient_secret=s e");
  const nameless = withToken("tok+en=", "");
  assert.equal(await say(nameless), "ok");
  assert.equal(nameless.user, "tim@kasi.test");
  const { request, body } = asked[0]!;
  assert.deepEqual([request.method, request.url, request.redirect], ["POST", URL, "error"]);
  assert.equal(request.headers.get("authorization"), `Basic ${btoa("a%3Ab:s+e")}`);
  assert.equal(new URLSearchParams(body).get("token"), "tok+en=");
  assert.equal(await say(withToken("tok+en=", "tim@KASI.test")), "ok");
  assert.equal(await say(withToken("tok+en=", "tom@kasi.test")), "deny");
  assert.equal(await say(withToken("tok+en=", "Tim@kasi.test")), "deny");
  assert.equal(await say(attemptOf("PLAIN", "tim@kasi.test", { password: "x", verify: () => false })), undefined);
});

test("what is refused, and what the client is told", async () => {
  const { endpoint, say, asked, machine } = await start(
    "scope=smtp mail\naudience=mx\nconfiguration=https://id.test/c",
  );
  const full = { ...GOOD, scope: "mail smtp x", aud: ["web", "mx"] };
  const now = machine.clock.now() / 1000;
  const cases = [
    [{ ...full, active: false }, "invalid_token"],
    [{ ...full, exp: now }, "invalid_token"],
    [{ ...full, nbf: now + 9 }, "invalid_token"],
    [{ ...full, aud: "web" }, "invalid_token"],
    [{ ...full, username: "" }, "invalid_token"],
    [{ ...full, scope: "mail" }, "insufficient_scope"],
  ] as const;
  for (const [said, status] of cases) {
    endpoint.said = said;
    const attempt = withToken("t");
    assert.equal(await say(attempt), "deny", JSON.stringify(said));
    assert.deepEqual(attempt.tokenFault, { status, scope: "smtp mail", configuration: "https://id.test/c" });
  }
  endpoint.said = full;
  assert.equal(await say(withToken("t")), "ok");
  const before = asked.length;
  assert.equal(await say(withToken("")), "deny");
  assert.equal(asked.length, before, "nothing to ask");
});

test("trouble with the endpoint puts off, and neither token nor answer is logged", async () => {
  const { endpoint, say, log } = await start("");
  for (const said of [500, 401, "hidden{", "[]", {}, { active: "true" }, new Error("at s3cr3t.tok away")]) {
    endpoint.said = said;
    assert.equal(await say(withToken("s3cr3t.tok")), "defer", JSON.stringify(said));
  }
  endpoint.said = "x".repeat(70_000);
  assert.equal(await say(withToken("s3cr3t.tok")), "defer");
  endpoint.said = { active: false };
  assert.equal(await say(withToken("s3cr3t.tok")), "deny");
  assert.match(log.text(), /HTTP 500/);
  assert.doesNotMatch(log.text(), /s3cr3t|hidden/);
});

test("an endpoint that does not answer is given up after the timeout", async () => {
  const asked = Promise.withResolvers<void>();
  const started = await startPlugin(plugin, {
    files: ini("timeout=3"),
    fetch({ signal }) {
      asked.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    },
  });
  const said = started.run("auth", { event: { attempt: withToken("held.token") } });
  // The token is hashed before, on a thread that others' hashes may hold: no time is to pass until then.
  await asked.promise;
  await started.machine.clock.advance(3000);
  assert.equal((await said).verdict?.kind, "defer");
  assert.match(started.log.text(), /timed out after 3000 ms/);
});

test("a yes is believed for cache_seconds, not beyond the token's end; a no is not kept", async () => {
  const { endpoint, say, asked, machine, change } = await start("cache_seconds=60", { active: false });
  assert.equal(await say(withToken("t")), "deny");
  endpoint.said = GOOD;
  assert.equal(await say(withToken("t")), "ok");
  endpoint.said = { active: false };
  await machine.clock.advance(59_000);
  assert.equal(await say(withToken("t")), "ok");
  assert.equal(asked.length, 2);
  assert.equal(await say(withToken("u")), "deny", "another token is another matter");
  await machine.clock.advance(1000);
  assert.equal(await say(withToken("t")), "deny");

  endpoint.said = { ...GOOD, exp: machine.clock.now() / 1000 + 10 };
  assert.equal(await say(withToken("t")), "ok");
  await machine.clock.advance(10_000);
  assert.equal(await say(withToken("t")), "deny");

  endpoint.said = GOOD;
  assert.equal(await say(withToken("t")), "ok");
  change("auth_oauth2.ini", ini("scope=smtp")["auth_oauth2.ini"]);
  assert.equal(await say(withToken("t")), "deny", "other settings, other answers");
});

test("userinfo: the token itself opens it; 401 and 403 are a no", async () => {
  const { endpoint, say, asked } = await start("kind=userinfo\nuser_claim=email\ncache_seconds=0", {
    email: "tim@kasi.test",
  });
  assert.equal(await say(withToken("tok")), "ok");
  assert.equal(asked[0]!.request.method, "GET");
  assert.equal(asked[0]!.request.headers.get("authorization"), "Bearer tok");
  for (const said of [401, 403, { email: "tim@kasi.test", email_verified: false }, { sub: "1" }]) {
    endpoint.said = said;
    assert.equal(await say(withToken("tok")), "deny", JSON.stringify(said));
  }
  endpoint.said = 404;
  assert.equal(await say(withToken("tok")), "defer");
});

test("settings that would show tokens to bystanders are refused at the start; at a change the old ones stay", async () => {
  const bad = [
    "url=http://id.test/",
    "url=id.test",
    "url=https://u:p@id.test/",
    "client_id=x",
    "kind=userinfo\nscope=x",
  ];
  for (const lines of bad) await assert.rejects(startPlugin(plugin, { files: ini(lines) }), /wanted:/, lines);
  await startPlugin(plugin, { files: ini("url=http://127.0.0.1:8080/") });
  const { change, log, say } = await start("");
  change("auth_oauth2.ini", "[main]\nurl=http://id.test/\n");
  assert.match(log.text(), /the settings before stay/);
  assert.equal(await say(withToken("t")), "ok");
});

test("whoever is let in sends as its own domain", async () => {
  const run = await hook(plugin, "mail", { files: ini(), user: "tim@kasi.test", from: "x@elsewhere.test" });
  assert.equal(run.verdict?.kind, "deny");
});
