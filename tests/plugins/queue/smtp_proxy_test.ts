import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/smtp_proxy.ts";
import { HookRunner } from "../../../src/hooks/hook_runner.ts";
import type { Recipient } from "../../../src/hooks/session.ts";
import type { HookVerdict } from "../../../src/hooks/points.ts";
import { FIRST, makeRoom, SECOND, timed } from "../../delivery/room.ts";
import { fakeSession, recipient } from "../../kit/fake_session.ts";
import { deny } from "../../../src/hooks/verdict.ts";
import { startPlugin } from "../../kit/hook.ts";
import { memoryMachine } from "../../kit/memory_host.ts";
import { pluginHost } from "../../kit/plugin_host.ts";
import { type PeerScript, scriptedPeer } from "../../kit/scripted_peer.ts";
import { test } from "../../kit/test.ts";

const INI = `host=${FIRST.hostname}\nport=${FIRST.port}\n`;

/** The plugin in front of a server that follows a script; `mail` leads a client through, as the engine would. */
async function bench(script: PeerScript = {}, ini = INI) {
  const machine = memoryMachine({});
  const room = makeRoom({ machine });
  const peer = scriptedPeer(machine, FIRST, { offers: ["SIZE 1000"], ...script });
  const started = await startPlugin(plugin, {
    files: { "smtp_proxy.ini": ini },
    begin: (...all) => timed(machine, room.courier.begin(...all)),
  });
  return {
    ...started,
    peer,
    async mail(to: readonly string[], { relaying = false, parameters = new Map<string, string>() } = {}) {
      const session = fakeSession({ ip: "198.51.100.7", from: "s@far.test", relaying, log: started.log.log });
      const { transaction } = session;
      const said: { [stage: string]: string } = {};
      const note = (stage: string, verdict: HookVerdict<"queue"> | undefined) => {
        said[stage] = verdict === undefined
          ? "-"
          : verdict.kind === "ok"
          ? `ok ${verdict.text}`
          : verdict.kind === "hangUp"
          ? "hangUp"
          : `${verdict.kind} ${verdict.reply.code} ${verdict.reply.enhanced} ${verdict.reply.text}`;
        return verdict === undefined || verdict.kind === "ok";
      };
      if (note("mail", (await started.run("mail", { session, event: { parameters } })).verdict)) {
        for (const each of to) {
          transaction!.recipients.push(recipient(each));
          const event = { recipient: transaction!.recipients.at(-1)! };
          if (!note(each, (await started.run("rcpt_ok", { session, event })).verdict)) transaction!.recipients.pop();
        }
        if (note("data", (await started.run("data", { session })).verdict)) {
          const message = "Subject: x\n\n.dot\n";
          note("queue", (await started.run(relaying ? "queue_outbound" : "queue", { session, message })).verdict);
        }
      }
      return { said, session };
    },
    async close() {
      await room.close();
      peer.stop();
    },
  };
}

test("[row 256] the server behind is asked at every step, and the client hears its words", async () => {
  const b = await bench({
    rcpt: ["250 ok", "550 5.1.1 no such user", "452 4.2.2 mailbox full"],
    dot: "250 2.0.0 taken as 77",
  });
  const { said } = await b.mail(["a@one.test", "b@one.test", "c@one.test"]);
  assert.deepEqual(said, {
    mail: "-",
    "a@one.test": "-",
    "b@one.test": "deny 550 5.1.1 no such user",
    "c@one.test": "defer 452 4.2.2 mailbox full",
    data: "-",
    queue: "ok taken as 77",
  });
  await b.close();
  assert.deepEqual(b.peer.commands, [
    "EHLO us.example",
    "MAIL FROM:<s@far.test>",
    "RCPT TO:<a@one.test>",
    "RCPT TO:<b@one.test>",
    "RCPT TO:<c@one.test>",
    "DATA",
    "QUIT",
  ]);
  assert.deepEqual(b.peer.messages, ["Subject: x\r\n\r\n..dot\r\n.\r\n"]);
});

test("a refusal at MAIL, DATA or the dot is the client's, and ends the connection behind", async () => {
  const cases: [PeerScript, string, string][] = [
    [{ mail: "550 5.7.1 not from you" }, "mail", "deny 550 5.7.1 not from you"],
    [{ data: "451 4.3.0 later" }, "data", "defer 451 4.3.0 later"],
    [{ dot: "554 5.6.0 spam" }, "queue", "deny 554 5.6.0 spam"],
  ];
  for (const [script, stage, expected] of cases) {
    const b = await bench(script);
    const { said, session } = await b.mail(["a@one.test"]);
    assert.equal(said[stage], expected);
    assert.equal((await b.run("queue", { session })).verdict, undefined, "nothing is left to do");
    await b.close();
    assert.equal(b.peer.commands.at(-1), "QUIT");
  }
});

test("a server that is away, or lost on the way, leaves the message to the next queue plugin", async () => {
  const scripts: PeerScript[] = [
    { greeting: { then: "close" } },
    { rcpt: { then: "close" } },
    { data: { then: "reset" } },
    { dot: { then: "close" } },
    { data: "250 what" },
  ];
  for (const script of scripts) {
    const b = await bench(script);
    const { said } = await b.mail(["a@one.test"]);
    assert.deepEqual(new Set(Object.values(said)), new Set(["-"]), JSON.stringify(script));
    assert.match(b.log.text(), /backend failure/);
    await b.close();
  }
  const nobody = await bench({}, "forwarding_host_pool=192.0.2.77\n");
  assert.equal((await nobody.mail(["a@one.test"])).said.queue, "-");
  await nobody.close();
  const unnamed = await bench({}, "");
  assert.equal((await unnamed.mail(["a@one.test"])).said.queue, "-");
  assert.match(unnamed.log.text(), /names no host/);
  await unnamed.close();
});

test("a member of the pool that is away is passed over; XCLIENT tells of the client; SIZE goes on", async () => {
  const b = await bench(
    { offers: ["XCLIENT ADDR", "SIZE 1000"] },
    `forwarding_host_pool=${SECOND.hostname}, ${FIRST.hostname}\n`,
  );
  const { said } = await b.mail(["a@one.test"], { parameters: new Map([["SIZE", "500"]]) });
  assert.match(said.queue!, /^ok /);
  await b.close();
  assert.deepEqual(b.peer.commands.slice(1, 4), [
    "XCLIENT ADDR=198.51.100.7",
    "EHLO client.test",
    "MAIL FROM:<s@far.test> SIZE=500",
  ]);
});

test("a message larger than the server takes is refused at MAIL", async () => {
  const b = await bench();
  const { said } = await b.mail(["a@one.test"], { parameters: new Map([["SIZE", "2000"]]) });
  assert.match(said.mail!, /^deny undefined 5\.3\.4 /);
  await b.close();
});

test("a transaction that is given up behind DATA leaves the server without a message", async () => {
  const b = await bench();
  const session = fakeSession({ from: "s@far.test" });
  await b.run("mail", { session });
  session.transaction!.recipients.push(recipient("a@one.test"));
  await b.run("rcpt_ok", { session, event: { recipient: session.transaction!.recipients[0]! } });
  await b.run("data", { session });
  await b.run("reset_transaction", { session });
  await b.close();
  assert.deepEqual([b.peer.commands.at(-1), b.peer.messages, b.peer.open], ["DATA", [], 0]);
});

test("recipients that another plugin changed since are not handed to a server that was told otherwise", async () => {
  const b = await bench();
  const session = fakeSession({ from: "s@far.test", log: b.log.log });
  await b.run("mail", { session });
  session.transaction!.recipients.push(recipient("a@one.test"));
  await b.run("rcpt_ok", { session, event: { recipient: session.transaction!.recipients[0]! } });
  await b.run("data", { session });
  session.transaction!.recipients = [recipient("alias@one.test")];
  assert.equal((await b.run("queue", { session })).verdict, undefined);
  assert.match(b.log.text(), /recipients were changed/);
  await b.close();
  assert.deepEqual(b.peer.messages, []);
});

test("relaying clients are handed on too, unless enable_outbound=false; mail meant for another queue never is", async () => {
  const on = await bench();
  assert.match((await on.mail(["a@one.test"], { relaying: true })).said.queue!, /^ok /);
  await on.close();
  const off = await bench({}, `${INI}enable_outbound=false\n`);
  assert.equal((await off.mail(["a@one.test"], { relaying: true })).said.queue, "-");
  assert.equal(off.peer.connections, 0);
  await off.close();

  const b = await bench();
  const session = fakeSession({ from: "s@far.test" });
  session.transaction!.notes.set("queue.wants", "lmtp");
  await b.run("mail", { session });
  await b.run("data", { session });
  assert.equal((await b.run("queue", { session })).verdict, undefined);
  await b.run("reset_transaction", { session });
  await b.close();
});

test("options of TLS for this server alone are told not to be heeded", async () => {
  const { log } = await bench({}, `${INI}[tls]\nciphers=ALL\nkey=own.pem\n`);
  assert.match(log.text(), /smtp_proxy\.ini \[tls\] is not heeded, tls\.ini is: ciphers, key/);
  assert.doesNotMatch((await bench({}, `${INI}[tls]\n`)).log.text(), /not heeded/);
});

test("whom another plugin refuses at rcpt_ok, be it listed behind or asked late, the server behind never hears of", async () => {
  const told: string[] = [];
  const rcpt = ({ address }: Recipient) => (told.push(address.address), { kind: "taken" });
  const { host, machine, log: { log } } = pluginHost(plugin.name, {
    files: { "smtp_proxy.ini": INI },
    begin: () => Promise.resolve({ kind: "taken", hop: { rcpt } } as never),
  });
  const runner = new HookRunner({ clock: machine.clock, log });
  const refuse = (user: string) => (event: { recipient: Recipient }) =>
    event.recipient.address.user === user ? deny() : undefined;
  runner.add({ name: "delay_deny" }, { rcpt_ok: { priority: 100, run: refuse("late") } });
  runner.add(plugin, await plugin.setup(host));
  runner.add({ name: "behind" }, { rcpt_ok: refuse("nobody") });
  const session = fakeSession({ ip: "198.51.100.7", from: "s@far.test" });
  const run = (name: "mail" | "rcpt_ok", event: object) =>
    runner.run(name, { session, transaction: session.transaction, ...event } as never, { log });
  await run("mail", { sender: session.transaction!.sender, parameters: new Map() });
  for (const user of ["ann", "nobody", "late", "ben"]) {
    await run("rcpt_ok", { recipient: recipient(`${user}@one.test`) });
  }
  assert.deepEqual(told, ["ann@one.test", "ben@one.test"]);
});
