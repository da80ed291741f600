import assert from "node:assert/strict";
import { queue } from "../../src/cli/queue.ts";
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
    complain: (text: string) => void complaints.push(text),
  };
  const ask = (verb: "ls" | "show" | "flush", argument?: string, json = false) =>
    queue({ verb, json, site: "/site", ...(argument === undefined ? {} : { argument }) }, { machine, out });
  return { said, complaints, ask, host };
}

test("queue ls lists what is queued, and of one domain only", async () => {
  const { said, ask } = await siteWithMail("b@example.net", "c@example.org");
  assert.equal(await ask("ls"), 0);
  assert.match(said[0]!, /<a@example\.com> → <b@example\.net> \(example\.net\), \d+ octets, 0 failed/);
  assert.match(said[0]!, /2 items$/);
  await ask("ls", "example.org");
  assert.match(said[1]!, /c@example\.org[^]*1 item$/);
  await ask("ls", "example.com");
  assert.equal(said[2], "The queue is empty");
});

test("queue ls --json gives the items as data", async () => {
  const { said, ask } = await siteWithMail("b@example.net");
  await ask("ls", undefined, true);
  const [item] = JSON.parse(said[0]!);
  assert.equal(item.domain, "example.net");
  assert.deepEqual(item.recipients, ["b@example.net"]);
});

test("queue show prints a message by its id, and says when there is none", async () => {
  const { said, complaints, ask } = await siteWithMail("b@example.net");
  assert.equal(await ask("show", "T0"), 0);
  assert.match(said[0]!, /Subject: to b@example\.net\r\n[^]*hello\r\n$/);
  assert.equal(await ask("show", "T9"), 1);
  assert.deepEqual(complaints, ["No queued message has the ID T9"]);
});

test("queue ls and show look into the shards of workers too, in order of acceptance", async () => {
  const { said, ask, host } = await siteWithMail("b@example.net");
  host.renameSync("/site/queue", "/site/w2");
  host.mkdirSync("/site/queue");
  host.renameSync("/site/w2", "/site/queue/w2");
  assert.equal(await ask("ls"), 0);
  assert.match(said[0]!, /b@example\.net[^]*1 item$/);
  assert.equal(await ask("show", "T0"), 0);
  assert.match(said[1]!, /hello\r\n$/);
});

test("queue flush says when no server is running", async () => {
  const { complaints, ask } = await siteWithMail();
  assert.equal(await ask("flush"), 1);
  assert.deepEqual(complaints, ["No server is running on /site/queue"]);
});
