/** Delivery over real sockets: a scripted peer with real TLS, and Postfix's `smtp-sink` where it is installed. */
import assert from "node:assert/strict";
import process from "node:process";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import { DELIVERY_DEFAULTS, type DeliverySettings } from "../../src/delivery/settings.ts";
import type { Destination, Item } from "../../src/hooks/outbound.ts";
import { Certificates } from "../../src/host/certificates.ts";
import { thisMachine } from "../../src/host/machine.ts";
import { serverTls } from "../../src/host/tls_server.ts";
import type { NetAddr } from "../../src/host/types.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { makePki } from "../kit/pki.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { scriptedPeerOn } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";
import { text } from "../delivery/room.ts";

const pki = await makePki();
const real = await thisMachine({ resolver: zone() });
const signal = new AbortController().signal;

function makeSender(settings: Partial<DeliverySettings> = {}) {
  const { log } = memoryLog("ERROR");
  const hooks = { has: () => false, run: () => ({ verdict: undefined, by: undefined }) };
  const now = { ...DELIVERY_DEFAULTS, helo: "us.example", ...settings };
  const courier = createCourier({ machine: real, hooks, log, settings: () => now });
  const send = async (
    to: Partial<Destination>,
    body = "A: b\r\n\r\nText\r\n.dot\r\n",
    recipients = ["a@example.com"],
  ) => {
    const list = recipients.map((each) => ({ address: parseAddress(each)!, parameters: new Map() }));
    const item: Item = {
      id: "S.1",
      domain: "example.com",
      envelope: { id: "S", sender: parseAddress("<me@us.example>")!, recipients: list, notes: {}, smtpUtf8: false },
      recipients: list,
      attempts: 0,
      queuedAt: 0,
      size: body.length,
      log,
    };
    return await courier.send(
      item,
      text(body),
      [{ host: "127.0.0.1", port: 25, priority: 0, protocol: "smtp", ...to }],
      signal,
    );
  };
  return { courier, send };
}
const kinds = ({ outcomes }: { outcomes: readonly { kind: string }[] }) =>
  outcomes.map((outcome) => outcome.kind).join();

test("STARTTLS with a self-signed certificate: taken when opportunistic, deferred when required, verified with its authority", async () => {
  const identity = { key: { file: "k", text: pki.leaf.key }, cert: { file: "c", text: pki.leaf.cert } };
  const tls = serverTls(new Certificates({ identities: [identity] }, () => Date.now(), () => {}), systemClock);
  const listener = real.host.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as NetAddr;
  const peer = scriptedPeerOn(listener, { offers: ["PIPELINING", "STARTTLS"], tls });
  const opportunistic = makeSender();
  const attempt = await opportunistic.send({ port });
  assert.equal(kinds(attempt), "delivered");
  assert.equal(attempt.via?.tls, true);
  assert.equal(peer.messages[0], "A: b\r\n\r\nText\r\n..dot\r\n.\r\n");
  await opportunistic.courier.stop();

  const required = makeSender();
  assert.equal(kinds(await required.send({ port, tls: "required" })), "deferred");
  assert.equal(peer.messages.length, 1);
  await required.courier.stop();

  const trusting = makeSender({ ca: [pki.ca], idleMs: 0 });
  const verified = await trusting.send({ host: "localhost", port, tls: "required" });
  assert.equal(kinds(verified), "delivered", JSON.stringify(verified.outcomes));
  assert.equal(verified.via?.tls, true);
  await trusting.courier.stop();
  peer.stop();
});

test("broken TLS leads to plain, a dead kept connection to a fresh one, a closed port to a deferral", async () => {
  const listener = real.host.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as NetAddr;
  const peer = scriptedPeerOn(listener, { offers: ["STARTTLS"], tls: "broken" });
  const { courier, send } = makeSender();
  const first = await send({ port });
  assert.equal(kinds(first), "delivered");
  assert.equal(first.via?.tls, false);
  peer.hangUp();
  assert.equal(kinds(await send({ port })), "delivered");
  assert.equal(peer.connections, 3);
  await courier.stop();
  peer.stop();
  const refused = makeSender();
  assert.equal(kinds(await refused.send({ port })), "deferred");
  await refused.courier.stop();
});

const hasSink = spawnSync("smtp-sink", ["-h"]).error === undefined;
const skip = hasSink ? undefined : "Postfix's smtp-sink is not installed";

test("Postfix's smtp-sink takes mail over TCP, and LMTP over a Unix socket", { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "kasi-sink-"));
  chmodSync(directory, 0o755); // the sink has left root behind when we connect
  const probe = real.host.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr as NetAddr;
  probe.close();
  const path = join(directory, "lmtp.sock");
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const sinks: ChildProcess[] = [
    spawn("smtp-sink", [...user, `127.0.0.1:${port}`, "100"], { stdio: "ignore" }),
    spawn("smtp-sink", [...user, "-L", `unix:${path}`, "100"], { stdio: "ignore" }),
  ];
  const ended = sinks.map((sink) => new Promise((done) => sink.once("close", done)));
  const { courier, send } = makeSender();
  try {
    await reachable({ hostname: "127.0.0.1", port });
    await reachable({ path });
    const body = "A: b\r\n\r\n" + "..dots and text\r\n".repeat(400);
    const all = await Promise.all(
      Array.from({ length: 200 }, () => send({ port }, body, ["a@example.com", "b@example.com"])),
    );
    assert.ok(all.every((attempt) => kinds(attempt) === "delivered,delivered"));
    assert.ok(courier.stats().opened <= 20 && courier.stats().reused >= 180);
    const local = await send({ host: "", path, protocol: "lmtp" }, body, ["a@example.com", "b@example.com"]);
    assert.equal(kinds(local), "delivered,delivered");
    assert.equal(local.via?.mode, "LMTP");
  } finally {
    await courier.stop();
    // By process id: under Deno `sink.kill()` would count it as gone at once.
    for (const sink of sinks) process.kill(sink.pid!);
    await Promise.all(ended);
    rmSync(directory, { recursive: true, force: true });
  }
});

async function reachable(to: { hostname: string; port: number } | { path: string }): Promise<void> {
  for (let left = 100;; left--) {
    try {
      (await real.dial({ to, timeoutMs: 1000 })).close();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resume) => setTimeout(resume, 50));
    }
  }
}
