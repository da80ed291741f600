import assert from "node:assert/strict";
import plugin from "../../../plugins/queue/test.ts";
import { noSpace } from "../../kit/memory_disk.ts";
import { startPlugin } from "../../kit/hook.ts";
import { test } from "../../kit/test.ts";

test("the message is written to mail_TRANSACTION.eml in the temporary directory and acknowledged [row 258]", async () => {
  for (const env of [{}, { TMPDIR: "/site/data/" }]) {
    const { run, machine } = await startPlugin(plugin, { env });
    const { verdict, session } = await run("queue", { to: ["b@kasi.test"], message: "Subject: x\n\nHello\n" });
    assert.equal(verdict?.kind, "ok");
    const dir = "TMPDIR" in env ? "/site/data" : "/tmp";
    const text = machine.host.readTextFileSync(`${dir}/mail_${session.transaction!.id}.eml`);
    assert.equal(text, "Subject: x\r\n\r\nHello\r\n");
    assert.equal(machine.disk.open, 0);
  }
});

test("a full disk is a fault, so the client comes again", async () => {
  const { run, machine, log } = await startPlugin(plugin);
  machine.disk.before = ({ kind }) => {
    if (kind === "write") throw noSpace();
  };
  assert.equal((await run("queue", { to: ["b@kasi.test"] })).verdict?.kind, "defer");
  assert.equal(log.of("plugin_fault").length, 1);
  assert.equal(machine.disk.open, 0);
});
