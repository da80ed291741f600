import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli/options.ts";
import { queue } from "../../src/cli/queue.ts";
import type { QueueAction } from "../../src/cli/queue_options.ts";
import type { Envelope } from "../../src/hooks/outbound.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { Queue } from "../../src/queue/queue.ts";
import { QUEUE_DEFAULTS } from "../../src/queue/types.ts";
import { utf8Encode } from "../../src/base/bytes.ts";
import { memoryMachine } from "../kit/memory_host.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

/** A site on a disk in memory, with one message queued for each address. */
async function siteWithMail(...addresses: string[]) {
  const machine = memoryMachine();
  const { host, clock } = machine;
  host.mkdirSync("/site/config", { recursive: true });
  host.writeTextFileSync("/site/config/smtp.ini", "listen=127.0.0.1:25\n");
  const { log } = memoryLog();
  const settings = { value: { ...QUEUE_DEFAULTS, me: "kasi.test" }, onChange: () => () => {} };
  const store = await Queue.open({
    host,
    clock,
    dir: "/site/queue",
    log,
    hooks: new HookRunner({ clock, log }),
    settings,
  });
  for (const [i, address] of addresses.entries()) {
    const envelope: Envelope = {
      id: `T${i}`,
      sender: parseAddress("a@example.com")!,
      recipients: [{ address: parseAddress(address)!, parameters: new Map() }],
      notes: {},
      smtpUtf8: false,
    };
    await store.accept(envelope, createMessage(memorySource(utf8Encode(`Subject: to ${address}\r\n\r\nhello\r\n`))));
  }
  await store.stop(0);
  const said: string[] = [];
  const complaints: string[] = [];
  const out = {
    say: (text: string) => (said.push(text), 0 as const),
    write: (bytes: Uint8Array) => void said.push(new TextDecoder("latin1").decode(bytes)),
    complain: (text: string) => void complaints.push(text),
  };
  const ask = (line: string) => {
    const action = parseCommandLine(["queue", ...line.split(" "), "-c", "/site"]);
    assert.equal(action.do, "queue", JSON.stringify(action));
    return queue(action as QueueAction, { machine, out });
  };
  return { said, complaints, ask, host };
}

test("queue ls lists what is queued, and of one domain only", async () => {
  const { said, ask } = await siteWithMail("b@example.net", "c@example.org");
  assert.equal(await ask("ls"), 0);
  assert.match(said[0]!, /<a@example\.com> → <b@example\.net> \(example\.net\), \d+ octets, 0 failed/);
  assert.match(said[0]!, /2 items$/);
  await ask("ls example.org");
  assert.match(said[1]!, /c@example\.org[^]*1 item$/);
  await ask("ls example.com");
  assert.equal(said[2], "No such mail is queued");
});

test("queue ls --json is one object a line, nothing for an empty queue", async () => {
  const { said, ask } = await siteWithMail("b@example.net", "c@example.org");
  await ask("ls --json --sort due");
  const items = said[0]!.split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(items.map(({ id }) => id), ["T0.1", "T1.1"]);
  const fields = ["id", "domain", "sender", "recipients", "attempts", "queuedAt", "dueAt", "state", "size"];
  assert.deepEqual(Object.keys(items[0]), fields);
  assert.deepEqual(items[0].recipients, ["b@example.net"]);
  assert.equal(await ask("ls nobody.test --json"), 0);
  assert.equal(said.length, 1);
});

test("queue show prints the envelope and what is next, trace what happened, and both say when there is no such mail", async () => {
  const { said, complaints, ask } = await siteWithMail("b@example.net");
  assert.equal(await ask("show T0"), 0);
  assert.match(said[0]!, /^Item +T0\.1\nFrom +<a@example\.com>\nTo +<b@example\.net>\nFor +example\.net\n/);
  assert.match(said[0]!, /^Next +an attempt once a server runs$/m);
  assert.equal(await ask("trace T0.1"), 0);
  assert.match(
    said[1]!,
    /^T0\.1 <a@example\.com> → <b@example\.net> \(example\.net\)\n {2}\S+ \S+ {2}queued, \d+ octets\n/,
  );
  assert.equal(await ask("trace T9 T0"), 1);
  assert.deepEqual(complaints, ["No queued message has the ID T9; what became of one the log tells: kasi explain T9"]);
  assert.equal(await ask("trace T0 --json"), 0);
  const [item] = said.at(-1)!.split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(item.history, []);
  assert.deepEqual(item.next, { why: "stopped", text: "an attempt once a server runs" });
  assert.deepEqual(item.envelope, {
    sender: "a@example.com",
    recipients: [{ address: "b@example.net" }],
    smtpUtf8: false,
    wanted: {},
    notes: {},
  });
});

test("queue cat prints the message's octets and nothing else", async () => {
  const { said, ask } = await siteWithMail("b@example.net");
  assert.equal(await ask("cat T0"), 0);
  assert.match(said[0]!, /^Received: [^]*\r\nSubject: to b@example\.net\r\n[^]*\r\n\r\nhello\r\n$/);
  assert.equal(await ask("cat T0.1"), 0);
  assert.equal(said[1], said[0]);
  assert.equal(await ask("cat T9"), 1);
});

test("without a server the queue is held, released, retried, bounced and thrown away by the command itself", async () => {
  const { said, complaints, ask } = await siteWithMail("b@example.net", "c@example.org", "d@example.org");
  await ask("hold --domain example.org");
  await ask("hold T1");
  await ask("ls --state held");
  await ask("release T1");
  await ask("retry --all --dry-run");
  await ask("rm T0");
  await ask("bounce --recipient d@* --reason Sorry");
  await ask("ls");
  assert.equal(said[0], "2 items held");
  assert.equal(said[1], "0 items held; 1 passed over: held already");
  assert.match(said[2]!, /<c@[^]*, held\n.*<d@[^]*, held\n2 items$/);
  assert.equal(said[3], "1 item released");
  assert.match(said[4]!, /^2 items would be due now; 1 passed over: held, /);
  assert.equal(said[5], "1 item removed");
  assert.equal(said[6], "1 item bounced");
  assert.match(said[7]!, /<c@example\.org>.*\n.* <> → <a@example\.com> .*\n2 items$/);
  assert.equal(await ask("rm T0"), 1);
  assert.deepEqual(complaints, ["No queued message has the ID T0; what became of one the log tells: kasi explain T0"]);
});

test("a bulk command gives its counts as JSON too", async () => {
  const { said, ask } = await siteWithMail("b@example.net");
  await ask("hold --all --json");
  assert.deepEqual(JSON.parse(said[0]!), { verb: "hold", items: 1, passed: 0, dryRun: false });
});

test("queue ls and show look into the shards of workers too, in order of acceptance", async () => {
  const { said, ask, host } = await siteWithMail("b@example.net");
  host.renameSync("/site/queue", "/site/w2");
  host.mkdirSync("/site/queue");
  host.renameSync("/site/w2", "/site/queue/w2");
  assert.equal(await ask("ls"), 0);
  assert.match(said[0]!, /b@example\.net[^]*1 item$/);
  assert.equal(await ask("cat T0"), 0);
  assert.match(said[1]!, /hello\r\n$/);
  assert.equal(await ask("rm T0"), 0);
  assert.equal(said[2], "1 item removed");
});

test("queue flush says when no server is running", async () => {
  const { complaints, ask } = await siteWithMail();
  assert.equal(await ask("flush"), 1);
  assert.deepEqual(complaints, ["No server is running on /site/queue"]);
});
