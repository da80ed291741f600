import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/qmail-queue.ts";
import { ConfigError } from "../../../src/base/config_error.ts";
import type { RunEnd, RunOptions } from "../../../src/host/types.ts";
import { fakeSession } from "../../kit/fake_session.ts";
import { type StartedPlugin, startPlugin } from "../../kit/hook.ts";
import { test } from "../../kit/test.ts";

const PATH = "/opt/qmail/qmail-queue";

/** The plugin, and a qmail-queue that ends as it is told; `read` is what it found at its descriptors. */
async function bench(end: RunEnd | Error = { code: 0, complaint: "" }, ini = "") {
  const read: string[][] = [];
  const ran: RunOptions[] = [];
  const started: StartedPlugin = await startPlugin(installed(), {
    files: { "qmail-queue.path": `${PATH}\n`, "qmail-queue.ini": ini },
    run(options) {
      ran.push(options);
      read.push(options.reads.map((path) => started.machine.host.readTextFileSync(path)));
      return end instanceof Error ? Promise.reject(end) : Promise.resolve(end);
    },
  });
  await started.run("init_master");
  return { ...started, read, ran };
}

/** With the program on the disk before `setup` looks for it. */
function installed(): typeof plugin {
  return {
    ...plugin,
    setup(host) {
      host.machine.host.mkdirSync("/opt/qmail", { recursive: true });
      host.machine.host.writeTextFileSync(PATH, "");
      return plugin.setup(host);
    },
  };
}

test("the program finds the message at descriptor 0 and the envelope at 1, and nothing is left behind", async () => {
  const b = await bench();
  const { verdict } = await b.run("queue", {
    from: "me@far.test",
    to: ["a@one.test", "b@two.test"],
    message: "Subject: x\n\n.dot\n",
  });
  assert.equal(verdict?.kind, "ok");
  assert.deepEqual(b.read, [["Subject: x\n\n.dot\n", "Fme@far.test\0Ta@one.test\0Tb@two.test\0\0"]]);
  assert.deepEqual([b.ran[0]!.program, b.ran[0]!.args], [PATH, []]);
  assert.deepEqual([...b.machine.host.readDirSync("/site/data/qmail-queue")], []);
});

test("an envelope longer than a block goes whole; the null sender is an empty one", async () => {
  const b = await bench();
  const to = Array.from({ length: 500 }, (_, i) => `recipient-number-${i}@one.test`);
  assert.equal((await b.run("queue", { from: "", to })).verdict?.kind, "ok");
  assert.equal(b.read[0]![1], `F\0${to.map((each) => `T${each}\0`).join("")}\0`);
});

test("any other end than 0 leaves the message to the next queue plugin, and the log says what it means", async () => {
  for (
    const [end, said] of [
      [{ code: 53, complaint: "no space" }, /ended with 53 \(write error, perhaps a full disk\).*no space/],
      [{ code: 99, complaint: "" }, /ended with 99/],
      [{ code: undefined, complaint: "" }, /ended with a signal \(killed\)/],
      [new Error("spawn EACCES"), /Cannot give the message to qmail-queue: spawn EACCES/],
    ] as const
  ) {
    const b = await bench(end);
    assert.equal((await b.run("queue", { from: "me@far.test", to: "a@one.test" })).verdict, undefined);
    assert.match(b.log.text(), said);
    assert.deepEqual([...b.machine.host.readDirSync("/site/data/qmail-queue")], []);
  }
});

test("mail of relaying clients is taken unless enable_outbound=false, mail for another queue never", async () => {
  const mail = { from: "me@far.test", to: "a@one.test" };
  assert.equal((await (await bench()).run("queue_outbound", mail)).verdict?.kind, "ok");
  const off = await bench(undefined, "enable_outbound=false\n");
  assert.equal((await off.run("queue_outbound", mail)).verdict, undefined);
  assert.equal((await off.run("queue", mail)).verdict?.kind, "ok");
  const session = fakeSession({ ...mail, to: [mail.to] });
  session.transaction!.notes.set("queue.wants", "lmtp");
  assert.equal((await off.run("queue", { session })).verdict, undefined);
  assert.equal(off.ran.length, 1);
});

test("without the program the server does not start, and hears where it was looked for", async () => {
  await assert.rejects(
    startPlugin(plugin),
    (fault: Error) =>
      fault instanceof ConfigError && /qmail-queue\.path.*\/var\/qmail\/bin\/qmail-queue/.test(fault.message),
  );
});
