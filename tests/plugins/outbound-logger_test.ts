import assert from "node:assert/strict";
import plugin from "../../plugins/outbound-logger.ts";
import type { Item, Outcome } from "../../src/hooks/outbound.ts";
import { address, recipient } from "../kit/fake_session.ts";
import { startPlugin } from "../kit/hook.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const VIA = { host: "mx.b.test", ip: "192.0.2.7", port: 25, mode: "SMTP", tls: true, authenticated: false } as const;
/** By the day where the test runs. */
const fileOf = (ms: number) => {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `/site/data/outbound-logger/outbound-${day}.log`;
};

async function bench(ini = "") {
  const started = await startPlugin(plugin, { files: { "outbound-logger.ini": ini } });
  const { machine } = started;
  await machine.clock.advance(NOON - machine.clock.now());
  const { session } = await started.run("data_post", {
    from: "me@kasi.test",
    message: "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n\nHello\n",
  });
  const recipients = [recipient("a@b.test"), recipient("c@b.test")];
  const envelope = {
    id: "T.1",
    sender: address("me@kasi.test"),
    recipients,
    notes: session.transaction!.notes.toJSON(),
    smtpUtf8: false,
  };
  const item: Item = {
    id: "T.1.1",
    domain: "b.test",
    envelope,
    recipients,
    attempts: 1,
    queuedAt: NOON - 60_000,
    size: 9,
    log: memoryLog().log,
  };
  const reply = { code: 250, enhanced: "2.0.0", text: "ok" };
  const delivered: Outcome = { kind: "delivered", recipient: recipients[0]!, reply };
  const unlucky = (kind: "deferred" | "failed", code: number): Outcome => ({
    kind,
    recipient: recipients[1]!,
    reason: {
      text: `${code} no`,
      status: kind === "failed" ? "5.1.1" : "4.2.2",
      remote: "mx.b.test",
      reply: { code, text: ["no", "really"] },
    },
  });
  const lines = (text: string) => text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  return {
    ...started,
    delivered: () =>
      started.run("delivered", { event: { item, outcomes: [delivered], via: VIA, delay: 1, response: "" } }),
    deferred: () =>
      started.run("deferred", {
        event: { item, attempt: { outcomes: [delivered, unlucky("deferred", 450)], via: VIA }, delay: 1, error: "" },
      }),
    bounce: () => started.run("bounce", { event: { item, outcomes: [unlucky("failed", 550)], error: "" } }),
    printed: () => lines(machine.printed.stdout),
    filed: () => lines(machine.host.readTextFileSync(fileOf(NOON))),
  };
}
const COMMON = {
  job_id: "T.1",
  queue_time: "2026-11-22T11:59:00.000Z",
  from: "me@kasi.test",
  subject: "grüße",
  time: "2026-11-22T12:00:00.000Z",
};

test("every recipient's outcome is a line of JSON on standard output: delivered, deferred, bounced", async () => {
  const b = await bench();
  await b.delivered();
  await b.deferred();
  assert.equal((await b.bounce()).verdict, undefined, "the sender is told");
  assert.deepEqual(b.printed(), [
    {
      ...COMMON,
      type: "delivered",
      recipient: "a@b.test",
      smtp_code: 250,
      smtp_status: "2.0.0",
      smtp_response: "ok",
      smtp_host: "mx.b.test",
      smtp_ip: "192.0.2.7",
      smtp_port: 25,
      smtp_mode: "SMTP",
      smtp_tls: true,
      level: "info",
    },
    {
      ...COMMON,
      type: "deferred",
      recipient: "c@b.test",
      dsn_action: "delayed",
      dsn_status: "4.2.2",
      dsn_smtp_code: 450,
      dsn_smtp_response: "no really",
      dsn_remote_mta: "mx.b.test",
      undelivered_reason: "450 no",
      level: "warn",
    },
    {
      ...COMMON,
      type: "bounced",
      recipient: "c@b.test",
      dsn_action: "failed",
      dsn_status: "5.1.1",
      dsn_smtp_code: 550,
      dsn_smtp_response: "no really",
      dsn_remote_mta: "mx.b.test",
      undelivered_reason: "550 no",
      level: "error",
    },
  ]);
});

test("a file has the lines of its day, and a bounce may stop here", async () => {
  const b = await bench("[main]\nstop_at_bounce=true\n[stdout]\nenable=false\n[file]\nenable=true\nsync=true\n");
  await b.delivered();
  assert.equal((await b.bounce()).verdict?.kind, "ok");
  assert.deepEqual(b.filed().map(({ type }) => type), ["delivered", "bounced"]);
  assert.deepEqual(b.printed(), []);
  await b.machine.clock.advance(86_400_000);
  await b.delivered();
  assert.equal(b.filed().length, 2);
  assert.ok(b.machine.host.statSync(fileOf(NOON + 86_400_000)).size > 0);
});

test("a file that cannot be written costs the line and not the mail", async () => {
  const b = await bench("[file]\nenable=true\nlog_dir=/tmp/x\n");
  b.machine.host.writeTextFileSync("/tmp/x", "in the way");
  assert.equal((await b.delivered()).verdict, undefined);
  assert.match(b.log.text(), /Cannot write the line of a delivery/);
  assert.equal(b.printed().length, 1);
});
