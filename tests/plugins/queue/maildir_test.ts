import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/maildir.ts";
import type { Envelope } from "../../../src/hooks/outbound.ts";
import { startPlugin } from "../../kit/hook.ts";
import { fakeSession, message } from "../../kit/fake_session.ts";
import { type MemoryDisk, noSpace } from "../../kit/memory_disk.ts";
import type { PluginHostOptions } from "../../kit/plugin_host.ts";
import { test } from "../../kit/test.ts";

const HOSTS = { host_list: "kasi.test\nother.test" };
const NAME = /^\d+\.K5EED0000-0000-4000-8000-000000000001\.1\.mx\.kasi\.test$/;

async function bench(files: { [name: string]: string } = {}, options: PluginHostOptions = {}) {
  const started = await startPlugin(plugin, { ...options, files: { ...HOSTS, ...files } });
  return { ...started, disk: started.machine.disk };
}
/** Folder → text of the one file in it. */
function mails(disk: MemoryDisk): { [folder: string]: string } {
  return Object.fromEntries(
    [...disk.files].filter(([path]) => !path.startsWith("/site/config")).map(([path, node]) => {
      const slash = path.lastIndexOf("/");
      assert.match(path.slice(slash + 1), NAME);
      return [path.slice(0, slash), new TextDecoder().decode(node.data.subarray(0, node.size))];
    }),
  );
}

test("a message for ours lies in each recipient's new/, with Return-Path and Delivered-To, and is acknowledged", async () => {
  for (const hook of ["queue", "queue_outbound"] as const) {
    const { run, disk } = await bench();
    const { verdict } = await run(hook, {
      from: "sender@client.test",
      to: ["Alice@kasi.test", "alice@KASI.test", "bob@other.test"],
      message: "Subject: x\n\nHello\n",
    });
    assert.equal(verdict?.kind, "ok");
    const text = (to: string) => `Return-Path: <sender@client.test>\nDelivered-To: ${to}\nSubject: x\n\nHello\n`;
    assert.deepEqual(mails(disk), {
      "/site/data/mail/kasi.test/alice/new": text("Alice@kasi.test"),
      "/site/data/mail/other.test/bob/new": text("bob@other.test"),
    });
    assert.equal(disk.open, 0);
  }
});

test("every file is synced before it is renamed and its folder behind it; new folders and those above them too", async () => {
  const { run, disk } = await bench();
  const did: string[] = [];
  disk.before = ({ kind, path }) => {
    if (kind === "sync" || kind === "rename") did.push(`${kind} ${path.replace(/\/\d+\.K.*/, "/FILE")}`);
  };
  await run("queue", { to: ["a@kasi.test"] });
  const box = "/site/data/mail/kasi.test/a";
  assert.deepEqual(did, [
    `sync ${box}`,
    "sync /site/data/mail/kasi.test",
    "sync /site/data/mail",
    "sync /site/data",
    `sync ${box}/tmp/FILE`,
    `rename ${box}/tmp/FILE`,
    `sync ${box}/new`,
  ]);
  did.length = 0;
  await run("queue", { to: ["a@kasi.test"] });
  assert.equal(did.length, 3);
});

test("nothing that comes over the network becomes a path: names are encoded", async () => {
  const { run, disk } = await bench();
  for (const user of ['"../../../etc/x"', '".."', '"a/b"', '"a b%"', ".hidden".replace(".", "%2E")]) {
    const session = fakeSession({ from: "s@client.test", to: [`${user}@kasi.test`] });
    assert.equal((await run("queue", { session })).verdict?.kind, "ok", user);
  }
  const folders = Object.keys(mails(disk)).map((path) => path.slice("/site/data/mail/kasi.test/".length));
  assert.deepEqual(
    folders.sort(),
    [
      "%252ehidden/new",
      "%2E./new",
      "%2E.%2F..%2F..%2Fetc%2Fx/new",
      "a%20b%25/new",
      "a%2Fb/new",
    ].sort(),
  );
});

test("a full disk defers, and no recipient has the message, whichever write or sync fails", async () => {
  let steps = 0;
  for (let failing = 0; failing <= steps; failing++) {
    const { run, disk } = await bench();
    let step = 0;
    disk.before = ({ kind }) => {
      if (kind !== "write" && kind !== "sync" && kind !== "mkdir") return;
      if (step++ === failing) throw noSpace();
    };
    const { verdict } = await run("queue", { to: ["a@kasi.test", "b@kasi.test"] });
    steps = Math.max(steps, step);
    if (failing >= step) {
      assert.equal(verdict?.kind, "ok");
      break;
    }
    assert.equal(verdict?.kind, "defer", `step ${failing}`);
    disk.before = () => {};
    const shown = Object.keys(mails(disk)).filter((path) => path.endsWith("/new"));
    // Behind the renames only the syncs of `new` are left: there the message may be seen, and the client comes again.
    if (shown.length > 0) assert.ok(failing >= step - 2, `step ${failing} of ${step}`);
    assert.deepEqual(Object.keys(mails(disk)).filter((path) => path.endsWith("/tmp")), []);
    assert.equal(disk.open, 0);
  }
  assert.ok(steps > 10);
});

test("recipients who are not ours go to the outbound queue of a client that may relay, after our copies are safe and before they show", async () => {
  const queued: Envelope[] = [];
  const { run, disk } = await bench({}, {
    enqueue(envelope) {
      queued.push(envelope);
      assert.deepEqual(Object.keys(mails(disk)), ["/site/data/mail/kasi.test/a/tmp"]);
    },
  });
  const session = fakeSession({
    from: "s@client.test",
    to: ["a@kasi.test", "x@far.test", "y@far.test"],
    relaying: true,
  });
  session.transaction!.notes.set("colour", "blue");
  const { verdict } = await run("queue_outbound", { session });
  assert.equal(verdict?.kind, "ok");
  assert.deepEqual(queued.map(({ recipients }) => recipients.map(({ address }) => address.address)), [[
    "x@far.test",
    "y@far.test",
  ]]);
  assert.deepEqual(queued[0]!.notes, { colour: "blue" });
  assert.equal(queued[0]!.id, session.transaction!.id);
  assert.deepEqual(Object.keys(mails(disk)), ["/site/data/mail/kasi.test/a/new"]);
});

test("when the queue cannot take the rest, nobody has the message and the client comes again", async () => {
  const { run, disk, log } = await bench({}, {
    enqueue() {
      throw new Error("queue is full");
    },
  });
  const { verdict } = await run("queue_outbound", { to: ["a@kasi.test", "x@far.test"], relaying: true });
  assert.deepEqual(verdict?.kind, "defer");
  assert.deepEqual(mails(disk), {});
  assert.doesNotMatch(JSON.stringify(verdict), /queue is full/);
  assert.equal(log.events.some(({ name }) => name === "plugin_fault"), false);
});

test("messages with nobody of ours, mixed ones of a client that may not relay, and those meant for another queue are left alone", async () => {
  const { run, disk } = await bench();
  assert.equal((await run("queue_outbound", { to: ["x@far.test"] })).verdict, undefined);
  assert.equal((await run("queue", { to: ["a@kasi.test", "x@far.test"] })).verdict, undefined);
  const session = fakeSession({ from: "s@client.test", to: ["a@kasi.test"] });
  session.transaction!.notes.set("queue.wants", "discard");
  assert.equal((await run("queue", { session })).verdict, undefined);
  session.transaction!.notes.set("queue.wants", "maildir");
  assert.equal((await run("queue", { session })).verdict?.kind, "ok");
  assert.equal(Object.keys(mails(disk)).length, 1);
});

test("path, case and line ends are the operator's choice; bytes are otherwise kept", async () => {
  const { run, disk } = await bench({
    "maildir.ini": "path = /var/mail/%u@%d\nlower_case = false\nline_ends = crlf\n",
  });
  await run("queue", { from: "", to: ["Alice@kasi.test"], event: { message: message("A: b\n\n\u0000\u00ff\n.\n") } });
  assert.deepEqual(mails(disk), {
    "/var/mail/Alice@kasi.test/new":
      "Return-Path: <>\r\nDelivered-To: Alice@kasi.test\r\nA: b\r\n\r\n\u0000\u00ff\r\n.\r\n",
  });
});

test("the postmaster without a domain is the postmaster of this server", async () => {
  const { run, disk } = await bench();
  const { verdict } = await run("queue", { to: ["Postmaster"], message: "Subject: help\n\n?\n" });
  assert.equal(verdict?.kind, "ok");
  assert.deepEqual(Object.keys(mails(disk)).map((path) => path.replace(/.*\/([^/]+)\/new$/, "$1")), ["postmaster"]);
});
