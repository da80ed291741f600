import assert from "node:assert/strict";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { type KitOptions, type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { ok } from "../../src/hooks/verdict.ts";
import { test } from "../kit/test.ts";

async function start(options: KitOptions = {}): Promise<SessionKit> {
  const kit = sessionKit({
    canUpgrade: true,
    ...options,
    hooks: {
      capabilities: ({ capabilities }) => {
        capabilities.startTls = true;
        capabilities.auth.add("PLAIN");
      },
      auth: () => ok(),
      ...options.hooks,
    },
  });
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

test("[row 171] after STARTTLS the session knows its TLS, and the log has the `secured` line", async () => {
  let cipher = "";
  const kit = await start({ hooks: { ehlo: ({ session }) => void (cipher = session.tls?.cipher.name ?? "") } });
  assert.equal(await kit.client.say("STARTTLS"), "220 2.0.0 Go ahead.");
  await kit.client.say("EHLO me");
  assert.equal(cipher, "TLS_AES_256_GCM_SHA384");
  assert.deepEqual(kit.log.of("secured"), [{ cipher: "TLS_AES_256_GCM_SHA384", version: "TLSv1.3", verified: false }]);
  await over(kit);
});

test("who was authenticated in plain text is not so after the handshake", async () => {
  let seen: unknown;
  const kit = await start({
    hooks: { noop: ({ session }) => void (seen = [session.auth, session.relaying, session.hello]) },
  });
  await kit.client.say("AUTH PLAIN AHRpbQBzZWNyZXQ=");
  await kit.client.say("STARTTLS");
  await kit.client.say("NOOP");
  assert.deepEqual(seen, [undefined, false, undefined]);
  await over(kit);
});

test("nothing of a plain AUTH is left behind: no note, no result in the mail; a listed address still relays", async () => {
  let seen: unknown;
  const kit = await start({
    keep: true,
    hooks: {
      connect: ({ session }) => {
        session.relaying = true;
        session.notes.set("authentication_results", ["iprev=pass"]);
      },
      noop: ({ session: { notes, relaying } }) => {
        seen = [relaying, notes.get("auth_user"), notes.get("auth_method"), notes.get("authentication_results")];
      },
    },
  });
  await kit.client.say("AUTH PLAIN AHRpbQBzZWNyZXQ=");
  await kit.client.say("STARTTLS");
  await kit.client.say("NOOP");
  assert.deepEqual(seen, [true, undefined, undefined, ["iprev=pass"]]);
  await over(kit);
});

test("STARTTLS within a transaction is out of order", async () => {
  const kit = await start();
  await kit.client.say("MAIL FROM:<a@b.test>");
  assert.match((await kit.client.say("STARTTLS"))!, /^503 /);
  await over(kit);
});

test("a handshake that fails ends the session, and says why in the log alone", async () => {
  const kit = await start({ canUpgrade: "failing" });
  assert.match((await kit.client.say("STARTTLS"))!, /^220 /);
  assert.deepEqual(await kit.client.rest(), []);
  await kit.over;
  assert.match(kit.log.text(), /that was no ClientHello/);
});

test("plain text behind STARTTLS is never read as a command, wherever it is cut", async () => {
  const injected = "STARTTLS\r\nRSET\r\nMAIL FROM:<evil@b.test>\r\n";
  const senders: string[] = [];
  const kit = await start({ hooks: { mail: ({ sender }) => void senders.push(sender.address) } });
  await kit.client.write(injected);
  assert.match((await kit.client.reply())!, /^501 /);
  assert.deepEqual(await kit.client.rest(), []);
  await over(kit);
  assert.deepEqual(senders, []);
});

test("[row 166] a client whose handshake failed is not offered STARTTLS again for a while, but on port 587", async () => {
  const broken = new Set<string>();
  const brokenTls = { has: (ip: string) => broken.has(ip), add: (ip: string) => void broken.add(ip) };
  const elsewhere = { ...brokenTls, has: (ip: string) => Promise.resolve(broken.has(ip)) };
  const hooks: HookTable = {
    capabilities: ({ capabilities }) => void (capabilities.startTls = capabilities.canStartTls),
  };
  const offered = async (memory: typeof elsewhere | typeof brokenTls, port = 25) => {
    const kit = sessionKit({
      hooks,
      canUpgrade: "failing",
      brokenTls: memory,
      local: { transport: "tcp", hostname: "198.51.100.1", port },
    });
    await kit.client.reply();
    const hello = (await kit.client.say("EHLO me"))!;
    return { kit, is: /[- ]STARTTLS$/m.test(hello) };
  };
  const first = await offered(brokenTls);
  assert.equal(first.is, true);
  assert.match((await first.kit.client.say("STARTTLS"))!, /^220 /);
  await first.kit.over;
  assert.deepEqual([...broken], ["192.0.2.100"]);
  for (
    const [memory, port, wanted] of [[brokenTls, 25, false], [elsewhere, 25, false], [brokenTls, 587, true]] as const
  ) {
    const { kit, is } = await offered(memory, port);
    assert.equal(is, wanted, String(port));
    if (!wanted) assert.match((await kit.client.say("STARTTLS"))!, /^500 /);
    await kit.client.end();
    await kit.client.rest();
    await kit.over;
  }
  broken.clear();
  const later = await offered(elsewhere);
  assert.equal(later.is, true);
  await later.kit.client.end();
  await later.kit.client.rest();
  await later.kit.over;
});
