import assert from "node:assert/strict";
import access from "../../plugins/access.ts";
import plugin from "../../plugins/block_me.ts";
import { HookRunner } from "../../src/hooks/hook_runner.ts";
import { fakeSession } from "../kit/fake_session.ts";
import { type HookOptions, startPlugin } from "../kit/hook.ts";
import { CONFIG_DIR } from "../kit/plugin_host.ts";
import { test } from "../kit/test.ts";

const FILES = { "block_me.recipient": "Block-Me@our.test\n", "block_me.senders": "Ann@our.test\nbob@our.test\n" };
const FORWARD =
  `Subject: Fwd: buy\n\nsee below\n\n> From: Spammer <Sp@Bad.example>\n> Subject: buy\n\nFrom: x <y@z.test>\n`;
const LIST = "mail_from.access.blacklist";

const begin = async (files: { readonly [name: string]: string } = {}) => {
  const started = await startPlugin(plugin, { files: { ...FILES, ...files } });
  const forward = async (options: HookOptions = {}) => {
    const session = fakeSession({
      from: "ann@our.test",
      relaying: true,
      log: started.log.log,
      ...options,
      to: [options.to ?? "block-me@our.test"].flat(),
    });
    const { verdict } = await started.run("data_post", { session, message: options.message ?? FORWARD });
    const queued = [];
    for (const hook of ["queue", "queue_outbound"] as const) {
      queued.push((await started.run(hook, { session })).verdict?.kind);
    }
    return [verdict?.kind, session.transaction?.notes.get("block_me"), ...queued];
  };
  const list = () => {
    try {
      return started.machine.host.readTextFileSync(`${CONFIG_DIR}/${LIST}`);
    } catch {
      return undefined;
    }
  };
  return { ...started, forward, list };
};
const NOTHING = [undefined, undefined, undefined, undefined];

test("a listed user forwards a mail to the address, and its author is blocked from then on [row 232]", async () => {
  const it = await begin({ [LIST]: "old@bad.example" });
  assert.deepEqual(await it.forward(), [undefined, "sp@bad.example", "ok", "ok"]);
  assert.equal(it.list(), "old@bad.example\nsp@bad.example\n");
  await it.forward();
  assert.equal(it.list(), "old@bad.example\nsp@bad.example\n", "once is enough");

  it.config.reload();
  const runner = new HookRunner({ clock: it.machine.clock, log: it.log.log });
  runner.add(access, await access.setup({ ...it.host, name: "access" }));
  const session = fakeSession({ from: "sp@bad.example" });
  const { transaction } = session;
  const event = { session, transaction, sender: transaction!.sender, parameters: new Map() };
  assert.equal((await runner.run("mail", event as never, { log: it.log.log })).verdict?.kind, "deny");
});

test("others may not block, and other mail is left alone", async () => {
  const it = await begin();
  assert.deepEqual(await it.forward({ from: "eve@our.test" }), ["deny", undefined, undefined, undefined]);
  assert.deepEqual(await it.forward({ relaying: false }), NOTHING);
  assert.deepEqual(await it.forward({ to: "other@our.test" }), NOTHING);
  assert.deepEqual(await it.forward({ to: ["block-me@our.test", "other@our.test"] }), NOTHING);
  assert.equal(it.list(), undefined);
  it.change("block_me.recipient", "\n");
  assert.deepEqual(await it.forward(), NOTHING);
});

test("a mail without an author's address is passed on, with a line in the log", async () => {
  const it = await begin();
  for (const text of ["Hello\n", "From: nobody\n", "From: x <not an address@@>\n"]) {
    assert.deepEqual(await it.forward({ message: `Subject: x\n\n${text}` }), NOTHING);
  }
  assert.match(it.log.text(), /no From: line/);
  assert.equal(it.list(), undefined);
});
