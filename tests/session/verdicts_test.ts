import assert from "node:assert/strict";
import type { HookTable } from "../../src/hooks/plugin.ts";
import { HOOK_RULES } from "../../src/hooks/rules.ts";
import { defer, deny, ok } from "../../src/hooks/verdict.ts";
import { type SessionKit, sessionKit } from "../kit/session_kit.ts";
import { matches } from "../kit/talk.ts";
import { test } from "../kit/test.ts";
import { ELSEWHERE, type Expected, LEADS, othersHooks, SAY, type VerdictName, VERDICTS } from "./verdicts.ts";

function kitFor(hook: string, say: () => unknown, first: HookTable = {}): SessionKit {
  return sessionKit({
    limits: { dataBytes: hook === "max_data_exceeded" ? 20 : 1000 },
    plugins: [
      { name: "first", hooks: first },
      { name: "subject", hooks: { [hook]: say } },
      { name: "others", hooks: othersHooks(hook) },
    ],
  });
}

async function lead(kit: SessionKit, hook: string): Promise<string | undefined> {
  let reply = await kit.client.reply();
  for (const line of LEADS[hook]!) reply = await kit.client.say(line);
  return reply;
}

async function seeTheEnd(kit: SessionKit): Promise<void> {
  await kit.client.end();
  await kit.client.rest();
  await kit.clock.advance(3000);
  await kit.over;
}

async function check(kit: SessionKit, hook: string, { reply: wanted, then }: Expected): Promise<void> {
  const reply = await lead(kit, hook);
  const last = reply?.slice(reply.lastIndexOf("\n") + 1) ?? "the end";
  assert.ok(matches(wanted, last), `wanted ${wanted}, came ${last}`);
  if (then === "closed") {
    assert.deepEqual(await kit.client.rest(), []);
  } else if (!wanted.startsWith("354")) {
    const next = await kit.client.say("NOOP");
    if (then === "refused") assert.equal(next, reply);
    else if (hook !== "noop") assert.match(next!, /^250 /);
  }
  await seeTheEnd(kit);
}

for (const [hook, row] of Object.entries(VERDICTS)) {
  test(`[row 79] ${hook}: what each verdict comes to`, async () => {
    for (const [verdict, expected] of Object.entries(row) as [VerdictName, Expected | undefined][]) {
      if (expected === undefined) continue;
      // At once, and after a wait: the same.
      await check(kitFor(hook, () => SAY[verdict]()), hook, expected);
      await check(kitFor(hook, async () => SAY[verdict]()), hook, expected);
    }
  });
}

test("every hook of a session that may refuse is in the table, or tried elsewhere", () => {
  const outside = /^(init_|pre_send|send_email|get_mx|delivered|deferred|bounce)/;
  const missing = Object.keys(HOOK_RULES).filter((hook) =>
    !outside.test(hook) && !(hook in VERDICTS) && !(hook in ELSEWHERE)
  );
  assert.deepEqual(missing, []);
});

test("[row 80] a client refused at connect or lookup_rdns hears the same until it quits", async () => {
  for (const hook of ["connect", "lookup_rdns"] as const) {
    const kit = sessionKit({ hooks: { [hook]: () => deny("Not you") } });
    assert.equal(await kit.client.reply(), "554 Not you");
    for (const line of ["EHLO me", "MAIL FROM:<a@b.test>", "FOO", "DATA"]) {
      assert.equal(await kit.client.say(line), "554 Not you");
    }
    assert.match((await kit.client.say("QUIT"))!, /^221 /);
    await kit.over;
  }
});

test("[row 81] the deny hook may overrule a refusal, and the chain it stopped goes on", async () => {
  const heard: string[] = [];
  const kit = sessionKit({
    plugins: [
      { name: "harsh", hooks: { mail: () => deny("no") } },
      { name: "later", hooks: { mail: () => void heard.push("later") } },
      {
        name: "kind",
        hooks: {
          deny: ({ by, at }) => {
            heard.push(`${by} ${at}`);
            return ok();
          },
        },
      },
    ],
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  assert.match((await kit.client.say("MAIL FROM:<a@b.test>"))!, /^250 /);
  assert.deepEqual(heard, ["harsh mail", "later"]);
  await seeTheEnd(kit);
});

test("[row 82] all functions of connect_init and disconnect run, whatever is said or thrown", async () => {
  const heard: string[] = [];
  const hooks = (name: string): HookTable => ({
    connect_init: () => {
      heard.push(`${name} connect_init`);
      if (name === "one") throw new Error("oh");
    },
    disconnect: () => {
      heard.push(`${name} disconnect`);
      if (name === "one") return deny("no") as never;
    },
  });
  const kit = sessionKit({ plugins: [{ name: "one", hooks: hooks("one") }, { name: "two", hooks: hooks("two") }] });
  await kit.client.reply();
  await kit.client.say("QUIT");
  await kit.over;
  assert.deepEqual(heard, ["one connect_init", "two connect_init", "one disconnect", "two disconnect"]);
});

test("[row 85] a text may be one line, several, or bring its own code and status", async () => {
  const texts: readonly (readonly [unknown, string])[] = [
    [deny("one"), "550 5.7.1 one"],
    [deny("one\ntwo"), "550-5.7.1 one\n550 5.7.1 two"],
    [deny(["one", "two", "three"]), "550-5.7.1 one\n550-5.7.1 two\n550 5.7.1 three"],
    [deny("gone", { code: 551, enhanced: "5.1.6" }), "551 5.1.6 gone"],
    [deny("5.1.1 No such user"), "550 5.1.1 No such user"],
    [defer("later", { code: 451 }), "451 4.7.1 later"],
  ];
  for (const [verdict, reply] of texts) {
    const kit = kitFor("mail", () => verdict);
    assert.equal(await lead(kit, "mail"), reply);
    await seeTheEnd(kit);
  }
});

test("[row 86] unrecognized_command may have another hook run in its place", async () => {
  const heard: string[] = [];
  const kit = sessionKit({
    hooks: {
      unrecognized_command: ({ verb, rest }) => {
        heard.push(`${verb} ${rest}`);
        return verb === "FOO" ? { kind: "answer", value: { run: "noop" } } : undefined;
      },
      noop: () => void heard.push("noop"),
    },
  });
  await kit.client.reply();
  assert.equal(await kit.client.say("FOO bar"), "250 OK");
  assert.equal(await kit.client.say("BAR"), "500 Unrecognized command");
  assert.deepEqual(heard, ["FOO bar", "noop", "BAR "]);
  await seeTheEnd(kit);
});

test("[row 87] an answer from unrecognized_command is the only reply", async () => {
  const kit = sessionKit({
    hooks: { unrecognized_command: () => ({ kind: "answer", value: { code: 299, text: "as you wish" } }) },
  });
  await kit.client.reply();
  assert.equal(await kit.client.say("FOO"), "299 as you wish");
  assert.equal(await kit.client.say("NOOP"), "250 OK");
  await seeTheEnd(kit);
});

test("[row 88] the capabilities hook edits what EHLO lists", async () => {
  const kit = sessionKit({
    hooks: {
      capabilities: ({ capabilities }) => {
        capabilities.lines.splice(capabilities.lines.indexOf("8BITMIME"), 1);
        capabilities.lines.push("X-FOO");
      },
    },
  });
  await kit.client.reply();
  const reply = (await kit.client.say("EHLO me"))!;
  assert.ok(reply.endsWith("\n250 X-FOO"));
  assert.ok(!reply.includes("8BITMIME"));
  await seeTheEnd(kit);
});

test("[row 84] a plugin on the transaction's skip list is silent", async () => {
  const heard: string[] = [];
  const kit = sessionKit({
    plugins: [
      { name: "boss", hooks: { mail: ({ transaction }) => void transaction.skipPlugins.add("quiet") } },
      { name: "quiet", hooks: { mail: () => void heard.push("mail"), rcpt: () => void heard.push("rcpt") } },
    ],
  });
  await kit.client.reply();
  await kit.client.say("EHLO me");
  await kit.client.say("MAIL FROM:<a@b.test>");
  await kit.client.say("RCPT TO:<c@d.test>");
  assert.deepEqual(heard, []);
  await seeTheEnd(kit);
});

test("[row 131] what queue says: 250 with the id, 451, 550, 450", async () => {
  const rows = [[() => ok(), "250 2.0.0 Message Queued (*.1)"], [() => undefined, "451 *(*.1)"], [
    () => deny(),
    "550 *",
  ], [() => defer(), "450 *"]] as const;
  for (const [say, wanted] of rows) {
    const kit = kitFor("queue", say);
    const reply = await lead(kit, "queue");
    assert.ok(matches(wanted, reply!), reply ?? "no reply");
    await seeTheEnd(kit);
  }
});

test("[row 132] queue_ok hears the text of the 250", async () => {
  let heard = "";
  const kit = kitFor("queue_ok", () => undefined, { queue_ok: ({ text }) => void (heard = text) });
  const reply = await lead(kit, "queue_ok");
  assert.equal(`250 2.0.0 ${heard}`, reply);
  await seeTheEnd(kit);
});
