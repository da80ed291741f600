/**
 * Nothing that was acknowledged is lost: `kill -9` under load while the next hop refuses half of the recipients, and damage done to the
 * journal by hand. Every message carries a token; the next hop keeps the tokens it took.
 *
 * `KASI_SEED` repeats the moments of a run; `KASI_LONG=1` kills ten times instead of three, with two workers too, and with so much mail that comes
 * and goes beside what waits that the journal is compacted meanwhile.
 */
import assert from "node:assert/strict";
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "../kit/mail_programs.ts";
import { type LoadResult, pause, seeded, sendLoad } from "../kit/load.ts";
import { LONG, relaySite } from "../kit/relay_site.ts";
import { eventually, type RunningSite, startKasi, temporaryDir } from "../kit/site.ts";
import { test } from "../kit/test.ts";
import { TokenSink } from "../kit/tokens.ts";

const KILLS = LONG ? 10 : 3;
/** From this kill on nobody is refused any more. */
const HALF = Math.floor(KILLS / 2);
/** A delivery this long before a crash may not be on record yet: notes ride a later commit. */
const UNRECORDED_MS = 3000;

/** Nearly as large as the journal takes, and delivered at once: dead octets that compaction has to clear away. */
const isBallast = (n: number) => LONG && n % 3 === 1;

/** Two recipients for each message, of one domain or of two; one of them is of those that are refused for a while. */
function recipients(n: number): string[] {
  if (isBallast(n)) return [`a${n}@one.test`];
  return n % 3 === 0 ? [`a${n}@one.test`, `b${n}@one.test`] : [`a${n}@one.test`, `b${n}@two.test`];
}

function missing(load: LoadResult, sink: TokenSink): string[] {
  const there = sink.deliveries();
  return [...load.acknowledged].flatMap(([token, all]) => all.map((one) => `${token} ${one}`))
    .filter((key) => !there.has(key));
}

/** The number of a journal's oldest segment. */
function oldest(queue: string): number {
  return Math.min(...readdirSync(queue).filter((name) => name.endsWith(".log")).map((name) => parseInt(name)));
}

/** Has everything tried again until nothing is missing; says what still is. */
async function drain(kasi: RunningSite, load: LoadResult, sink: TokenSink, ms: number): Promise<string[]> {
  const end = performance.now() + ms;
  for (let left = missing(load, sink);; left = missing(load, sink)) {
    if (left.length === 0 || performance.now() > end) return left;
    kasi.signal("SIGHUP");
    await pause(500);
  }
}

/** Without workers, and with two: the kill takes all of them, and each has a shard of its own. */
for (const nodes of LONG ? [0, 2] : [0]) {
  test(
    `what was acknowledged survives ${KILLS} kills at random moments, and doubles come of crashes only: ${nodes} workers`,
    {
      timeoutMs: 600_000,
    },
    () => survive(nodes),
  );
}

async function survive(nodes: number): Promise<void> {
  const seed = Number(process.env.KASI_SEED ?? Date.now() % 1_000_000);
  const random = seeded(seed);
  await using sink = await TokenSink.start();
  const dir = temporaryDir("kasi-lost-");
  try {
    const port = await freePort();
    const site = {
      dir,
      files: relaySite(sink.port, { "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=${nodes}\n` }),
      startMs: 120_000,
    };
    const shards = nodes === 0 ? [""] : Array.from({ length: nodes }, (_, i) => `/w${i + 1}`);
    sink.refuse = (recipient) => recipient.startsWith("b");
    let kasi = await startKasi(site);
    const over = new AbortController();
    const clients = Promise.all([true, false].map((reuse) =>
      sendLoad({
        port,
        connections: 4,
        reuse,
        recipients,
        // Some too large for the journal: their bodies lie in files of their own.
        size: (n) => isBallast(n) ? 1_000_000 : n % 40 === 7 ? 1_500_000 : 2000,
        pauseMs: 5,
        prefix: reuse ? "r" : "n",
        signal: over.signal,
      })
    ));
    const kills: number[] = [];
    const outputs: string[] = [];
    try {
      for (let i = 0; i < KILLS; i++) {
        await pause(LONG ? 1000 + random() * 4000 : 300 + random() * 1700);
        // Mail of the first segments still waits; once they are gone it lies elsewhere.
        if (LONG && i === HALF) {
          await eventually(() => shards.every((shard) => oldest(`${dir}/queue${shard}`) > 1), 180_000);
        }
        await kasi.kill();
        kills.push(performance.now());
        outputs.push(kasi.output());
        if (i === HALF) sink.refuse = () => false;
        kasi = await startKasi(site);
      }
      await pause(500);
      over.abort();
      const results = await clients;
      const load = {
        ...results[0]!,
        acknowledged: new Map(results.flatMap(({ acknowledged }) => [...acknowledged])),
        broken: results[0]!.broken + results[1]!.broken,
      };
      const left = await drain(kasi, load, sink, 60_000);
      assert.deepEqual(left, [], `seed ${seed}: lost ${left.length} of ${load.acknowledged.size} messages`);
      assert.deepEqual(
        results.flatMap(({ refused }) => [...refused.keys()].filter((text) => !text.startsWith("421"))),
        [],
      );
      assert.ok(load.acknowledged.size > 100, `only ${load.acknowledged.size} messages were acknowledged`);
      assert.ok(sink.refused > 10, "the next hop had nothing to refuse");

      const doubles = [...sink.deliveries()].filter(([, times]) => times.length > 1);
      for (const [key, times] of doubles) {
        times.slice(1).forEach((second, i) => {
          const first = times[i]!;
          const excused = kills.some((kill) => first < kill && kill < second && kill - first < UNRECORDED_MS);
          assert.ok(
            excused,
            `seed ${seed}: ${key} came twice without a crash in between: ${first} ${second}, kills ${kills}`,
          );
        });
      }
      console.log(
        `seed ${seed}: ${load.acknowledged.size} messages acknowledged, ${load.broken} broken off, ` +
          `${sink.refused} refusals, ${doubles.length} delivered twice around ${KILLS} kills, 0 lost`,
      );

      assert.equal(await kasi.stop(), 0);
      outputs.push(kasi.output());
      kasi = await startKasi(site);
      for (const shard of shards) {
        await kasi.untilLogged(new RegExp(`queue: recovered .*shard="?\\S*queue${shard}"? messages=0 `));
        assert.deepEqual(readdirSync(join(dir, `queue${shard}/body`)), [], "no body is left over");
      }
      outputs.push(kasi.output());
      for (const output of outputs) {
        assert.doesNotMatch(output, /\[(CRIT|ALERT|EMERG)\]/);
        // A kill between two writes of a large mail leaves half of it, which nobody was told is safe.
        assert.doesNotMatch(output.replace(/.*reason="torn tail".*/g, ""), /damaged|meaningless|unreadable/);
      }
    } finally {
      over.abort();
      await clients.catch(() => {});
      await kasi.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("a torn tail and a flipped byte are set aside with a log line, and the rest is delivered", {
  timeoutMs: 120_000,
}, async () => {
  await using sink = await TokenSink.start();
  const dir = temporaryDir("kasi-damage-");
  const site = { dir, files: relaySite(sink.port) };
  let kasi = await startKasi(site);
  try {
    sink.refuse = () => true;
    const load = await sendLoad({ port: kasi.port, connections: 2, messages: 50, reuse: true, recipients });
    assert.equal(load.acknowledged.size, 50);
    await kasi.kill();

    const segments = readdirSync(join(dir, "queue")).filter((name) => name.endsWith(".log")).sort();
    const path = join(dir, "queue", segments[0]!);
    const octets = readFileSync(path);
    const at = octets.indexOf("X-Token: t17\r\n");
    assert.ok(at > 0, "the record of message 17 is in the first segment");
    octets[at + 4]! ^= 0x10;
    writeFileSync(path, octets);
    // The beginning of a record, as a machine that died while writing leaves it.
    appendFileSync(path, octets.subarray(32, 32 + 100));

    kasi = await startKasi(site);
    assert.match(kasi.output(), /a damaged piece was set aside .*reason="?damaged record/);
    assert.match(kasi.output(), /a damaged piece was set aside .*reason="?torn tail/);
    sink.refuse = () => false;
    const lost = await drain(kasi, { ...load, acknowledged: without(load.acknowledged, "t17") }, sink, 30_000);
    assert.deepEqual(lost, []);
    const aside = readdirSync(join(dir, "queue/corrupt")).map((name) =>
      readFileSync(join(dir, "queue/corrupt", name), "latin1")
    );
    assert.ok(aside.some((text) => text.includes("en: t17\r\n")), "the damaged message was kept aside");

    await eventually(() => missing({ ...load, acknowledged: without(load.acknowledged, "t17") }, sink).length === 0);
    assert.equal(await kasi.stop(), 0);
    kasi = await startKasi(site);
    assert.match(kasi.output(), /queue: recovered .*messages=0 .*torn=0/);
  } finally {
    await kasi.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

function without(map: LoadResult["acknowledged"], token: string): LoadResult["acknowledged"] {
  return new Map([...map].filter(([each]) => each !== token));
}
