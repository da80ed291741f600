import assert from "node:assert/strict";
import { utf8Encode } from "../../src/base/bytes.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import type { HookTable } from "../../src/hooks/plugin.ts";
import type { Recipient } from "../../src/hooks/session.ts";
import { defer, deny, ok } from "../../src/hooks/verdict.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import type { SessionContext } from "../../src/session/context.ts";
import { deliverHere } from "../../src/session/own_mail.ts";
import { FakeClock } from "../kit/fake_clock.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { SETTINGS, textOf } from "../kit/session_kit.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

const US = "us@home.test";

function site(hooks: HookTable) {
  const clock = new FakeClock();
  const { log } = memoryLog();
  const runner = new HookRunner({ clock, log });
  runner.add({ name: "test" }, hooks);
  const stop = new AbortController();
  const here = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
  const context: SessionContext = {
    local: here,
    remote: here,
    hooks: runner,
    log,
    clock,
    resolver: zone({}),
    settings: SETTINGS,
    enqueue: () => Promise.reject(new Error("nobody asks for it")),
    spool() {
      throw new Error("nobody asks for it");
    },
    signal: stop.signal,
  };
  const message = createMessage(memorySource(utf8Encode("Subject: failure notice\r\n\r\nSorry\r\n")));
  const recipients: readonly Recipient[] = [US, "them@far.test"].map((text) => ({
    address: parseAddress(text)!,
    parameters: new Map(),
    notify: ["NEVER"],
  }));
  return { stop, message, recipients, run: () => deliverHere({ recipients, log }, message, context) };
}

const ours: HookTable["rcpt"] = ({ recipient }) => recipient.address.host === "home.test" ? ok() : undefined;

test("a report to somebody of ours is kept by the plugin that keeps mail; others are not ours", async () => {
  const kept: { text: string; relaying: boolean; sender: string; to: readonly string[] }[] = [];
  const heard: string[] = [];
  const s = site({
    connect: () => void heard.push("connect"),
    mail: () => void heard.push("mail"),
    data_post: () => void heard.push("data_post"),
    rcpt: ours,
    async queue({ session, transaction, message }) {
      message.header.addLeading("Return-Path", "<>");
      const to = transaction.recipients.map(({ address }) => address.address);
      kept.push({ text: await textOf(message), relaying: session.relaying, sender: `${transaction.sender}`, to });
      return ok("in the box");
    },
    reset_transaction: () => void heard.push("reset_transaction"),
  });
  const [outcome, ...more] = await s.run();
  assert.equal(more.length, 0);
  assert.equal(outcome!.recipient, s.recipients[0]);
  assert.deepEqual(outcome?.kind === "delivered" && outcome.reply, {
    code: 250,
    enhanced: "2.0.0",
    text: "in the box",
  });
  assert.deepEqual(kept, [{
    text: "Return-Path: <>\r\nSubject: failure notice\r\n\r\nSorry\r\n",
    relaying: false,
    sender: "<>",
    to: [US],
  }]);
  assert.deepEqual(heard, ["reset_transaction", "reset_transaction"]);
  assert.equal(s.message.header.has("Return-Path"), false, "the queue's own message is as it was");
});

test("whom nobody claims, who is refused or relayed, and what nobody keeps, is not ours", async () => {
  const tables: readonly HookTable[] = [
    { queue: () => ok() },
    { rcpt: ours },
    { rcpt: () => deny("no such user"), queue: () => ok() },
    { rcpt: () => defer("greylisted"), queue: () => ok() },
    {
      rcpt({ session }) {
        session.relaying = true;
        return ok();
      },
      queue: () => ok(),
    },
    { rcpt: ours, queue: () => undefined },
  ];
  for (const hooks of tables) assert.deepEqual(await site(hooks).run(), []);
});

test("a plugin that cannot keep it now puts it off, one that will not fails it, one that breaks puts it off", async () => {
  const outcomeOf = async (queue: HookTable["queue"]) => {
    const [outcome] = await site({ rcpt: ours, ...(queue && { queue }) }).run();
    return outcome!.kind === "delivered" ? undefined : [outcome!.kind, outcome!.reason.status, outcome!.reason.text];
  };
  assert.deepEqual(await outcomeOf(() => defer("disk full", { enhanced: "4.3.1" })), [
    "deferred",
    "4.3.1",
    "disk full",
  ]);
  assert.deepEqual(await outcomeOf(() => deny("over quota", { enhanced: "5.2.2" })), ["failed", "5.2.2", "over quota"]);
  const [kind] = (await outcomeOf(() => {
    throw new Error("broken");
  }))!;
  assert.equal(kind, "deferred");
});

test("plugins may send it on to another address", async () => {
  const to: string[] = [];
  const hooks: HookTable = {
    rcpt({ recipient }) {
      if (recipient.address.host !== "home.test") return;
      recipient.address = parseAddress("box@home.test")!;
      return ok();
    },
    queue: ({ transaction }) => {
      to.push(...transaction.recipients.map(({ address }) => address.address));
      return ok();
    },
  };
  const s = site(hooks);
  assert.equal((await s.run())[0]!.recipient.address.address, US);
  assert.deepEqual(to, ["box@home.test"]);
});

test("when the queue stops, it is given up at once", async () => {
  const s = site({
    rcpt: ours,
    queue: ({ signal }) => new Promise<undefined>((_, reject) => signal.onabort = () => reject(signal.reason)),
  });
  const running = s.run();
  for (let i = 0; i < 20; i++) await undefined;
  s.stop.abort(new Error("The queue stops"));
  await assert.rejects(running, /The queue stops/);
});
