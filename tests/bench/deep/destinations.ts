/**
 * 10 000 destinations, one of them dead: how long mail for the others takes from `accept` until it is delivered, beside the same run with that one
 * alive. The courier is a fake one that takes as long as a good peer does, or as long as a connect that is never answered.
 */
import { systemClock } from "../../../src/base/clock.ts";
import { utf8Encode } from "../../../src/base/bytes.ts";
import { thisMachine } from "../../../src/host/machine.ts";
import { parseAddress } from "../../../src/mail/address.ts";
import { createMessage } from "../../../src/mail/message.ts";
import { memorySource } from "../../../src/mail/source.ts";
import type { Courier } from "../../../src/queue/courier.ts";
import { Queue } from "../../../src/queue/queue.ts";
import { QUEUE_DEFAULTS } from "../../../src/queue/types.ts";
import { memoryLog } from "../../kit/memory_log.ts";

const DESTINATIONS = 10_000;
const MESSAGES = 6000;
/** One in so many is for the destination that dies. */
const DEAD_SHARE = 5;
const PER_SECOND = 600;
const PEER_MS = 20;
const CONNECT_MS = 30_000;

export async function deadDestination(rounds = 3): Promise<void> {
  const all: { [of: string]: number[][] } = { alive: [], dead: [] };
  for (let round = 0; round < rounds; round++) {
    for (const dead of round % 2 === 0 ? [false, true] : [true, false]) {
      all[dead ? "dead" : "alive"]!.push(await once(dead));
    }
  }
  const at = (share: number, of: string) => {
    const found = all[of]!.map((one) => one.toSorted((a, b) => a - b)[Math.floor(one.length * share)]!);
    return found.toSorted((a, b) => a - b)[Math.floor(found.length / 2)]!;
  };
  console.log(
    `${DESTINATIONS} destinations, ${PER_SECOND} messages a second, one in ${DEAD_SHARE} for the one that dies:`,
  );
  for (const share of [0.5, 0.9, 0.99]) {
    const [alive, dead] = [at(share, "alive"), at(share, "dead")];
    console.log(
      `  the others' ${share * 100} % point: ${alive.toFixed(1)} ms with all alive, ${
        dead.toFixed(1)
      } ms with one dead: ` +
        `${(dead / alive * 100).toFixed(0)} %`,
    );
  }
}

async function once(isDead: boolean): Promise<number[]> {
  const { host } = await thisMachine();
  const dir = `/tmp/kasi-destinations-${Math.floor(performance.now() * 1000)}`;
  const { log } = memoryLog("EMERG");
  const settings = { value: { me: "bench.example", ...QUEUE_DEFAULTS }, onChange: () => () => {} };
  const hooks = { has: () => false, run: () => ({ verdict: undefined, by: undefined }) };
  const queue = await Queue.open({ host, clock: systemClock, dir, log, hooks, settings });
  const began = new Map<string, number>();
  const latencies: number[] = [];
  const courier = {
    async deliver(item, _message, signal) {
      const dead = item.domain === "dead.example";
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, dead && isDead ? CONNECT_MS : PEER_MS);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
      if (dead && isDead) {
        const reason = { text: "Connection timed out", status: "4.4.1" };
        return { outcomes: item.recipients.map((recipient) => ({ kind: "deferred" as const, recipient, reason })) };
      }
      if (!dead) latencies.push(performance.now() - began.get(item.envelope.id)!);
      const reply = { code: 250, text: "taken" } as const;
      return { outcomes: item.recipients.map((recipient) => ({ kind: "delivered" as const, recipient, reply })) };
    },
  } as Courier;
  queue.start(courier);
  const sender = parseAddress("sender@here.example")!;
  const text = utf8Encode("Message-Id: <1@x>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\nHello\r\n");
  const accepts: Promise<unknown>[] = [];
  const start = performance.now();
  for (let n = 0; n < MESSAGES; n++) {
    const due = start + n / PER_SECOND * 1000;
    if (due > performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
    const domain = n % DEAD_SHARE === 0 ? "dead.example" : `d${n * 7919 % (DESTINATIONS - 1)}.example`;
    const id = `D${n}.1`;
    began.set(id, performance.now());
    const recipients = [{ address: parseAddress(`user@${domain}`)!, parameters: new Map() }];
    accepts.push(
      queue.accept({ id, sender, recipients, notes: {}, smtpUtf8: false }, createMessage(memorySource(text))),
    );
  }
  await Promise.all(accepts);
  const others = MESSAGES - Math.ceil(MESSAGES / DEAD_SHARE);
  for (const end = performance.now() + 60_000; latencies.length < others && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // What never came counts as late as the end of the run.
  while (latencies.length < others) latencies.push(60_000);
  await queue.stop(0);
  host.removeSync(dir, { recursive: true });
  return latencies;
}
