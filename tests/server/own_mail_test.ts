import assert from "node:assert/strict";
import type { Item, Outcome } from "../../src/hooks/outbound.ts";
import { ownMailFirst } from "../../src/server/own_mail.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { test } from "../kit/test.ts";
import { envelope, mail } from "../queue/queue_kit.ts";

function item(report: boolean): Item {
  const plain = envelope("A", "<>", ["us@home.test", "them@far.test"]);
  const sent = report ? { ...plain, report: true as const } : plain;
  const { log } = memoryLog();
  return {
    id: "A.1",
    domain: "home.test",
    envelope: sent,
    recipients: sent.recipients,
    attempts: 0,
    queuedAt: 0,
    size: 1,
    log,
  };
}
const delivered = (recipient: Item["recipients"][number]): Outcome => ({
  kind: "delivered",
  recipient,
  reply: { code: 250, text: "ok" },
});

test("a report goes home as far as it is for us, the rest by the courier; all else by the courier alone", async () => {
  const carried: string[] = [];
  const via = {
    host: "mx.far.test",
    ip: "192.0.2.1",
    port: 25,
    mode: "SMTP",
    tls: false,
    authenticated: false,
  } as const;
  const courier = ownMailFirst(
    {
      deliver({ recipients }) {
        carried.push(recipients.map(({ address }) => address.host).join());
        return Promise.resolve({ outcomes: recipients.map(delivered), via });
      },
    },
    () => "kasi.test",
    ({ recipients }) => Promise.resolve(recipients.filter(({ address }) => at.includes(address.host)).map(delivered)),
  );
  let at = ["home.test"];
  const { signal } = new AbortController();
  const report = item(true);
  const both = await courier.deliver(report, mail("A"), signal);
  assert.deepEqual(both.outcomes.map(({ recipient }) => recipient), report.recipients);
  assert.deepEqual([both.via, carried.splice(0)], [via, ["far.test"]]);
  at = ["home.test", "far.test"];
  const home = await courier.deliver(report, mail("A"), signal);
  assert.deepEqual([home.via?.mode, home.via?.host, carried], ["LOCAL", "kasi.test", []]);
  at = [];
  await courier.deliver(report, mail("A"), signal);
  at = ["home.test"];
  await courier.deliver(item(false), mail("A"), signal);
  assert.deepEqual(carried, ["home.test,far.test", "home.test,far.test"]);
});
