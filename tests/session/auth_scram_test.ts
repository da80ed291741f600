import assert from "node:assert/strict";
import type { HookTable } from "../../src/hooks/plugin.ts";
import type { AuthAttempt, Known } from "../../src/hooks/session.ts";
import { deny, ok } from "../../src/hooks/verdict.ts";
import { newScramKeys } from "../../src/wire/sasl/scram_keys.ts";
import { authenticateByScram, ScramClient } from "../kit/scram_client.ts";
import { FAKE_TLS, type KitOptions, type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";

const GOOD = "235 2.7.0 Authentication successful";
const REFUSED = "535 5.7.8 Authentication failed";
const PLUS = "SCRAM-SHA-256-PLUS";
const b64 = (text: string) => btoa(text);
const CHANNEL = new TextEncoder().encode("the hash of our certificate");

let hashed: ReturnType<typeof newScramKeys> | undefined;
const keys = () => hashed ??= newScramKeys("geheim", 5000);
const KNOWN: { readonly [user: string]: () => Known | Promise<Known> } = {
  tim: () => ({ password: "tanstaaf" }),
  "a=b,c": async () => ({ scram: await keys() }),
};

function hooks(auth?: HookTable["auth"]): HookTable {
  return {
    capabilities: ({ capabilities }) => void ["SCRAM-SHA-256", "PLAIN"].forEach((each) => capabilities.auth.add(each)),
    auth: auth ?? (async ({ attempt }) => {
      const known = await KNOWN[attempt.user]?.();
      return known === undefined ? undefined : await attempt.verify(known) ? ok() : deny();
    }),
  };
}

async function start(options: KitOptions = {}): Promise<SessionKit & { readonly hello: string }> {
  const kit = sessionKit({ hooks: hooks(), ...options });
  await kit.client.reply();
  return { ...kit, hello: (await kit.client.say("EHLO me"))! };
}
const overTls = (options: KitOptions = {}) => start({ tls: { ...FAKE_TLS, serverEndPoint: CHANNEL }, ...options });

/** Moves the clock on until the reply is there: a failure waits. */
async function patient<T>(kit: SessionKit, reply: Promise<T>): Promise<T> {
  let there = false;
  reply.finally(() => there = true).catch(() => {});
  while (!there) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (!there) await kit.clock.advance(1000);
  }
  return await reply;
}

async function attempt(kit: SessionKit, client: ScramClient, mechanism = "SCRAM-SHA-256"): Promise<string> {
  return await patient(kit, authenticateByScram((line) => kit.client.say(line), mechanism, client));
}

async function over(kit: SessionKit): Promise<void> {
  await kit.client.end();
  await patient(kit, kit.client.rest());
  await kit.over;
}

test("SCRAM-SHA-256 with a password and with stored keys; the client can trust the server", async () => {
  for (const [user, password, count] of [["tim", "tanstaaf", 4096], ["a=b,c", "geheim", 5000]] as const) {
    const kit = await start();
    assert.match(kit.hello, /250 AUTH SCRAM-SHA-256 PLAIN$/);
    const client = new ScramClient({ user, password });
    assert.equal(await attempt(kit, client), GOOD);
    assert.equal(client.iterations, count);
    assert.match(kit.log.text(), /Authenticated/);
    await over(kit);
  }
});

test("the client may wait with its first message", async () => {
  const kit = await start();
  const client = new ScramClient({ user: "tim", password: "tanstaaf" });
  assert.equal(await kit.client.say("AUTH SCRAM-SHA-256"), "334 ");
  const first = (await kit.client.say(b64(client.first())))!;
  const last = (await kit.client.say(b64(client.final(atob(first.slice(4))))))!;
  assert.equal(client.trusts(atob(last.slice(4))), true);
  assert.equal(await kit.client.say(""), GOOD);
  await over(kit);
});

test("stored keys serve PLAIN too", async () => {
  const kit = await start();
  assert.equal(await patient(kit, kit.client.say(`AUTH PLAIN ${b64("\0a=b,c\0falsch")}`)), REFUSED);
  assert.equal(await kit.client.say(`AUTH PLAIN ${b64("\0a=b,c\0geheim")}`), GOOD);
  await over(kit);
});

test("a wrong password fails, and who is nobody looks like somebody: a salt that stays, as many rounds, the same answer", async () => {
  const secret = () => new Uint8Array(32).fill(7);
  const seen: string[] = [];
  for (const user of ["tim", "nobody", "nobody", "noone"]) {
    const kit = await start({ hooks: hooks(), secret });
    const client = new ScramClient({ user, password: "wrong" });
    assert.equal(await attempt(kit, client), REFUSED);
    assert.equal(atob(client.salt).length, 16);
    assert.equal(client.iterations, 4096);
    seen.push(client.salt);
    assert.match(kit.log.text(), /Authentication failed/);
    await over(kit);
  }
  assert.equal(seen[1], seen[2]);
  assert.equal(new Set(seen).size, 3);
});

test("a plugin says how its users look", async () => {
  const kit = await start({
    hooks: hooks(({ attempt }) => {
      attempt.decoy = { iterations: 9000, saltOctets: 20 };
      return undefined;
    }),
  });
  const client = new ScramClient({ user: "nobody", password: "x" });
  assert.equal(await attempt(kit, client), REFUSED);
  assert.deepEqual([client.iterations, atob(client.salt).length], [9000, 20]);
  await over(kit);
});

test("of several plugins that know the user, any may be right about the password", async () => {
  const says = (password: string): NonNullable<HookTable["auth"]> => async ({ attempt }) =>
    await attempt.matches(password) ? ok() : undefined;
  const plugins = ["old", "new"].map((password) => ({ name: password, hooks: { auth: says(password) } }));
  const kit = await start({ hooks: { ...hooks(), auth: () => undefined }, plugins });
  assert.equal(await attempt(kit, new ScramClient({ user: "tim", password: "new" })), GOOD);
  await over(kit);
});

test("SCRAM-SHA-256-PLUS is bound to our certificate, and offered where there is one to be bound to", async () => {
  const kit = await overTls();
  assert.match(kit.hello, /250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN$/);
  const flag = "p=tls-server-end-point";
  const client = (channel: Uint8Array) => new ScramClient({ user: "tim", password: "tanstaaf", flag, channel });
  // Somebody in the middle has a certificate of his own.
  const elsewhere = new TextEncoder().encode("the hash of another's");
  assert.equal(await attempt(kit, client(elsewhere), PLUS), REFUSED);
  assert.match(kit.log.text(), /bound to another channel/);
  assert.equal(await attempt(kit, client(CHANNEL), PLUS), GOOD);
  await over(kit);
  const plain = await start({ tls: FAKE_TLS });
  assert.doesNotMatch(plain.hello, /PLUS/);
  assert.match(await attempt(plain, client(CHANNEL), PLUS), /^504 /);
  await over(plain);
});

test("nobody is talked out of the binding: a client that says it was offered none is refused where we offered it", async () => {
  for (const [flag, mechanism] of [["y", "SCRAM-SHA-256"], ["n", PLUS], ["p=tls-unique", PLUS]] as const) {
    const kit = await overTls();
    const channel = flag.startsWith("p=") ? CHANNEL : new Uint8Array();
    const client = new ScramClient({ user: "tim", password: "tanstaaf", flag, channel });
    assert.equal(await attempt(kit, client, mechanism), REFUSED, flag);
    await over(kit);
  }
  const plain = await start();
  assert.equal(await attempt(plain, new ScramClient({ user: "tim", password: "tanstaaf", flag: "y" })), GOOD);
  await over(plain);
});

test("what is not of the form is 504, base64 that is none 501, and neither counts as a failure", async () => {
  const kit = await start();
  for (const first of ["n,,n=tim", "n,a=root,n=tim,r=x", "n,,m=ext,n=tim,r=x", "hello"]) {
    assert.match((await kit.client.say(`AUTH SCRAM-SHA-256 ${b64(first)}`))!, /^504 /, first);
  }
  for (const [final, code] of [["*", 504], ["", 504], ["???", 501], [b64("c=biws,r=other,p=AAAA"), 504]] as const) {
    assert.match((await kit.client.say(`AUTH SCRAM-SHA-256 ${b64("n,,n=tim,r=x")}`))!, /^334 /);
    assert.match((await kit.client.say(final))!, new RegExp(`^${code} `), final);
  }
  assert.doesNotMatch(kit.log.text(), /Authentication failed/);
  assert.equal(await attempt(kit, new ScramClient({ user: "tim", password: "tanstaaf" })), GOOD);
  await over(kit);
});

test("a proof that answers another challenge is worth nothing", async () => {
  const kit = await start();
  const client = new ScramClient({ user: "tim", password: "tanstaaf" });
  const opened = (await kit.client.say(`AUTH SCRAM-SHA-256 ${b64(client.first())}`))!;
  const final = client.final(atob(opened.slice(4)));
  assert.match((await kit.client.say("*"))!, /^504/);
  assert.match((await kit.client.say(`AUTH SCRAM-SHA-256 ${b64(client.first())}`))!, /^334/);
  assert.match((await kit.client.say(b64(final)))!, /^504/);
  await over(kit);
});

test("AUTH within the exchange is the end, and so is a plugin that was late in the middle of it", async () => {
  const kit = await start();
  assert.match((await kit.client.say(`AUTH SCRAM-SHA-256 ${b64("n,,n=tim,r=x")}`))!, /^334 /);
  assert.match((await kit.client.say("AUTH PLAIN"))!, /^521 /);
  assert.deepEqual(await kit.client.rest(), []);
  await over(kit);
  const late = await start({ hooks: {}, plugins: [{ name: "late", hooks: hooks(), timeoutMs: 1000 }] });
  assert.match((await late.client.say(`AUTH SCRAM-SHA-256 ${b64("n,,n=tim,r=x")}`))!, /^334 /);
  assert.match((await patient(late, late.client.reply()))!, /^421 4\.7\.0 Authentication took too long/);
  await over(late);
});

test("a plugin that says ok and has verified nothing lets nobody in", async () => {
  const kit = await start({ hooks: hooks(() => ok()) });
  assert.match((await kit.client.say(`AUTH SCRAM-SHA-256 ${b64("n,,n=tim,r=x")}`))!, /^454 /);
  assert.match(kit.log.text(), /verified nothing/);
  await over(kit);
});

test("failures of SCRAM wait longer each time and are capped like others, and stand in the notes and results", async () => {
  let seen: AuthAttempt | undefined;
  const kit = await start({
    limits: { authFailures: 2 },
    hooks: hooks(async ({ attempt }) => {
      seen = attempt;
      return await attempt.matches("right") ? ok() : deny();
    }),
  });
  for (const [failures, wait, answer] of [[1, 1000, REFUSED], [2, 2000, /^421 4\.7\.0 /]] as const) {
    let came = false;
    const client = new ScramClient({ user: "tim", password: "wrong" });
    const reply = authenticateByScram((line) => kit.client.say(line), "SCRAM-SHA-256", client)
      .finally(() => came = true);
    const logged = () =>
      kit.log.items.some(({ message, fields }) => message === "Authentication failed" && fields.failures === failures);
    while (!logged()) await new Promise((resolve) => setTimeout(resolve, 1));
    await kit.clock.advance(wait - 1);
    assert.equal(came, false);
    await kit.clock.advance(1);
    assert.match(await reply, typeof answer === "string" ? new RegExp(answer) : answer);
  }
  assert.deepEqual([seen?.mechanism, seen?.user, seen?.password], ["SCRAM-SHA-256", "tim", undefined]);
  await over(kit);
});
