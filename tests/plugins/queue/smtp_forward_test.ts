import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/smtp_forward.ts";
import type { Attempt, Destination, Envelope, Item, Outcome } from "../../../src/hooks/outbound.ts";
import { FIRST, makeRoom, SECOND, text, timed } from "../../delivery/room.ts";
import { address, fakeSession, recipient } from "../../kit/fake_session.ts";
import { startPlugin } from "../../kit/hook.ts";
import { memoryMachine } from "../../kit/memory_host.ts";
import { memoryServerTls } from "../../kit/memory_tls.ts";
import { scriptedPeer } from "../../kit/scripted_peer.ts";
import { test } from "../../kit/test.ts";

const INI = `host=main.test
port=2025
[one.test]
host=in.one.test
enable_outbound=true
enable_tls=true
auth_type=login
auth_user=u
auth_pass=p
bind=192.0.2.5
bind_helo=out.kasi.test
connect_timeout=5
idle_timeout=20
[two.test]
host=in.two.test
using_lmtp=true
port=24
[three.test]
host=in.one.test
[sender.test]
host=in.sender.test
[boss@sender.test]
host=in.boss.test
`;
type Say = (to: string) => Omit<Outcome, "recipient">;
const taken: Say = () => ({ kind: "delivered", reply: { code: 250, enhanced: "2.0.0", text: "queued as 77" } });
const refused = (kind: "failed" | "deferred", code: number, text = "no such user"): Say => () => ({
  kind,
  reason: { text: `${code} ${text}`, status: kind === "failed" ? "5.1.1" : "4.2.1", reply: { code, text } },
});
const unreached: Say = () => ({ kind: "deferred", reason: { text: "connection refused", status: "4.4.1" } });

/** As `fakeSession` has it. */
const CLIENT = { ip: "192.0.2.9", helo: "client.test" };

async function bench(say: Say = taken, main = "") {
  const sent: { item: Item; to: string; destinations: readonly Destination[] }[] = [];
  const queued: Envelope[] = [];
  const started = await startPlugin(plugin, {
    files: { "smtp_forward.ini": `${main}\n${INI}` },
    forward(item, destinations): Attempt {
      const to = item.recipients.map(({ address }) => address.address).join(" ");
      sent.push({ item, to, destinations });
      return {
        outcomes: item.recipients.map((recipient) => ({ ...say(recipient.address.user), recipient }) as Outcome),
      };
    },
    enqueue: (envelope) => void queued.push(envelope),
  });
  return { ...started, sent, queued };
}

test("a message goes to the section of its first recipient's domain, else to main, with that section's TLS, AUTH and source", async () => {
  const { run, sent } = await bench();
  const { verdict } = await run("queue", { to: ["a@one.test", "b@two.test"] });
  assert.deepEqual(verdict, { kind: "ok", text: "queued as 77" });
  assert.equal(sent[0]!.to, "a@one.test b@two.test");
  assert.deepEqual(sent[0]!.destinations, [{
    host: "in.one.test",
    port: 2025,
    priority: 0,
    protocol: "smtp",
    tls: "opportunistic",
    connectTimeoutMs: 5_000,
    replyTimeoutMs: 20_000,
    bind: "192.0.2.5",
    bindHelo: "out.kasi.test",
    auth: { user: "u", pass: "p", type: "login" },
    client: CLIENT,
  }]);
  await run("queue", { to: ["b@two.test"] });
  assert.deepEqual(sent[1]!.destinations, [{
    host: "in.two.test",
    port: 24,
    priority: 0,
    protocol: "lmtp",
    tls: "none",
    connectTimeoutMs: 30_000,
    client: CLIENT,
  }]);
  await run("queue", { to: ["b@far.test"] });
  assert.deepEqual(sent[2]!.destinations, [{
    host: "main.test",
    port: 2025,
    priority: 0,
    protocol: "smtp",
    tls: "none",
    connectTimeoutMs: 30_000,
    client: CLIENT,
  }]);
});

test("domain_selector=mail_from chooses by the sender's address, then by its domain", async () => {
  const { run, sent } = await bench(taken, "domain_selector=mail_from");
  for (const from of ["Boss@sender.test", "x@sender.test", "x@far.test"]) {
    await run("queue", { from, to: ["a@one.test"] });
  }
  assert.deepEqual(sent.map(({ destinations }) => destinations[0]!.host), [
    "in.boss.test",
    "in.sender.test",
    "main.test",
  ]);
});

test("a pool is tried from another member each time, all of it", async () => {
  const { run, sent } = await bench(taken, "forwarding_host_pool=192.0.2.1:26, 192.0.2.2");
  for (let i = 0; i < 3; i++) await run("queue", { to: ["a@far.test"] });
  assert.deepEqual(sent.map(({ destinations }) => destinations.map(({ host, port }) => `${host}:${port}`).join(" ")), [
    "192.0.2.1:26 192.0.2.2:25",
    "192.0.2.2:25 192.0.2.1:26",
    "192.0.2.1:26 192.0.2.2:25",
  ]);
  await run("queue", { to: ["a@two.test"] });
  assert.equal(sent[3]!.destinations[0]!.host, "in.two.test", "a section's own host comes before the common pool");
});

test("mail of relaying clients is forwarded where enable_outbound is set, and mail meant for another queue never", async () => {
  const { run, sent } = await bench();
  assert.equal((await run("queue_outbound", { to: ["a@two.test"], relaying: true })).verdict, undefined);
  assert.equal((await run("queue_outbound", { to: ["a@one.test"], relaying: true })).verdict?.kind, "ok");
  const session = fakeSession({ from: "s@client.test", to: ["a@one.test"] });
  session.transaction!.notes.set("queue.wants", "lmtp");
  assert.equal((await run("queue", { session })).verdict, undefined);
  assert.equal(sent.length, 1);
});

test("a refusal of all is passed on with its code and words; a server that is not there leaves the message to the next plugin", async () => {
  const to = ["a@one.test", "b@one.test"];
  const five = await (await bench(refused("failed", 551))).run("queue", { to });
  assert.deepEqual(five.verdict, { kind: "deny", reply: { code: 551, enhanced: "5.1.1", text: "no such user" } });
  const four = await (await bench(refused("deferred", 452, "mailbox full"))).run("queue", { to });
  assert.deepEqual(four.verdict, { kind: "defer", reply: { code: 452, enhanced: "4.2.1", text: "mailbox full" } });
  const gone = await bench(unreached);
  assert.equal((await gone.run("queue", { to })).verdict, undefined);
  assert.match(gone.log.text(), /backend failure: connection refused/);
});

test("a message partly taken is acknowledged, and those not taken go to the outbound queue by the same way", async () => {
  const { run, queued } = await bench((user) => user === "a" ? taken(user) : refused("deferred", 450)(user));
  const { verdict } = await run("queue", { to: ["a@one.test", "b@one.test"] });
  assert.equal(verdict?.kind, "ok");
  assert.deepEqual(queued.map(({ recipients, notes }) => [recipients.map(({ address }) => address.user), notes]), [
    [["b"], { queue: { wants: "smtp_forward", next_hop: "smtp://in.one.test:2025" } }],
  ]);
});

test("one_message_per_rcpt sends a message for each", async () => {
  const { run, sent } = await bench(taken, "one_message_per_rcpt=true");
  assert.equal((await run("queue", { to: ["a@far.test", "b@far.test"] })).verdict?.kind, "ok");
  assert.deepEqual(sent.map(({ to, item }) => [to, item.id.slice(-4)]), [["a@far.test", ".1.1"], [
    "b@far.test",
    ".1.2",
  ]]);
});

test("check_sender refuses spoofed senders, check_recipient takes recipients and splits by next hop, get_mx routes [row 255]", async () => {
  const { run } = await bench(taken, "check_sender=true\ncheck_recipient=true");
  const spoof = await run("mail", { from: "x@one.test" });
  assert.deepEqual([spoof.verdict?.kind, spoof.results?.fail], ["deny", ["mail_from!spoof"]]);
  const own = await run("mail", { from: "x@one.test", relaying: true });
  assert.deepEqual([own.verdict, own.results?.pass], [undefined, ["mail_from"]]);
  assert.deepEqual((await run("mail", { from: "" })).results?.skip, ["mail_from.null"]);
  assert.equal((await run("mail", { from: "x@far.test" })).verdict, undefined);
  const anywhere = await run("rcpt", { session: own.session, to: "b@far.test" });
  assert.deepEqual([anywhere.verdict?.kind, own.session.transaction!.notes.get("queue.wants")], ["ok", "outbound"]);

  const { session, ...first } = await run("rcpt", { to: "a@one.test" });
  const { notes } = session.transaction!;
  assert.deepEqual([first.verdict?.kind, first.results?.pass], ["ok", ["rcpt_to"]]);
  assert.deepEqual([notes.get("queue.wants"), notes.get("queue.next_hop")], [
    "smtp_forward",
    "smtp://in.one.test:2025",
  ]);
  assert.equal((await run("rcpt", { session, to: "c@three.test" })).verdict?.kind, "ok", "the same next hop");
  const split = await run("rcpt", { session, to: "b@two.test" });
  assert.equal(split.verdict?.kind, "defer");
  assert.ok(split.results?.pass.includes("rcpt_to.split"));
  const other = await run("rcpt", { to: "x@far.test" });
  assert.deepEqual([other.verdict, other.results?.msg], [undefined, ["rcpt!local"]]);
  assert.deepEqual((await run("rcpt", { to: "postmaster" })).results?.skip, ["rcpt!domain"]);

  const route = async (domain: string, queue?: object) => {
    const envelope = {
      sender: address("s@far.test"),
      recipients: [recipient(`a@${domain}`)],
      notes: queue ? { queue } : {},
    };
    const { verdict } = await run("get_mx", { event: { domain, item: { envelope } } });
    if (verdict?.kind !== "answer") return verdict;
    return (verdict.value as Destination[]).map(({ host, port, protocol, auth }) =>
      `${protocol} ${host}:${port} ${auth?.user ?? "-"}`
    );
  };
  assert.deepEqual(await route("one.test"), ["smtp in.one.test:2025 u"]);
  assert.equal(await route("far.test"), undefined);
  assert.equal(await route("one.test", { wants: "lmtp" }), undefined);
  const next = (next_hop: string) => ({ wants: "smtp_forward", next_hop });
  assert.deepEqual(await route("far.test", next("lmtp://u:p@lm.test")), ["lmtp lm.test:24 u"]);
  assert.deepEqual(await route("one.test", next("smtp://in.one.test:2025")), ["smtp in.one.test:2025 u"]);
  assert.deepEqual(await route("far.test", next("smtp://main.test:2025")), ["smtp main.test:2025 -"]);
});

test("without check_sender and check_recipient it takes no part in MAIL and RCPT", async () => {
  const { run } = await bench();
  assert.equal((await run("mail", { from: "x@one.test" })).results, undefined);
  assert.equal((await run("rcpt", { to: "a@one.test" })).verdict, undefined);
});

test("a section may switch check_sender and check_recipient on or off for its domain", async () => {
  const { run } = await bench(
    taken,
    "check_recipient=true\n[four.test]\nhost=h\ncheck_sender=true\ncheck_recipient=false",
  );
  assert.equal((await run("mail", { from: "x@four.test" })).verdict?.kind, "deny");
  assert.equal((await run("mail", { from: "x@one.test" })).verdict, undefined);
  assert.equal((await run("rcpt", { to: "a@four.test" })).verdict, undefined);
  assert.equal((await run("rcpt", { to: "a@one.test" })).verdict?.kind, "ok");
});

test("with domain_selector=mail_from queued mail goes where the sender's section says", async () => {
  const { run } = await bench(taken, "domain_selector=mail_from");
  for (const [from, host] of [["Boss@sender.test", "in.boss.test"], ["x@sender.test", "in.sender.test"]] as const) {
    const envelope = { sender: address(from), recipients: [], notes: {} };
    const { verdict } = await run("get_mx", { event: { domain: "one.test", item: { envelope } } });
    assert.equal(verdict?.kind === "answer" && (verdict.value as Destination[])[0]!.host, host);
  }
});

test("[row 254] a message goes over the wire behind DATA: to its domain's host, with STARTTLS, AUTH and XCLIENT; to whom of a pool is there", async () => {
  const machine = memoryMachine({});
  const room = makeRoom({ machine });
  const one = scriptedPeer(machine, FIRST, {
    offers: ["STARTTLS"],
    offersSecure: ["XCLIENT ADDR", "AUTH LOGIN"],
    tls: memoryServerTls(machine.clock, { trusted: false }),
    auth: "334 VXNlcm5hbWU6",
    challenge: ["334 UGFzc3dvcmQ6", "235 2.7.0 welcome"],
    dot: "250 2.0.0 taken as 77",
  });
  const pool = scriptedPeer(machine, { ...SECOND, port: 26 }, { offers: [] });
  const { run } = await startPlugin(plugin, {
    files: {
      "smtp_forward.ini": `forwarding_host_pool=192.0.2.99:26 ${SECOND.hostname}:26
one_message_per_rcpt=true
[one.test]
host=${FIRST.hostname}
enable_tls=true
auth_type=login
auth_user=u
auth_pass=p
`,
    },
    forward: (item, destinations) =>
      timed(machine, room.courier.send(item, text("Subject: x\r\n\r\n.dot\r\n"), destinations, never)),
  });
  const { verdict } = await run("queue", { ip: "198.51.100.7", from: "s@far.test", to: ["a@one.test"] });
  assert.deepEqual(verdict, { kind: "ok", text: "taken as 77" });
  assert.deepEqual(one.commands.slice(0, 10), [
    "EHLO us.example",
    "STARTTLS",
    "EHLO us.example",
    "XCLIENT ADDR=198.51.100.7",
    "EHLO client.test",
    "AUTH LOGIN",
    btoa("u"),
    btoa("p"),
    "MAIL FROM:<s@far.test>",
    "RCPT TO:<a@one.test>",
  ]);
  assert.deepEqual(one.messages, ["Subject: x\r\n\r\n..dot\r\n.\r\n"]);

  const pooled = await run("queue", { from: "s@far.test", to: ["a@far.test", "b@far.test"] });
  assert.equal(pooled.verdict?.kind, "ok");
  assert.deepEqual(pool.commands.filter((line) => /^(MAIL|RCPT)/.test(line)), [
    "MAIL FROM:<s@far.test>",
    "RCPT TO:<a@far.test>",
    "MAIL FROM:<s@far.test>",
    "RCPT TO:<b@far.test>",
  ]);
  pool.stop();
  const gone = await run("queue", { from: "s@far.test", to: "a@far.test" });
  assert.equal(gone.verdict, undefined, "nobody of the pool is there: the next queue plugin is asked");
  await room.close();
  one.stop();
});
const never = new AbortController().signal;

test("options of TLS for this server alone are no domain's section, and are told not to be heeded", async () => {
  const { run, sent, log } = await bench(taken, "[tls]\nciphers=ALL\nno_tls_hosts[]=192.0.2.1\n[main]");
  assert.match(log.text(), /smtp_forward\.ini \[tls\] is not heeded, tls\.ini is: ciphers, no_tls_hosts/);
  await run("queue", { to: ["a@tls"] });
  assert.equal(sent[0]?.destinations[0]?.host, "main.test");
});
