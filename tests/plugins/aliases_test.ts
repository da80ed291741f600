import assert from "node:assert/strict";
import plugin from "../../plugins/aliases.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import type { Envelope } from "../../src/hooks/outbound.ts";
import type { Recipient } from "../../src/hooks/session.ts";
import { fakeSession, message, recipient } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { pluginHost } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

const ALIASES = {
  "full@our.test": { action: "alias", to: "target" },
  "user": { action: "alias", to: "elsewhere@other.test" },
  "list@our.test": { action: "alias", to: ["one@our.test", "two@our.test", "three@other.test"] },
  "plus@our.test": { action: "alias", to: "plus-target" },
  "dash": { action: "drop" },
  "@catch.test": { action: "alias", to: "all@our.test" },
  "gone@our.test": { action: "drop" },
  "odd@our.test": { action: "explode" },
  "empty@our.test": { action: "alias" },
};
const started = (aliases: object = ALIASES, enqueue?: (envelope: Envelope) => void) =>
  startPlugin(plugin, {
    files: { "aliases.json": JSON.stringify(aliases) },
    ...(enqueue && { enqueue }),
  });

/** Says RCPT for one address, then DATA; the recipients that come of it. */
async function through(running: Awaited<ReturnType<typeof started>>, to: string) {
  const session = fakeSession({ from: "a@b.test" });
  const transaction = session.transaction!;
  const one = recipient(to);
  transaction.recipients.push(one);
  const { verdict } = await running.run("rcpt", { session, event: { recipient: one } });
  assert.equal(verdict, undefined);
  await running.run("data", { session });
  return { session, transaction, addresses: transaction.recipients.map(({ address }) => address.address) };
}

test("an alias is found by address, user, detail, domain and last of all `*`; drop marks, a list fans out [row 263]", async () => {
  const running = await started();
  const to = async (address: string) => (await through(running, address)).addresses;
  assert.deepEqual(await to("full@our.test"), ["target@our.test"]);
  assert.deepEqual(await to("user@any.test"), ["elsewhere@other.test"]);
  assert.deepEqual(await to("plus+detail@our.test"), ["plus-target@our.test"]);
  assert.deepEqual(await to("plus-detail+more@our.test"), ["plus-target@our.test"]);
  assert.deepEqual(await to("plus+detail@else.test"), ["plus+detail@else.test"]);
  assert.deepEqual(await to("whoever@catch.test"), ["all@our.test"]);
  assert.deepEqual(await to("list@our.test"), ["one@our.test", "two@our.test", "three@other.test"]);
  assert.deepEqual(await to("Full@our.test"), ["Full@our.test"]);
  assert.deepEqual(await to("nobody@our.test"), ["nobody@our.test"]);
  for (const address of ["odd@our.test", "empty@our.test"]) assert.deepEqual(await to(address), [address]);

  for (const address of ["gone@our.test", "dash-detail@any.test"]) {
    const { transaction, session, addresses } = await through(running, address);
    assert.deepEqual([transaction.notes.get("discard"), addresses], [true, [address]]);
    assert.equal((await running.run("queue", { session })).verdict?.kind, "ok");
  }
  const star = await started({ ...ALIASES, "*": { action: "alias", to: "star@our.test" } });
  assert.deepEqual((await through(star, "nobody@our.test")).addresses, ["star@our.test"]);
  assert.deepEqual((await through(star, "whoever@catch.test")).addresses, ["all@our.test"]);
});

test("plugins asked later see the target, the client hears of what it gave, and a refusal leaves no target behind", async () => {
  const { host, machine, log: { log } } = pluginHost("aliases", {
    files: { "aliases.json": JSON.stringify(ALIASES) },
  });
  const runner = new HookRunner({ clock: machine.clock, log });
  runner.add(plugin, await plugin.setup(host));
  const seen: string[] = [];
  runner.add({ name: "later" }, {
    rcpt({ recipient }) {
      seen.push(recipient.address.address);
      return undefined;
    },
  });
  const session = fakeSession({ from: "a@b.test" });
  const transaction = session.transaction!;
  const one = recipient("list@our.test");
  transaction.recipients.push(one);
  await runner.run("rcpt", { session, transaction, recipient: one } as never, { log });
  assert.deepEqual(seen, ["one@our.test"]);
  assert.equal(one.given?.address, "list@our.test");
  // As the engine does when a later plugin refuses.
  transaction.recipients.splice(transaction.recipients.indexOf(one), 1);
  await runner.run("data", { session, transaction } as never, { log });
  assert.deepEqual(transaction.recipients, []);
});

test("targets at another host go to the outbound queue, the rest to whoever queues", async () => {
  const queued: string[][] = [];
  const running = await started(ALIASES, (envelope) => {
    queued.push(envelope.recipients.map(({ address }) => address.address));
  });
  const alone = await through(running, "user@our.test");
  assert.deepEqual([alone.transaction.notes.get("forward"), alone.transaction.notes.get("queue.wants")], [
    true,
    "outbound",
  ]);
  assert.equal((await running.run("queue", { session: alone.session })).verdict?.kind, "ok");
  const mixed = await through(running, "list@our.test");
  assert.equal((await running.run("queue", { session: mixed.session })).verdict, undefined);
  assert.deepEqual(queued, [["elsewhere@other.test"], ["three@other.test"]]);
  assert.deepEqual(mixed.transaction.recipients.map(({ address }) => address.user), ["one", "two"]);
  assert.equal(mixed.transaction.notes.get("queue.wants"), undefined);
  // Where another plugin wants the message it gets all of it.
  const wanted = await through(running, "user@our.test");
  wanted.transaction.notes.set("queue.wants", "smtp_forward");
  assert.equal(
    (await running.run("queue", { session: wanted.session, event: { message: message("x\n") } })).verdict,
    undefined,
  );
  assert.deepEqual([queued.length, wanted.transaction.recipients.length], [2, 1]);
});

test("a queue that cannot take it makes the client come back", async () => {
  const running = await started(ALIASES, () => {
    throw new Error("disk full");
  });
  const { session } = await through(running, "user@our.test");
  assert.equal((await running.run("queue", { session })).verdict?.kind, "defer");
  assert.equal(session.transaction?.recipients.length, 1);
});

test("the older file is read where there is no aliases.json, and both are read anew", async () => {
  const older = JSON.stringify({ a: { action: "alias", to: "older" } }, null, 2);
  const running = await startPlugin(plugin, { files: { aliases: older } });
  assert.deepEqual((await through(running, "a@our.test")).addresses, ["older@our.test"]);
  running.change("aliases.json", JSON.stringify({ a: { action: "alias", to: "newer" } }));
  assert.deepEqual((await through(running, "a@our.test")).addresses, ["newer@our.test"]);
});

test("of an alias for several, none tells of its delivery, and the first says what was expanded; of failures all tell", async () => {
  const running = await started();
  const session = fakeSession({ from: "a@b.test" });
  const transaction = session.transaction!;
  const orcpt = { type: "rfc822", address: "list@our.test" };
  const one: Recipient = { ...recipient("list@our.test"), notify: ["SUCCESS", "FAILURE"], originalRecipient: orcpt };
  transaction.recipients.push(one);
  await running.run("rcpt", { session, event: { recipient: one } });
  await running.run("data", { session });
  const { recipients } = transaction;
  assert.deepEqual(recipients.map(({ notify }) => notify), [["FAILURE"], ["FAILURE"], ["FAILURE"]]);
  assert.deepEqual(recipients.map(({ expandedFrom }) => expandedFrom?.address), [
    "list@our.test",
    undefined,
    undefined,
  ]);
  assert.deepEqual(transaction.recipients.map(({ originalRecipient }) => originalRecipient), [orcpt, orcpt, orcpt]);
});

test("an alias for one address changes nothing of what its sender wants to hear", async () => {
  const running = await started({ one: { action: "alias", to: "other@far.test" } });
  const session = fakeSession({ from: "a@b.test" });
  const one: Recipient = { ...recipient("one@our.test"), notify: ["SUCCESS"] };
  session.transaction!.recipients.push(one);
  await running.run("rcpt", { session, event: { recipient: one } });
  assert.deepEqual([one.address.address, one.notify, one.expandedFrom], ["other@far.test", ["SUCCESS"], undefined]);
});
