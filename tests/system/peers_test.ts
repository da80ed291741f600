/** A slice of the table of peers' answers over real sockets, with real TLS: what memory cannot show of resets, half-closes and alerts. */
import assert from "node:assert/strict";
import { createCourier } from "../../src/delivery/courier.ts";
import { DELIVERY_DEFAULTS, type DeliverySettings } from "../../src/delivery/settings.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { Destination, Item } from "../../src/hooks/outbound.ts";
import { Certificates } from "../../src/host/certificates.ts";
import { thisMachine } from "../../src/host/machine.ts";
import type { PemPair } from "../../src/host/self_signed.ts";
import { serverTls } from "../../src/host/tls_server.ts";
import type { ServerTls } from "../../src/host/types.ts";
import { parseAddress } from "../../src/mail/address.ts";
import { readCell, scriptOf } from "../delivery/peer_play.ts";
import {
  type AnswerName,
  ANSWERS,
  type Cell,
  HANDSHAKE,
  HANDSHAKES,
  type Play,
  type StageName,
  STAGES,
  TABLE,
} from "../delivery/peer_table.ts";
import { text } from "../delivery/room.ts";
import { memoryLog } from "../kit/memory_log.ts";
import { makePki } from "../kit/pki.ts";
import { type PeerScript, scriptedPeerOn } from "../kit/scripted_peer.ts";
import { test } from "../kit/test.ts";
import { zone } from "../kit/zone.ts";

const pki = await makePki();
const real = await thisMachine({ resolver: zone() });
const signal = new AbortController().signal;
const RECIPIENTS = ["a@example.com", "b@example.com"];
interface Sent {
  readonly fates: readonly string[];
  readonly askedNext: boolean;
  /** RFC 8460's names in the log. */
  readonly tls: readonly unknown[];
  /** The log itself. */
  readonly said: string;
}

/** One mail for two recipients; the second host takes everything. */
async function send(
  script: PeerScript,
  play: Pick<Play, "large" | "tls"> & { readonly protocol: Destination["protocol"] },
  hosts: 1 | 2,
  settings: Partial<DeliverySettings> = {},
): Promise<Sent> {
  const lmtp = play.protocol === "lmtp";
  const peers = [script, {}].slice(0, hosts).map((own) =>
    scriptedPeerOn(real.host.listen({ hostname: "127.0.0.1", port: 0 }), { lmtp, offers: ["PIPELINING"], ...own })
  );
  const ports: number[] = peers.map(({ port }) => port);
  const { log, items } = memoryLog("NOTICE");
  const now: DeliverySettings = {
    ...DELIVERY_DEFAULTS,
    helo: "us.example",
    localMxOk: true,
    idleMs: 0,
    ...settings,
  };
  const hooks = { has: () => false, run: () => ({ verdict: undefined, by: undefined }) };
  const courier = createCourier({ machine: real, hooks, log, settings: () => now });
  const recipients = RECIPIENTS.map((each) => ({ address: parseAddress(each)!, parameters: new Map() }));
  const item: Item = {
    id: "S.1",
    domain: "example.com",
    envelope: { id: "S", sender: parseAddress("<me@us.example>")!, recipients, notes: {}, smtpUtf8: false },
    recipients,
    attempts: 0,
    queuedAt: 0,
    size: 0,
    log,
  };
  const body = play.large ? "A line of a large body.\r\n".repeat(300_000) : "A line.\r\n";
  const { outcomes } = await courier.send(
    item,
    text(`Subject: x\r\n\r\n${body}`),
    ports.map((port, priority): Destination => ({
      host: "127.0.0.1",
      port,
      priority,
      protocol: play.protocol,
      fromDns: "localhost",
      ...(play.tls === "required" && { tls: "required" as const }),
    })),
    signal,
  );
  const askedNext = hosts === 2 && peers[1]!.connections > 0;
  await courier.stop();
  for (const peer of peers) peer.stop();
  return {
    fates: RECIPIENTS.map((to) => {
      const outcome = outcomes.find(({ recipient }) => recipient.address.address === to)!;
      if (outcome.kind === "delivered") return "sent";
      return `${outcome.kind === "failed" ? "bounce" : "wait"} ${outcome.reason.status}`;
    }),
    askedNext,
    tls: items.flatMap(({ fields }) => "tls" in fields ? [fields.tls] : []),
    said: items.map(({ message }) => message).join(" / "),
  };
}

/** What is not as the cell says. */
async function check(what: string, cell: Cell, run: (hosts: 1 | 2) => Promise<Sent>): Promise<string[]> {
  const { fates, next, withNext } = readCell(cell);
  const [both, alone] = await Promise.all([run(2), next ? run(1) : undefined]);
  const seen = `${both.fates} ${both.askedNext} ${alone?.fates ?? ""}`;
  return seen === `${withNext} ${next} ${next ? fates : ""}` ? [] : [`${what}: wanted "${cell}": ${seen}`];
}

/** So many at a time. */
async function each<T, R>(width: number, list: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let i = 0; i < list.length; i += width) done.push(...await Promise.all(list.slice(i, i + width).map(work)));
  return done;
}

const SLICE: readonly (readonly [StageName, readonly Destination["protocol"][]])[] = [
  ["greeting", ["smtp"]],
  ["EHLO", ["smtp"]],
  ["MAIL", ["smtp", "lmtp"]],
  ["RCPT", ["smtp", "lmtp"]],
  ["DATA", ["smtp"]],
  ["middle of the content", ["smtp"]],
  ["dot", ["smtp"]],
  ["BDAT", ["smtp"]],
  ["dot of the first recipient", ["lmtp"]],
];
const SAID: readonly AnswerName[] = [
  "250 lines",
  "354",
  "450 4.7.1",
  "550 lines",
  "421 close",
  "550 close",
  "garbage",
  "half a reply",
  "silence",
  "reset",
  "close",
  "half-close",
  "alert",
];

/** More than buffers take before the answer is heard, so few of them. */
const SAID_EARLY: readonly AnswerName[] = ["550 lines", "421 close", "close", "half-close"];

for (const [stage, protocols] of SLICE) {
  const { at, ways, large }: Play = STAGES[stage];
  for (const protocol of protocols) {
    test(`answers at ${stage} over real sockets come to what the table says (${protocol.toUpperCase()}) [row 208]`, {
      timeoutMs: 180_000,
    }, async () => {
      const wrong = await each(large === true ? 1 : SAID.length, large === true ? SAID_EARLY : SAID, async (name) => {
        const offers = ways.includes("chunked") ? ["PIPELINING", "CHUNKING"] : ["PIPELINING"];
        const script = { offers, ...scriptOf(stage, ANSWERS[name]) };
        // Silence is the only answer that takes its time.
        const settings = name === "silence" ? { timeouts: { [at]: 1500 } } : {};
        const play = { protocol, ...(large && { large }) };
        return await check(name, TABLE[stage][name], (hosts) => send(script, play, hosts, settings));
      });
      assert.deepEqual(wrong.flat(), []);
    });
  }
}

/** The server's side with a certificate of its own. */
function tlsWith({ key, cert }: PemPair): ServerTls {
  const identity = { key: { file: "k", text: key }, cert: { file: "c", text: cert } };
  return serverTls(new Certificates({ identities: [identity] }, () => Date.now(), () => {}), systemClock);
}

test("every end of a real TLS handshake comes to what the table says, and the log has RFC 8460's name for it", {
  timeoutMs: 180_000,
}, async () => {
  const { alert, garbage, silence, close } = HANDSHAKES;
  const half = HANDSHAKES["half-close"];
  const ends: readonly (readonly [string, PeerScript["tls"], string, Partial<DeliverySettings>?])[] = [
    ["alert", alert, "validation-failure"],
    ["garbage", garbage, "validation-failure"],
    ["silence", silence, "validation-failure"],
    ["close", close, "validation-failure"],
    ["half-close", half, "validation-failure"],
    ["untrusted", tlsWith(pki.leaf), "certificate-not-trusted", {}],
    ["of another name", tlsWith(pki.other), "certificate-host-mismatch"],
    ["expired", tlsWith(pki.expired), "certificate-expired"],
  ];
  const wrong = await Promise.all(
    ends.flatMap(([name, tls, result, settings = { ca: [pki.ca] }]) =>
      (["opportunistic", "required"] as const).map(async (policy) => {
        const row: { readonly [name: string]: Cell } = HANDSHAKE[policy];
        const script: PeerScript = { offers: ["PIPELINING", "STARTTLS"], ...(tls && { tls }) };
        const timeouts = name === "silence" ? { tls: 1500 } : {};
        const sent = await send(script, { protocol: "smtp", tls: policy }, 1, { ...settings, timeouts });
        const wanted = readCell(row[name] ?? row.untrusted!).fates;
        const named = policy === "required" ? [result] : typeof tls === "object" && "then" in tls ? [result] : [];
        const [seen, expected] = [`${sent.fates} ${sent.tls}`, `${wanted} ${named}`];
        return seen === expected ? [] : [`${name}, ${policy}: wanted ${expected}: ${seen} ${sent.said}`];
      })
    ),
  );
  assert.deepEqual(wrong.flat(), []);
  const missing = await send({ offers: [] }, { protocol: "smtp", tls: "required" }, 1);
  assert.deepEqual(missing.tls, ["starttls-not-supported"]);
});
