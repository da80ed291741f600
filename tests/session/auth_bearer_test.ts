import assert from "node:assert/strict";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { defer, deny, ok } from "../../src/hooks/verdict.ts";
import { type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const b64 = (text: string) => btoa(text);
const oauth = (token: string, user = "tim@kasi.test") => b64(`n,a=${user},\x01auth=Bearer ${token}\x01\x01`);
const xoauth2 = (token: string) => b64(`user=tim@kasi.test\x01auth=Bearer ${token}\x01\x01`);

const HOOKS: HookTable = {
  capabilities: ({ capabilities }) => void ["OAUTHBEARER", "XOAUTH2"].forEach((each) => capabilities.auth.add(each)),
  auth({ attempt }) {
    if (attempt.token === "good") {
      // Who it is, the token knows best.
      attempt.user = "tim@kasi.test";
      return ok();
    }
    if (attempt.token === "later") return defer();
    if (attempt.token === "narrow") {
      attempt.tokenFault = { status: "insufficient_scope", scope: "smtp", configuration: "https://id.test/" };
    }
    return attempt.token === "unknown" ? undefined : deny();
  },
};

async function start(): Promise<SessionKit> {
  const kit = sessionKit({ hooks: HOOKS });
  await kit.client.reply();
  assert.match((await kit.client.say("EHLO me"))!, /250 AUTH OAUTHBEARER XOAUTH2$/);
  return kit;
}

async function over(kit: SessionKit): Promise<void> {
  await kit.client.end();
  await kit.client.rest();
  await kit.clock.advance(3000);
  await kit.over;
}

test("a good token is 235, with an initial response and without, and says who it is", async () => {
  for (
    const lines of [
      [`AUTH OAUTHBEARER ${oauth("good", "x")}`],
      ["AUTH OAUTHBEARER", b64("n,,\x01auth=Bearer good\x01\x01")],
      [`AUTH XOAUTH2 ${xoauth2("good")}`],
    ]
  ) {
    const kit = await start();
    let reply: string | undefined;
    for (const line of lines) reply = await kit.client.say(line);
    assert.match(reply!, /^235 /);
    assert.match(kit.log.text(), /Authenticated.*tim@kasi\.test/);
    await over(kit);
  }
});

test("a refused token is told why in JSON; the client's answer brings 535 (RFC 7628 §3.2.3)", async () => {
  const cases = [
    [`AUTH OAUTHBEARER ${oauth("bad")}`, { status: "invalid_token" }, b64("\x01")],
    [`AUTH OAUTHBEARER ${oauth("unknown")}`, { status: "invalid_token" }, "*"],
    [`AUTH OAUTHBEARER ${b64("n,,\x01auth=\x01\x01")}`, { status: "invalid_token" }, b64("\x01")],
    [
      `AUTH OAUTHBEARER ${oauth("narrow")}`,
      { status: "insufficient_scope", scope: "smtp", "openid-configuration": "https://id.test/" },
      b64("\x01"),
    ],
    [`AUTH XOAUTH2 ${xoauth2("bad")}`, { status: "401", schemes: "bearer" }, ""],
  ] as const;
  for (const [line, json, answer] of cases) {
    const kit = await start();
    const said = (await kit.client.say(line))!;
    assert.match(said, /^334 /);
    assert.deepEqual(JSON.parse(atob(said.slice(4))), json);
    const reply = kit.client.say(answer);
    await kit.clock.advance(1000);
    assert.equal(await reply, "535 5.7.8 Authentication failed");
    await over(kit);
  }
});

test("trouble with the endpoint is 454 at once, and not a failure", async () => {
  const kit = await start();
  assert.match((await kit.client.say(`AUTH OAUTHBEARER ${oauth("later")}`))!, /^454 /);
  assert.match((await kit.client.say(`AUTH OAUTHBEARER ${b64("nonsense")}`))!, /^504 /);
  assert.doesNotMatch(kit.log.text(), /Authentication failed/);
  await over(kit);
});
