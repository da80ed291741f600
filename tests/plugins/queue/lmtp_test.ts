import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/lmtp.ts";
import type { Envelope } from "../../../src/hooks/outbound.ts";
import type { Message } from "../../../src/mail/message.ts";
import { fakeSession } from "../../kit/fake_session.ts";
import { startPlugin } from "../../kit/hook.ts";
import { test } from "../../kit/test.ts";

test("mail goes to the outbound queue marked for LMTP, and is acknowledged once it is safe there", async () => {
  const kept: [Envelope, Message][] = [];
  const { run } = await startPlugin(plugin, { enqueue: (...one) => void kept.push(one) });
  const { verdict } = await run("queue", { to: ["a@kasi.test", "b@other.test"], message: "Subject: x\n\nhi\n" });
  assert.deepEqual(verdict, { kind: "ok" });
  const [[envelope, message]] = kept as [[Envelope, Message]];
  assert.deepEqual(envelope.recipients.map(({ address }) => address.address), ["a@kasi.test", "b@other.test"]);
  assert.equal(envelope.notes.using_lmtp, true);
  assert.equal(message.header.get("Subject"), "x");

  for (const [wants, taken] of [["lmtp", 2], ["outbound", 2]] as const) {
    const session = fakeSession({ from: "a@b.test", to: ["a@kasi.test"] });
    session.transaction!.notes.set("queue.wants", wants);
    assert.equal((await run("queue", { session })).verdict?.kind, wants === "lmtp" ? "ok" : undefined);
    assert.equal(kept.length, taken);
  }
});

test("a queue that cannot keep it does not acknowledge it", async () => {
  const { run } = await startPlugin(plugin, {
    enqueue: () => {
      throw new Error("disk full");
    },
  });
  const { verdict } = await run("queue", { to: ["a@kasi.test"] });
  assert.equal(verdict?.kind, "defer");
});

test("the store is that of the recipient's domain, else the main one; other mail is routed as ever", async () => {
  const ask = async (domain: string, ini: string, notes: Record<string, unknown> = { using_lmtp: true }) => {
    const { run } = await startPlugin(plugin, { files: { "lmtp.ini": ini } });
    const { verdict } = await run("get_mx", { event: { domain, item: { envelope: { notes } } } });
    return verdict?.kind === "answer" ? verdict.value : verdict;
  };
  const lmtp = { priority: 0, protocol: "lmtp" };
  assert.deepEqual(await ask("a.test", ""), { ...lmtp, host: "127.0.0.1", port: 24 });
  const ini = "host=Store.test\nport=2424\n[a.test]\npath=/run/lmtp\n[b.test]\nhost=b.store.test\n";
  assert.deepEqual(await ask("c.test", ini), { ...lmtp, host: "store.test", port: 2424 });
  assert.deepEqual(await ask("a.test", ini), { ...lmtp, host: "", port: 24, path: "/run/lmtp" });
  assert.deepEqual(await ask("b.test", ini), { ...lmtp, host: "b.store.test", port: 24 });
  assert.equal(await ask("a.test", ini, {}), undefined);
  await assert.rejects(startPlugin(plugin, { files: { "lmtp.ini": "port=0" } }), /port/);
});
