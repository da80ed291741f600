import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { defer, deny, ok } from "../../src/hooks/verdict.ts";
import { type KitOptions, type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const b64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const plain = (user: string, password: string) => b64(`\0${user}\0${password}`);

const USERS: { readonly [user: string]: string } = { tim: "tanstaaftanstaaf", "jürgen": "geheim" };
const HOOKS: HookTable = {
  capabilities: ({ capabilities }) =>
    void ["PLAIN", "LOGIN", "CRAM-MD5"].forEach((each) => capabilities.auth.add(each)),
  async auth({ attempt }) {
    const password = USERS[attempt.user];
    return password !== undefined && await attempt.matches(password) ? ok() : deny();
  },
};

async function start(options: KitOptions = {}): Promise<SessionKit> {
  const kit = sessionKit({ hooks: HOOKS, ...options });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  return kit;
}

async function over(kit: SessionKit): Promise<void> {
  await kit.client.end();
  await kit.client.rest();
  await kit.clock.advance(3000);
  await kit.over;
}

async function cram(kit: SessionKit, user: string, password: string): Promise<string> {
  const challenge = (await kit.client.say("AUTH CRAM-MD5"))!;
  assert.match(challenge, /^334 /);
  const ticket = atob(challenge.slice(4));
  assert.match(ticket, /^<[0-9a-f]+\.\d+@mx\.test>$/);
  const digest = createHmac("md5", password).update(ticket).digest("hex");
  return (await kit.client.say(b64(`${user} ${digest}`)))!;
}

const GOOD = "235 2.7.0 Authentication successful";
const LOGIN = ["AUTH LOGIN", b64("tim"), b64(USERS.tim!)];

test("[row 173] PLAIN with and without an initial response", async () => {
  const credentials = plain("tim", USERS.tim!);
  for (const lines of [[`AUTH PLAIN ${credentials}`], ["AUTH PLAIN", credentials]]) {
    const kit = await start();
    const replies: (string | undefined)[] = [];
    for (const line of lines) replies.push(await kit.client.say(line));
    assert.deepEqual(replies, lines.length === 1 ? [GOOD] : ["334 ", GOOD]);
    await over(kit);
  }
});

test("[row 174] LOGIN with and without the user in the command", async () => {
  for (const lines of [LOGIN, [`AUTH LOGIN ${b64("tim")}`, LOGIN[2]!]]) {
    const kit = await start();
    let reply: string | undefined;
    for (const line of lines) reply = await kit.client.say(line);
    assert.equal(reply, GOOD);
    await over(kit);
  }
});

test("[row 175] CRAM-MD5 answers a fresh challenge each time", async () => {
  const kit = await start();
  assert.equal(await cram(kit, "tim", USERS.tim!), GOOD);
  await over(kit);
  const other = await start();
  const reply = cram(other, "tim", "wrong");
  await other.clock.advance(1000);
  assert.equal(await reply, "535 5.7.8 Authentication failed");
  await over(other);
});

test("names and passwords are UTF-8, and a password is compared whole", async () => {
  const kit = await start();
  const near = kit.client.say(`AUTH PLAIN ${plain("jürgen", "geheimer")}`);
  await kit.clock.advance(1000);
  assert.match((await near)!, /^535/);
  assert.equal(await kit.client.say(`AUTH PLAIN ${plain("jürgen", "geheim")}`), GOOD);
  await over(kit);
});

test("[row 176] each failure waits twice as long as the one before", async () => {
  const kit = await start();
  for (const wait of [1000, 2000, 4000]) {
    let came = false;
    const reply = kit.client.say(`AUTH PLAIN ${plain("tim", "wrong")}`).then((text) => (came = true, text));
    await kit.clock.advance(wait - 1);
    assert.equal(came, false);
    await kit.clock.advance(1);
    assert.equal(await reply, "535 5.7.8 Authentication failed");
  }
  await over(kit);
});

test("an AUTH that nobody judges is refused, and one put off does not count as a failure", async () => {
  const kit = await start({ hooks: { ...HOOKS, auth: () => undefined } });
  const refused = kit.client.say(`AUTH PLAIN ${plain("tim", "x")}`);
  await kit.clock.advance(1000);
  assert.match((await refused)!, /^535/);
  await over(kit);
  const later = await start({ hooks: { ...HOOKS, auth: () => defer() } });
  assert.equal(await later.client.say(`AUTH PLAIN ${plain("tim", "x")}`), "454 4.7.0 Temporary authentication failure");
  assert.equal(later.log.text().includes("Authentication failed"), false);
  await over(later);
});

test("too many failures end the dialogue", async () => {
  const kit = await start({ limits: { authFailures: 1 } });
  const reply = kit.client.say(`AUTH PLAIN ${plain("tim", "x")}`);
  await kit.clock.advance(1000);
  assert.match((await reply)!, /^421 4\.7\.0 /);
  assert.deepEqual(await kit.client.rest(), []);
  await over(kit);
});

test("[row 178] AUTH after success is 503; AUTH during AUTH is 521 and the end", async () => {
  const kit = await start();
  assert.equal(await kit.client.say(`AUTH PLAIN ${plain("tim", USERS.tim!)}`), GOOD);
  assert.match((await kit.client.say("AUTH PLAIN"))!, /^503/);
  await over(kit);
  const other = await start();
  assert.match((await other.client.say("AUTH LOGIN"))!, /^334/);
  assert.match((await other.client.say("AUTH LOGIN"))!, /^521/);
  assert.deepEqual(await other.client.rest(), []);
  await over(other);
});

test("[row 179] success sets relaying, the notes, Authentication-Results and the A of Received", async () => {
  let text = "";
  let user: unknown;
  const kit = await start({
    settings: { addReceived: true },
    hooks: {
      ...HOOKS,
      queue_outbound({ session, message }) {
        user = session.notes.get("auth_user");
        assert.deepEqual(session.auth, { user: "tim", method: "PLAIN" });
        text = new TextDecoder().decode(message.bytes());
        return ok();
      },
    },
  });
  await kit.client.say(`AUTH PLAIN ${plain("tim", USERS.tim!)}`);
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.match((await kit.client.say("RCPT TO:<anyone@far.test>"))!, /^250/);
  await kit.client.say("DATA");
  assert.match((await kit.client.say("x\r\n."))!, /^250/);
  assert.equal(user, "tim");
  assert.match(text, /^Authentication-Results: mx\.test;\r\n\tauth=pass \(plain\)\r\n/);
  assert.match(text, / with ESMTPA id /);
  await over(kit);
});

test("a password never reaches the log", async () => {
  const kit = await start();
  await kit.client.say(`AUTH PLAIN ${plain("tim", USERS.tim!)}`);
  await over(kit);
  assert.ok(!kit.log.text().includes(USERS.tim!));
  assert.ok(!kit.log.text().includes(plain("tim", USERS.tim!)));
});

test("a plugin's own mechanism gets the answer as it came", async () => {
  let seen: readonly unknown[] = [];
  const kit = await start({
    hooks: {
      capabilities: ({ capabilities }) => void capabilities.auth.add("X-OWN"),
      auth({ attempt }) {
        seen = [attempt.mechanism, attempt.user, attempt.password];
        return ok();
      },
    },
  });
  assert.equal(await kit.client.say(`AUTH X-OWN ${b64("user=tim")}`), GOOD);
  assert.deepEqual(seen, ["X-OWN", "", "user=tim"]);
  await over(kit);
});

test("AUTH with a long initial response is read, and other lines keep their limit where AUTH is not offered", async () => {
  const password = "p".repeat(2000);
  let heard = "";
  const kit = sessionKit({
    hooks: {
      capabilities: ({ capabilities }) => void capabilities.auth.add("PLAIN"),
      auth: ({ attempt }) => {
        heard = attempt.password ?? "";
        return ok();
      },
    },
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  assert.match((await kit.client.say(`AUTH PLAIN ${btoa(`\0tim\0${password}`)}`))!, /^235 /);
  assert.equal(heard, password);
  assert.match((await kit.client.say(`NOOP ${"x".repeat(600)}`))!, /^521 /);
  await kit.client.end();
  await kit.clock.advance(3000);
  await kit.over;
});
