/**
 * Ways to sign by RSA, in turn: `deno run -A tests/bench/sign_ways.ts`, or Node through its door. RSA of 2048 bits, messages of 4 KiB.
 *
 * Prints for 1, 8 and 100 messages under way at once: messages per second, processor time per message, and by how much a timer of one
 * millisecond on the session's thread was late (the 99 % point and the longest): what every client meanwhile waits. Medians of five rounds.
 */
import { createPrivateKey, sign } from "node:crypto";
import process from "node:process";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type Bytes, utf8Encode } from "../../src/base/bytes.ts";
import { turns } from "../../src/base/turns.ts";
import { createMessage } from "../../src/mail/message.ts";
import { memorySource } from "../../src/mail/source.ts";
import { type DkimKey, newDkimKey, readDkimKey } from "../../src/mailauth/dkim_key.ts";
import { signDkim } from "../../src/mailauth/dkim_sign.ts";

const ROUNDS = 5;
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;
const CORES = navigator.hardwareConcurrency;
const LINE = "The quick brown fox jumps over the lazy dog. And some more words, until 76.\r\n";
const message = createMessage(
  memorySource(utf8Encode(`From: joe@example.com\r\nTo: ann@example.org\r\nSubject: bench\r\n\r\n${LINE.repeat(53)}`)),
);

interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly late99: number;
  readonly latest: number;
}

async function measure(key: DkimKey, messages: number, atOnce: number): Promise<Measured> {
  const options = { key, domain: "example.com", selector: "s" };
  const late: number[] = [];
  let ticked = performance.now();
  const timer = setInterval(() => {
    late.push(performance.now() - ticked - 1);
    ticked = performance.now();
  }, 1);
  const cpu = process.cpuUsage();
  const began = performance.now();
  let left = messages;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) await signDkim(message, options);
  }));
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  await new Promise((resolve) => setTimeout(resolve, 2));
  clearInterval(timer);
  late.sort((a, b) => a - b);
  return {
    perSecond: messages * 1000 / took,
    cpuMicros: (user + system) / messages,
    late99: late[Math.floor(late.length * 0.99)]!,
    latest: late.at(-1)!,
  };
}

const { privatePem } = await newDkimKey("rsa");
const ours = await readDkimKey(privatePem);
const nodes = createPrivateKey(privatePem);
const webs = await crypto.subtle.importKey(
  "pkcs8",
  new Uint8Array(nodes.export({ type: "pkcs8", format: "der" })),
  RSA,
  false,
  ["sign"],
);
const bySubtle = async (data: Bytes) => Buffer.from(await crypto.subtle.sign(RSA, webs, data)).toString("base64");
const workers = Array.from({ length: CORES }, () => {
  const worker = new Worker(new URL("./sign_worker.ts", import.meta.url), { workerData: privatePem });
  const asked: ((signature: string) => void)[] = [];
  worker.on("message", (signature: string) => asked.shift()!(signature));
  return {
    sign: (data: Bytes) =>
      new Promise<string>((resolve) => {
        asked.push(resolve);
        worker.postMessage(data);
      }),
    end: () => worker.terminate(),
  };
});
let turn = 0;
const algorithm = "rsa-sha256";
const bounded = (most: number): DkimKey => {
  const take = turns(most);
  return { algorithm, sign: (data) => take(() => bySubtle(data)) };
};
const WAYS: { readonly [name: string]: DkimKey } = {
  "session's thread": {
    algorithm,
    async sign(data) {
      const signature = sign("sha256", data, nodes).toString("base64");
      await turnOfTheLoop();
      return signature;
    },
  },
  "no limit": { algorithm, sign: bySubtle },
  "1 at most": bounded(1),
  "cores at most": ours,
  "2 × cores at most": bounded(2 * CORES),
  [`${CORES} workers`]: { algorithm, sign: (data) => workers[turn++ % CORES]!.sign(data) },
};

const median = (of: readonly number[]) => of.toSorted((a, b) => a - b)[of.length >> 1]!;
const only = process.argv[2]?.split(",").map(Number) ?? [1, 8, 100];
for (const key of Object.values(WAYS)) await measure(key, 20, 4);
for (const atOnce of only) {
  const found = new Map<string, Measured[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, key] of Object.entries(WAYS)) {
      found.set(name, [...found.get(name) ?? [], await measure(key, 200, atOnce)]);
    }
  }
  console.log(`\n${atOnce} at once         messages/s    CPU µs   late by ms: 99 %  longest`);
  for (const [name, rounds] of found) {
    const of = (field: keyof Measured, digits = 0, width = 9) =>
      median(rounds.map((each) => each[field])).toFixed(digits).padStart(width);
    console.log(
      `${name.padEnd(20)}${of("perSecond")}  ${of("cpuMicros")}   ${of("late99", 1, 15)}  ${of("latest", 1)}`,
    );
  }
}
for (const { end } of workers) await end();
