import assert from "node:assert/strict";
import { EVENTS } from "../../src/log/events.ts";
import { LEVELS } from "../../src/log/types.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

test("the summary lines read as operators grep for them", () => {
  const memory = memoryLog();
  const log = memory.log.child({ uuid: "AB", origin: "core" });
  log.event("connect", { ip: "192.0.2.1", port: 1234, local_ip: "::", local_port: 25 });
  log.event("sender", { address: "<a@b>", code: 250, msg: "sender <a@b> OK" });
  log.event("recipient", { address: "c@d", code: 550, msg: "", sender: "a@b" });
  log.event("message", { mid: "<1@x>", size: 12, rcpts: "1/0/0", delay: 0.01, code: 250, msg: "queued" });
  log.event("queue", { code: 250, msg: "Message Queued" });
  log.event("disconnect", {
    ip: "192.0.2.1",
    rdns: "h",
    helo: "x",
    relay: "N",
    early: "N",
    esmtp: "Y",
    tls: "N",
    pipe: "N",
    errors: 0,
    txns: 1,
    rcpts: "1/0/0",
    msgs: "1/0/0",
    bytes: 12,
    lr: "",
    time: 0.2,
  });
  assert.deepEqual(memory.text().split("\n"), [
    "[NOTICE] [AB] [core] connect ip=192.0.2.1 port=1234 local_ip=:: local_port=25",
    '[NOTICE] [AB] [core] sender <a@b> code=250 msg="sender <a@b> OK"',
    '[NOTICE] [AB] [core] recipient <c@d> code=550 msg="" sender=a@b',
    "[NOTICE] [AB] [core] message mid=<1@x> size=12 rcpts=1/0/0 delay=0.01 code=250 msg=queued",
    '[NOTICE] [AB] [core] queue code=250 msg="Message Queued"',
    "[NOTICE] [AB] [core] disconnect ip=192.0.2.1 rdns=h helo=x relay=N early=N esmtp=Y tls=N pipe=N errors=0 txns=1 rcpts=1/0/0 " +
    'msgs=1/0/0 bytes=12 lr="" time=0.2',
  ]);
  assert.equal(memory.of("queue")[0]!.code, 250);
});

test("a failing plugin is named at CRIT", () => {
  const memory = memoryLog();
  memory.log.event("plugin_fault", { plugin: "p", hook: "rcpt", reason: "boom\nat x" });
  assert.equal(memory.text(), "[CRIT] [-] [core] Plugin p failed in hook rcpt: boom\\nat x");
});

test("every event has a level that exists", () => {
  for (const [name, row] of Object.entries(EVENTS)) assert.ok(row.level in LEVELS, name);
});
